package core

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/scan"
)

// PreviewPath is what the addresses of pictures in link previews begin with; the name of the picture follows.
const PreviewPath = "/api/previews/"

// Bounds of pictures in link previews.
const (
	MaxPreviewBytes = 5 << 20 // of the original
	minPreviewSide  = 16      // pixels; what is smaller is there to count visitors
)

// errPreviewPicture refuses a picture that nobody could see.
var errPreviewPicture = chat.Errorf(chat.Invalid, "image_invalid", "The picture is too small to be shown.")

// PreviewPicture is a picture that a preview can show.
type PreviewPicture struct {
	Path          string
	Width, Height int
}

// StorePreview makes a thumbnail of a picture from another site and keeps it, so that nobody who sees a preview has to ask
// that site. It is released by SetLinks unless a message shows it then. Fails like an upload.
func (c *Core) StorePreview(ctx context.Context, picture io.Reader) (p PreviewPicture, err error) {
	file, err := c.receive(ctx, picture)
	if err != nil {
		return p, err
	}
	defer file.discard()
	if err := c.examine(ctx, chat.Operator, file, scan.Meta{}); err != nil {
		return p, err
	}
	if _, err := c.inspect(ctx, file, []scan.Type{scan.JPEG, scan.PNG, scan.GIF, scan.WebP}, scan.Meta{}); err != nil {
		return p, err
	}
	thumb, err := c.files.renderer.Thumbnail(ctx, file, file.size)
	if err != nil {
		return p, fileError(err)
	}
	if min(thumb.Width, thumb.Height) < minPreviewSide {
		return p, errPreviewPicture
	}
	name, err := c.put(ctx, bytes.NewReader(thumb.Data))
	return PreviewPicture{Path: PreviewPath + name, Width: thumb.Width, Height: thumb.Height}, err
}

// Preview opens the picture behind a preview's address, by its name (64 hex digits): bytes and MIME type. Anyone may see it.
// Fails with picture_not_found.
func (c *Core) Preview(ctx context.Context, name string) (io.ReadSeekCloser, string, error) {
	return c.openPicture(ctx, name, scan.JPEG, scan.PNG)
}

// picturesOf lists the blobs of the pictures that links show.
func picturesOf(links []chat.Link) (hashes []string) {
	for _, l := range links {
		if name, ours := strings.CutPrefix(l.Image, PreviewPath); ours {
			hashes = append(hashes, name)
		}
	}
	return hashes
}

// withoutLost takes the pictures out of links that are not kept here, or no more.
func (c *Core) withoutLost(ctx context.Context, links []chat.Link) ([]chat.Link, error) {
	links = slices.Clone(links)
	for i := range links {
		l := &links[i]
		name, ours := strings.CutPrefix(l.Image, PreviewPath)
		if ours {
			_, err := c.Blobs.Stat(ctx, name)
			if err == nil {
				continue
			}
			if !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrInvalidHash) {
				return nil, err
			}
		}
		l.Image, l.Width, l.Height = "", 0, 0
	}
	return links, nil
}

// SetLinks stores what was found out about the pages that a message links to, and tells the room. links name the message's
// addresses in their order; one without a title keeps what was known of its page. If the message was deleted, no longer has
// these links, or nothing is new, nothing happens. Pictures are those of StorePreview. Fails with message_not_found.
func (c *Core) SetLinks(ctx context.Context, id chat.MessageID, links []chat.Link) error {
	unused := picturesOf(links)
	defer func() { c.releaseBlobs(unused) }() // those that no message shows now
	c.files.releasing.RLock()
	defer c.files.releasing.RUnlock()
	release, err := c.hold(ctx, holdWait, unused...)
	defer release()
	if err != nil {
		c.log.Debug("pictures are not held: nobody deletes anything meanwhile", "error", err)
	}
	links, err = c.withoutLost(ctx, links)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil || now.Deleted {
			return nil, err
		}
		unused = append(unused, picturesOf(now.Links)...)
		merged, ok := mergeLinks(now.Links, links)
		if !ok || slices.Equal(merged, now.Links) {
			return nil, nil
		}
		msg, err := tx.SetLinks(ctx, id, merged)
		if err != nil {
			return nil, err
		}
		return []chat.Event{chat.MessageChanged{Message: msg, What: chat.ChangedLinks}}, nil
	})
}

// knownLinks gives the links of an edited text what is known of them already.
func knownLinks(fresh, known []chat.Link) []chat.Link {
	for i := range fresh {
		if at := slices.IndexFunc(known, func(l chat.Link) bool { return l.URL == fresh[i].URL && l.Picture == fresh[i].Picture }); at >= 0 {
			fresh[i] = known[at]
		}
	}
	return fresh
}

// mergeLinks puts found over known; ok is false if they are not of the same addresses.
func mergeLinks(known, found []chat.Link) (merged []chat.Link, ok bool) {
	if len(known) != len(found) {
		return nil, false
	}
	merged = slices.Clone(known)
	for i, l := range found {
		if l.URL != known[i].URL || l.Picture != known[i].Picture {
			return nil, false
		}
		if l.Title != "" || l.Picture && l.Image != "" {
			merged[i] = l
		}
	}
	return merged, true
}
