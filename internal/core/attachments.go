package core

import (
	"context"
	"io"
	"time"

	"parley/internal/chat"
)

// Upload is a file on its way in.
type Upload struct {
	Filename string
	MIMEType string // as declared; checked against the content
	Body     io.Reader
}

// UploadFile checks, scans and stores a file, with a thumbnail for images, streaming in bounded memory. It belongs to the
// actor until a message carries it; unused it is gone after Limits.UnusedUploadTTL. Fails with attachment_too_large (kind
// TooLarge), attachment_empty, type_not_allowed, type_mismatch (kind Unsupported), infected, archive_bomb, image_bomb, rate_limited.
func (c *Core) UploadFile(ctx context.Context, by chat.Actor, u Upload) (chat.Attachment, error) {
	return chat.Attachment{}, errUnbuilt
}

// File is an open attachment.
type File struct {
	Attachment chat.Attachment
	Body       io.ReadSeekCloser
	MIMEType   string
	Hash       string // of these bytes: a strong ETag
	ModTime    time.Time
}

// OpenAttachment opens an attachment or its thumbnail for who can read a message with it, or its uploader. Fails with
// attachment_not_found, thumbnail_not_found.
func (c *Core) OpenAttachment(ctx context.Context, by chat.Actor, key string, thumbnail bool) (File, error) {
	return File{}, errUnbuilt
}

// releaseBlobs deletes blobs that nothing refers to any more, in the background.
func (c *Core) releaseBlobs(hashes []string) {}
