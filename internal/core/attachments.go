package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/media"
	"parley/internal/scan"
)

// Upload is a file on its way in.
type Upload struct {
	Filename string
	MIMEType string // as declared; checked against the content
	Body     io.Reader
}

// File is an open attachment.
type File struct {
	Attachment chat.Attachment
	Body       io.ReadSeekCloser
	MIMEType   string
	Hash       string // of these bytes: a strong ETag
	ModTime    time.Time
}

// files is what uploads share.
type files struct {
	renderer *media.Renderer
	emoji    *media.Renderer
	// releasing keeps two things apart: storing bytes and then committing the row that names them (readers), and finding
	// that no row names some bytes and then deleting them (the writer). Taken before anything of the store; no other lock
	// is taken under it, and nothing under it waits for a client.
	releasing sync.RWMutex
	// background counts the deletions that are under way.
	background sync.WaitGroup
}

var (
	errAttachmentNotFound = chat.Errorf(chat.NotFound, "attachment_not_found", "There is no such file, or you cannot see it.")
	errAttachmentPending  = chat.Errorf(chat.Conflict, "attachment_pending", "This file waits to be checked for malware. Try again later.")
	errThumbnailNotFound  = chat.Errorf(chat.NotFound, "thumbnail_not_found", "There is no small picture of this file.")
)

// UploadFile checks, scans and stores a file, with a thumbnail for images, streaming in bounded memory. It belongs to the
// actor until a message carries it; unused it is gone after Limits.UnusedUploadTTL. Fails with attachment_too_large (kind
// TooLarge), attachment_empty, type_not_allowed, type_mismatch (kind Unsupported), infected, archive_bomb, archive_unsafe,
// image_bomb, image_invalid, upload_incomplete, rate_limited, and scan_unavailable when the scanner does not answer, unless the
// operator lets files wait for it: then the upload is pending.
func (c *Core) UploadFile(ctx context.Context, by chat.Actor, u Upload) (a chat.Attachment, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return a, err
	}
	if err := c.chargeUpload(ctx, by); err != nil {
		return a, err
	}
	file, err := c.receive(ctx, u.Body)
	if err != nil {
		return a, err
	}
	defer file.discard()
	meta := scan.Meta{Filename: u.Filename, MIME: u.MIMEType}
	state := chat.ScanClean
	err = c.examine(ctx, by, file, meta)
	if c.Waiting == WaitingPending && errors.Is(err, scan.ErrUnavailable) {
		state, err = chat.ScanPending, nil
	}
	if err != nil {
		return a, err
	}
	settings, err := c.Server(ctx)
	if err != nil {
		return a, err
	}
	kind, err := c.inspect(ctx, file, settings.AttachmentTypes, meta)
	if err != nil {
		return a, err
	}
	a = chat.Attachment{
		Key: c.newKey(), UploaderID: by.UserID, Filename: media.SanitizeFilename(u.Filename), Size: file.size, MIMEType: kind.MIME(),
		Scan: state, CreatedAt: c.now(),
	}
	var thumb media.Picture
	if kind.Image() {
		info, err := c.files.renderer.Probe(ctx, file, file.size)
		if err != nil {
			return a, fileError(err)
		}
		a.Width, a.Height = info.Width, info.Height
		// A picture that is damaged further in, or too large to be decoded here, is kept without a thumbnail.
		thumb, err = c.files.renderer.Thumbnail(ctx, file, file.size)
		if err != nil && !errors.Is(err, media.ErrImageTooCostly) && !errors.Is(err, media.ErrImageInvalid) {
			return a, fileError(err)
		}
		a.ThumbMIME = thumb.MIME
	}
	c.files.releasing.RLock()
	defer c.files.releasing.RUnlock()
	var release func()
	a.Hash, release, err = c.putHeld(ctx, func() io.Reader { return io.NewSectionReader(file, 0, file.size) })
	defer release()
	if err != nil {
		return a, err
	}
	if len(thumb.Data) > 0 {
		a.ThumbHash, release, err = c.putHeld(ctx, func() io.Reader { return bytes.NewReader(thumb.Data) })
		defer release()
		if err != nil {
			return a, err
		}
	}
	err = c.change(ctx, func(tx Tx) (_ []chat.Event, err error) {
		a, err = tx.CreateAttachment(ctx, a)
		return nil, err
	})
	if err != nil {
		c.releaseBlobs([]string{a.Hash, a.ThumbHash})
	}
	return a, err
}

func (c *Core) chargeUpload(ctx context.Context, by chat.Actor) error {
	if by.Operator {
		return nil
	}
	return c.charge(ctx, "upload:"+string(by.UserID), c.Limits.UploadsPerMinute, time.Minute, "You are uploading too many files.")
}

// put stores bytes and returns their hash.
func (c *Core) put(ctx context.Context, r io.Reader) (string, error) {
	info, err := c.Blobs.Put(ctx, r)
	if err != nil {
		return "", &chat.Error{Kind: chat.Unavailable, Code: "files_unavailable", Text: "Files cannot be stored right now. Try again in a moment.", Cause: err}
	}
	return info.Hash, nil
}

