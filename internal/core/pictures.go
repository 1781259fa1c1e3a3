package core

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/scan"
)

var errPictureNotFound = chat.Errorf(chat.NotFound, "picture_not_found", "There is no such picture.")

// storePicture makes an avatar of a picture (square, small, without metadata), stores it and calls record with its name of
// 64 hex digits. record commits what refers to the picture by an address that ends in the name; until it returns, no
// picture is deleted. Fails like UploadFile, also with image_too_costly.
func (c *Core) storePicture(ctx context.Context, by chat.Actor, picture io.Reader, record func(name string) error) error {
	if err := c.chargeUpload(ctx, by); err != nil {
		return err
	}
	file, err := c.receive(ctx, picture)
	if err != nil {
		return err
	}
	defer file.discard()
	if err := c.examine(ctx, by, file, scan.Meta{}); err != nil {
		return err
	}
	if _, err := c.inspect(ctx, file, []scan.Type{scan.JPEG, scan.PNG, scan.GIF, scan.WebP}, scan.Meta{}); err != nil {
		return err
	}
	avatar, err := c.files.renderer.Avatar(ctx, file, file.size)
	if err != nil {
		return fileError(err)
	}
	c.files.releasing.RLock()
	defer c.files.releasing.RUnlock()
	name, release, err := c.putHeld(ctx, func() io.Reader { return bytes.NewReader(avatar.Data) })
	defer release()
	if err != nil {
		return err
	}
	if err := record(name); err != nil {
		c.releaseBlobs([]string{name})
		return err
	}
	return nil
}

// SetRoomAvatar stores a picture as a room's avatar (manage_room), made like a person's. Fails like an upload, and with
// manage_room_forbidden, direct_room.
func (c *Core) SetRoomAvatar(ctx context.Context, by chat.Actor, id chat.RoomID, picture io.Reader) (chat.RoomView, error) {
	if _, err := c.settings(ctx, by, chat.CanManageRoom, id); err != nil {
		return chat.RoomView{}, err
	}
	var old string
	err := c.storePicture(ctx, by, picture, func(name string) error {
		return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			room, err := tx.Room(ctx, id)
			if err != nil {
				return nil, err
			}
			old, room.AvatarURL = room.AvatarURL, AvatarPath+name
			if old == room.AvatarURL {
				return nil, nil
			}
			if room, err = tx.UpdateRoom(ctx, room); err != nil {
				return nil, err
			}
			if err := tx.AddAudit(ctx, c.audit(by, "room.update", "room", id.String(), id, map[string]any{"fields": []string{"avatar_url"}})); err != nil {
				return nil, err
			}
			return append([]chat.Event{chat.RoomChanged{Room: room}}, directoryEvents(room)...), nil
		})
	})
	if err != nil {
		return chat.RoomView{}, err
	}
	c.releaseAvatar(old) // if it is another one than now
	return c.freshView(ctx, by, id)
}

// openPicture opens a small picture of one of the kinds and tells its MIME type. Only what is one by its content is opened, so
// that the name of another blob gives nothing away, and nothing that the scanner has not seen. Fails with picture_not_found.
func (c *Core) openPicture(ctx context.Context, name string, kinds ...scan.Type) (io.ReadSeekCloser, string, error) {
	if c.Scanner != nil {
		held, err := c.Store.Quarantined(ctx, name)
		if err != nil {
			return nil, "", err
		}
		if held {
			return nil, "", errPictureNotFound
		}
	}
	body, info, err := c.Blobs.Open(ctx, name)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrInvalidHash) {
		return nil, "", errPictureNotFound
	}
	if err != nil {
		return nil, "", err
	}
	const maxAvatar = 1 << 20 // far above what the renderer makes
	var kind scan.Type
	if info.Size <= maxAvatar {
		content, err := io.ReadAll(io.LimitReader(body, maxAvatar))
		if err == nil {
			kind, err = scan.Detect(ctx, bytes.NewReader(content), int64(len(content)))
			if refusal := refused(nil); errors.As(err, &refusal) {
				err = nil
			}
		}
		if err == nil {
			_, err = body.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, "", errors.Join(err, body.Close())
		}
	}
	if !slices.Contains(kinds, kind) {
		return nil, "", errors.Join(errPictureNotFound, body.Close())
	}
	return body, kind.MIME(), nil
}
