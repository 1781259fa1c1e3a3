package app

import (
	"context"
	"encoding/json"
	"fmt"

	"parley/internal/chat"
	"parley/internal/core"
)

// firstRoomSetting remembers that the first room was made, so that who deletes it is rid of it.
const firstRoomSetting = "first_room"

// firstStart gives a new server the room that everyone meets in. A crash in between is made up for by the next start.
func (a *App) firstStart(ctx context.Context) error {
	_, err := a.store.Setting(ctx, firstRoomSetting)
	if err == nil {
		return nil
	}
	if chat.AsError(err).Kind != chat.NotFound {
		return fmt.Errorf("first room: %w", err)
	}
	_, err = a.core.CreateRoom(ctx, chat.Operator, core.NewRoom{Name: "general", Slug: "general", Description: "For everyone and everything.", Type: chat.Public, Official: true})
	if err != nil && chat.CodeOf(err) != "slug_taken" {
		return fmt.Errorf("first room: %w", err)
	}
	err = a.store.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		return nil, tx.PutSetting(ctx, firstRoomSetting, json.RawMessage(`true`))
	})
	if err != nil {
		return fmt.Errorf("first room: %w", err)
	}
	return nil
}
