package core

import (
	"context"

	"parley/internal/chat"
)

type markKey struct{}

// WithMark names the request that a call is made for. Changes of messages that the call causes carry the name in
// Message.Mark, on this node alone: so a dialect whose answer to a request is the event itself can tell it from others.
func WithMark(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, markKey{}, name)
}

// MarkOf returns the name of the request that a call is made for; empty for none.
func MarkOf(ctx context.Context) string { return markOf(ctx) }

func markOf(ctx context.Context) string {
	name, _ := ctx.Value(markKey{}).(string)
	return name
}

// mark writes the name of the request into events that can carry it. Nobody else holds their messages yet. Where an event is
// about more than a message, that one alone is the answer to the request.
func mark(ctx context.Context, events []chat.Event) {
	name := markOf(ctx)
	if name == "" {
		return
	}
	for i, ev := range events {
		switch e := ev.(type) {
		case chat.ThreadCreated:
			e.Mark = name
			events[i] = e
		case chat.ThreadChanged:
			e.Mark = name
			events[i] = e
		case chat.ThreadDeleted:
			e.Mark = name
			events[i] = e
		case chat.ThreadJoined:
			e.Mark = name
			events[i] = e
		case chat.UserRolesChanged:
			e.Mark = name
			events[i] = e
		case chat.ThreadLeft:
			e.Mark = name
			events[i] = e
		default:
			continue
		}
		return
	}
	for _, ev := range events {
		if e, ok := ev.(chat.Sequenced); ok {
			e.State().Mark = name
		}
	}
}
