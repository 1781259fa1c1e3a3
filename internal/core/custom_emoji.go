package core

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"

	"parley/internal/chat"
	"parley/internal/media"
	"parley/internal/scan"
)

// EmojiPath is what the addresses of custom emoji's pictures begin with; the name of the picture follows.
const EmojiPath = "/api/emoji/pictures/"

// Bounds of custom emoji.
const (
	MaxEmojiBytes = 256 << 10 // of a picture
	maxEmoji      = 2000      // of a server
	maxEmojiSide  = 256       // pixels of a picture that does not move; larger ones are scaled
	maxMovingSide = 512       // pixels of one that does
)

var (
	emojiName        = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	errEmojiName     = chat.InvalidField("name", "emoji_name_invalid", "The name of an emoji has 1 to 64 characters: A–Z, a–z, 0–9 and _.")
	errEmojiNotFound = chat.Errorf(chat.NotFound, "emoji_not_found", "There is no such emoji.")
	errEmojiUnknown  = chat.InvalidField("emoji", "emoji_unknown", "This server has no emoji of this name.")
)

// EmojiChange changes a custom emoji; nil fields stay.
type EmojiChange struct {
	Name    *string
	Picture io.Reader
}

// CustomEmoji lists the server's own emoji, in the order of their ids. Fails with token_invalid.
func (c *Core) CustomEmoji(ctx context.Context, by chat.Actor) ([]chat.Emoji, error) {
	if !by.Operator {
		if _, err := c.person(ctx, by); err != nil {
			return nil, err
		}
	}
	return c.Store.AllEmoji(ctx)
}

// MayManageEmoji says whether the actor may change the server's emoji. Fails with permission_missing.
func (c *Core) MayManageEmoji(ctx context.Context, by chat.Actor) error {
	return c.permitEmoji(ctx, by)
}

// permitEmoji is permit for who may change the server's emoji: manage_emoji, or manage_server.
func (c *Core) permitEmoji(ctx context.Context, by chat.Actor) error {
	_, err := c.permit(ctx, by, chat.ManageServer)
	if chat.CodeOf(err) == "permission_missing" {
		_, err = c.permit(ctx, by, chat.ManageEmoji)
	}
	return err
}

// AddEmoji makes a custom emoji of a picture: PNG, JPEG, GIF or WebP of at most 256 kB. What moves is kept as it is, other
// pictures are scaled and stored without metadata. Fails with permission_missing (manage_emoji), emoji_name_invalid,
// emoji_name_taken, too_many_emoji, and like an upload.
func (c *Core) AddEmoji(ctx context.Context, by chat.Actor, name string, picture io.Reader) (e chat.Emoji, err error) {
	if err := c.permitEmoji(ctx, by); err != nil {
		return e, err
	}
	if !emojiName.MatchString(name) {
		return e, errEmojiName
	}
	draft := chat.Emoji{Name: name, Version: 1, CreatedBy: by.UserID, CreatedAt: c.now()}
	err = c.storeEmoji(ctx, by, picture, &draft, func() error {
		return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			all, err := tx.AllEmoji(ctx)
			if err != nil {
				return nil, err
			}
			if len(all) >= maxEmoji {
				return nil, chat.Errorf(chat.Conflict, "too_many_emoji", "A server has at most %d emoji.", maxEmoji)
			}
			if e, err = tx.CreateEmoji(ctx, draft); err != nil {
				return nil, err
			}
			audit := c.audit(by, "emoji.create", "emoji", e.ID.String(), 0, map[string]any{"name": e.Name})
			return []chat.Event{chat.EmojiAdded{Emoji: e}}, tx.AddAudit(ctx, audit)
		})
	})
	return e, err
}

// storeEmoji checks and stores a picture, notes in e what it is, and calls record, which commits what refers to it; until it
// returns, no picture is deleted.
func (c *Core) storeEmoji(ctx context.Context, by chat.Actor, picture io.Reader, e *chat.Emoji, record func() error) error {
	if err := c.chargeUpload(ctx, by); err != nil {
		return err
	}
	file, err := c.receiveUpTo(ctx, picture, MaxEmojiBytes)
	if err != nil {
		return err
	}
	defer file.discard()
	if err := c.examine(ctx, by, file, scan.Meta{}); err != nil {
		return err
	}
	kind, err := c.inspect(ctx, file, []scan.Type{scan.JPEG, scan.PNG, scan.GIF, scan.WebP}, scan.Meta{})
	if err != nil {
		return err
	}
	info, err := c.files.renderer.Probe(ctx, file, file.size)
	if err != nil {
		return fileError(err)
	}
	small, err := c.files.emoji.Thumbnail(ctx, file, file.size) // also what is kept as it is must be a picture to its end
	if err != nil {
		return fileError(err)
	}
	e.Animated = info.Frames > 1
	content := func() io.Reader { return bytes.NewReader(small.Data) }
	e.MIMEType, e.Width, e.Height = small.MIME, small.Width, small.Height
	if e.Animated {
		if max(info.Width, info.Height) > maxMovingSide {
			return chat.InvalidField("file", media.CodeImageBomb, "An emoji that moves has at most %d × %d pixels.", maxMovingSide, maxMovingSide)
		}
		content = func() io.Reader { return io.NewSectionReader(file, 0, file.size) }
		e.MIMEType, e.Width, e.Height = kind.MIME(), info.Width, info.Height
	}
	c.files.releasing.RLock()
	defer c.files.releasing.RUnlock()
	var release func()
	e.Hash, release, err = c.putHeld(ctx, content)
	defer release()
	if err != nil {
		return err
	}
	if err := record(); err != nil {
		c.releaseBlobs([]string{e.Hash})
		return err
	}
	return nil
}