// received is an upload that is complete, in a temporary file.
type received struct {
	*os.File
	size int64
}

// discard closes and removes the file. Where the system allows it, the name was gone all the time.
func (f received) discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// receive takes a body in, up to the limit.
func (c *Core) receive(ctx context.Context, body io.Reader) (received, error) {
	s, err := c.Server(ctx)
	if err != nil {
		return received{}, err
	}
	return c.receiveUpTo(ctx, body, s.AttachmentBytes)
}

// receiveUpTo is receive with a limit of its own; 0 or less is none.
func (c *Core) receiveUpTo(ctx context.Context, body io.Reader, max int64) (received, error) {
	tmp, err := os.CreateTemp(c.TempDir, "upload-*")
	if err != nil {
		return received{}, fmt.Errorf("receiving an upload: %w", err)
	}
	file := received{File: tmp}
	_ = os.Remove(tmp.Name()) // an open file needs no name, and nothing is left behind by a crash
	in := &source{ctx: ctx, r: body}
	limited := io.Reader(in)
	if max > 0 {
		limited = io.LimitReader(in, max+1)
	}
	file.size, err = io.Copy(tmp, limited)
	switch {
	case in.err != nil:
		err = &chat.Error{Kind: chat.Invalid, Code: "upload_incomplete", Text: "The file did not arrive completely. Upload it again.", Cause: in.err}
	case err != nil:
		err = fmt.Errorf("receiving an upload: %w", err)
	case max > 0 && file.size > max:
		tooLarge := chat.InvalidField("file", "attachment_too_large", "A file can have at most %s.", byteCount(max))
		tooLarge.Kind = chat.TooLarge
		err = tooLarge
	case file.size == 0:
		err = chat.InvalidField("file", "attachment_empty", "The file is empty.")
	}
	if err != nil {
		file.discard()
		return received{}, err
	}
	return file, nil
}

// source reads until its context ends, and remembers whether it was the sender who failed.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	err := s.ctx.Err()
	n := 0
	if err == nil {
		n, err = s.r.Read(p)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// byteCount writes a number of bytes for people.
func byteCount(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// examine refuses a file in which the scanner finds something, and every file while it does not answer. It comes before
// inspect: whoever uploads malware should be told that, not that the name is wrong.
func (c *Core) examine(ctx context.Context, by chat.Actor, file received, meta scan.Meta) error {
	if c.Scanner == nil {
		return nil
	}
	verdict, err := c.Scanner.Scan(ctx, file, file.size, meta)
	if err != nil {
		c.log.Error("the malware scanner does not answer", "err", err)
		return &chat.Error{Kind: chat.Unavailable, Code: "scan_unavailable", Text: "Files cannot be checked for malware right now, so none are taken. Try again later.", Cause: err}
	}
	if !verdict.Clean() {
		c.log.Warn("upload refused", "user", by.UserID, "code", verdict.Refusal.ErrorCode(), "signature", verdict.Signature)
	}
	return fileError(verdict.Err())
}

// inspect finds out what a file is and refuses it if it is not allowed, or not what it is declared to be.
func (c *Core) inspect(ctx context.Context, file received, allowed []scan.Type, meta scan.Meta) (scan.Type, error) {
	kind, err := scan.Policy{Allowed: allowed}.Check(ctx, file, file.size, meta)
	return kind, fileError(err)
}

// refused is a file's refusal by the packages that look at files.
type refused interface {
	error
	ErrorCode() string
}

// fileError turns the refusals of a file into errors of the domain.
func fileError(err error) error {
	var r refused
	if err == nil || !errors.As(err, &r) {
		return err
	}
	kind := chat.Invalid
	if r.ErrorCode() == scan.CodeTypeNotAllowed || r.ErrorCode() == scan.CodeTypeMismatch {
		kind = chat.Unsupported
	} else if r.ErrorCode() == scan.CodeTooLarge {
		kind = chat.TooLarge
	}
	e := chat.Errorf(kind, r.ErrorCode(), "This file cannot be taken: %s.", r.Error())
	e.Field, e.Cause = "file", err
	return e
}

// OpenAttachment opens an attachment or its thumbnail for who can read a message with it, or its uploader. Fails with
// attachment_not_found, thumbnail_not_found, and attachment_pending until the scanner has seen it.
func (c *Core) OpenAttachment(ctx context.Context, by chat.Actor, key string, thumbnail bool) (File, error) {
	a, err := c.Store.AttachmentByKey(ctx, key)
	if err == nil {
		err = c.mayOpen(ctx, by, a)
	}
	if err != nil {
		if kind := chat.AsError(err).Kind; kind == chat.NotFound || kind == chat.Forbidden {
			err = errAttachmentNotFound
		}
		return File{}, err
	}
	f := File{Attachment: a, MIMEType: a.MIMEType, Hash: a.Hash, ModTime: a.CreatedAt}
	if thumbnail {
		if a.ThumbHash == "" {
			return File{}, errThumbnailNotFound
		}
		f.MIMEType, f.Hash = a.ThumbMIME, a.ThumbHash
	}
	if f.Body, _, err = c.Blobs.Open(ctx, f.Hash); errors.Is(err, blob.ErrNotFound) {
		c.log.Error("the bytes of an attachment are missing", "attachment", a.ID, "hash", f.Hash)
		err = errAttachmentNotFound
	}
	return f, err
}

// Attachment returns what is known of a file, to whom OpenAttachment would open it. Fails like it.
func (c *Core) Attachment(ctx context.Context, by chat.Actor, key string) (chat.Attachment, error) {
	a, err := c.Store.AttachmentByKey(ctx, key)
	if err == nil {
		err = c.mayOpen(ctx, by, a)
	}
	if err != nil && chat.AsError(err).Kind == chat.Forbidden {
		err = errAttachmentNotFound
	}
	return a, err
}

// DeleteAttachment takes an upload away that no message carries yet: the uploader's, or anybody's for who manages messages. What
// was sent goes with its message. Fails with attachment_not_found, delete_forbidden, attachment_sent.
func (c *Core) DeleteAttachment(ctx context.Context, by chat.Actor, key string) error {
	user, err := c.person(ctx, by)
	if err != nil {
		return err
	}
	a, err := c.Store.AttachmentByKey(ctx, key)
	if err == nil && a.Scan == chat.ScanInfected {
		err = errAttachmentNotFound
	}
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			err = errAttachmentNotFound
		}
		return err
	}
	if a.UploaderID != by.UserID && user.Rank < chat.RankAdmin {
		return refusal(chat.CanDelete)
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Attachment(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		if now.MessageID != 0 {
			return nil, chat.Errorf(chat.Conflict, "attachment_sent", "This file is part of a message: delete the message.")
		}
		return nil, tx.DeleteAttachment(ctx, a.ID)
	})
	if err == nil {
		c.releaseBlobs([]string{a.Hash, a.ThumbHash})
	}
	return err
}