// UpdateEmoji gives an emoji another name or picture, which has another address then. Reactions that were given under the old
// name stay as they are. Fails with emoji_not_found and like AddEmoji.
func (c *Core) UpdateEmoji(ctx context.Context, by chat.Actor, id chat.EmojiID, ch EmojiChange) (e chat.Emoji, err error) {
	if err := c.permitEmoji(ctx, by); err != nil {
		return e, err
	}
	if ch.Name != nil && !emojiName.MatchString(*ch.Name) {
		return e, errEmojiName
	}
	var picture chat.Emoji
	var old string
	record := func() error {
		return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			var err error
			if e, err = tx.Emoji(ctx, id); err != nil {
				return nil, err
			}
			var fields []string
			details := map[string]any{"name": e.Name}
			if ch.Name != nil && *ch.Name != e.Name {
				e.Name = *ch.Name
				fields, details["now"] = append(fields, "name"), e.Name
			}
			if ch.Picture != nil && picture.Hash != e.Hash {
				old = e.Hash
				e.Hash, e.MIMEType, e.Width, e.Height, e.Animated = picture.Hash, picture.MIMEType, picture.Width, picture.Height, picture.Animated
				e.Version++
				fields = append(fields, "picture")
			}
			if len(fields) == 0 {
				return nil, nil
			}
			if err := tx.UpdateEmoji(ctx, e); err != nil {
				return nil, err
			}
			details["fields"] = fields
			return []chat.Event{chat.EmojiUpdated{Emoji: e}}, tx.AddAudit(ctx, c.audit(by, "emoji.update", "emoji", id.String(), 0, details))
		})
	}
	if ch.Picture == nil {
		return e, record()
	}
	if _, err := c.Store.Emoji(ctx, id); err != nil { // before anything is stored
		return e, err
	}
	if err = c.storeEmoji(ctx, by, ch.Picture, &picture, record); err == nil {
		c.releaseBlobs([]string{old})
	}
	return e, err
}

// RemoveEmoji deletes an emoji. Reactions that were given with it stay as their name. Fails with permission_missing,
// emoji_not_found.
func (c *Core) RemoveEmoji(ctx context.Context, by chat.Actor, id chat.EmojiID) error {
	if err := c.permitEmoji(ctx, by); err != nil {
		return err
	}
	var gone chat.Emoji
	err := c.change(ctx, func(tx Tx) (_ []chat.Event, err error) {
		if gone, err = tx.Emoji(ctx, id); err != nil {
			return nil, err
		}
		if err := tx.DeleteEmoji(ctx, id); err != nil {
			return nil, err
		}
		audit := c.audit(by, "emoji.delete", "emoji", id.String(), 0, map[string]any{"name": gone.Name})
		return []chat.Event{chat.EmojiRemoved{ID: id, Name: gone.Name}}, tx.AddAudit(ctx, audit)
	})
	if err == nil {
		c.releaseBlobs([]string{gone.Hash})
	}
	return err
}

// EmojiPicture opens a custom emoji's picture by its name (64 hex digits): bytes and MIME type. Anyone may see it. Fails with
// picture_not_found.
func (c *Core) EmojiPicture(ctx context.Context, name string) (io.ReadSeekCloser, string, error) {
	return c.openPicture(ctx, name, scan.JPEG, scan.PNG, scan.GIF, scan.WebP)
}

// existingEmoji returns the form of an emoji that a new reaction takes: custom ones must be there, and are written as they are
// named. Fails with emoji_unknown.
func (c *Core) existingEmoji(ctx context.Context, emoji string) (string, error) {
	if !strings.HasPrefix(emoji, ":") {
		return emoji, nil
	}
	e, err := c.Store.EmojiByName(ctx, strings.Trim(emoji, ":"))
	if chat.CodeOf(err) == errEmojiNotFound.Code {
		return "", errEmojiUnknown
	}
	return ":" + e.Name + ":", err
}

// newEmojiRenderer makes the renderer of emoji that do not move.
func newEmojiRenderer() *media.Renderer {
	return media.NewRenderer(media.Options{ThumbnailWidth: maxEmojiSide, ThumbnailHeight: maxEmojiSide, Decodes: 1})
}