// mayOpen refuses files of messages that the actor cannot read, and uploads of others that were never sent.
func (c *Core) mayOpen(ctx context.Context, by chat.Actor, a chat.Attachment) error {
	switch {
	case a.Scan == chat.ScanInfected || a.Scan == chat.ScanPending && !by.Operator && a.UploaderID != by.UserID || !a.ExpiresAt.IsZero() && !c.now().Before(a.ExpiresAt):
		return errAttachmentNotFound
	case a.Scan == chat.ScanPending:
		return errAttachmentPending
	case by.Operator || by.UserID != "" && a.UploaderID == by.UserID:
		return nil
	case a.MessageID == 0:
		return errAttachmentNotFound
	}
	_, err := c.readable(ctx, by, a.MessageID)
	return err
}

// releaseBlobs deletes blobs that nothing refers to any more, in the background. What cannot be deleted now is said in the
// log and stays.
func (c *Core) releaseBlobs(hashes []string) {
	if len(hashes) == 0 {
		return
	}
	c.files.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, hash := range hashes {
			if hash == "" {
				continue
			}
			err := c.releaseBlob(ctx, hash)
			for try := 0; err != nil && c.Shared && try < releaseTries && !c.ending(releaseAgain); try++ {
				err = c.releaseBlob(ctx, hash)
			}
			if err != nil {
				c.log.Error("a blob that is not needed could not be deleted", "hash", hash, "err", err)
			}
		}
	})
}

func (c *Core) releaseBlob(ctx context.Context, hash string) error {
	c.files.releasing.Lock()
	defer c.files.releasing.Unlock()
	release, err := c.hold(ctx, 0, hash) // not waiting: uploads would wait too
	defer release()
	if err != nil {
		return err
	}
	if used, err := c.Store.BlobInUse(ctx, hash); err != nil || used {
		return err
	}
	return c.Blobs.Delete(ctx, hash)
}

// collectUploads deletes uploads that no message took within Limits.UnusedUploadTTL, a bounded number per call, and
// returns how many.
func (c *Core) collectUploads(ctx context.Context) (int, error) {
	if c.Limits.UnusedUploadTTL < 0 {
		return 0, nil
	}
	unused, err := c.Store.UnusedAttachments(ctx, c.now().Add(-c.Limits.UnusedUploadTTL), 100)
	if err != nil || len(unused) == 0 {
		return 0, err
	}
	var blobs []string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		blobs = blobs[:0]
		for _, a := range unused {
			now, err := tx.Attachment(ctx, a.ID)
			if err == nil && now.MessageID == 0 { // still nobody's
				blobs = append(blobs, now.Hash, now.ThumbHash)
				err = tx.DeleteAttachment(ctx, a.ID)
			}
			if err != nil && chat.AsError(err).Kind != chat.NotFound {
				return nil, err
			}
		}
		return nil, nil
	})
	if err != nil {
		return 0, err
	}
	c.releaseBlobs(blobs)
	return len(unused), nil
}
