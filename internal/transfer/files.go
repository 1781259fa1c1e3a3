package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/media"
	"parley/internal/scan"
)

// incoming is a file whose bytes are being read.
type incoming struct {
	File
	to   *os.File // nil: it is read over
	left int64
	sum  hash.Hash
}

// stored is a file that waits for its message.
type stored struct {
	key  string
	id   chat.AttachmentID
	user chat.UserID
}

// refusal is why a file is not taken; a person reads it.
type refusal interface {
	error
	ErrorCode() string
}

// beginFile prepares for the bytes of a file.
func (r *run) beginFile(f *File) error {
	if f.Size < 1 || blob.CheckHash(f.SHA256) != nil || len(f.Attachment) > 64 {
		return damaged("a file has no size or no sum")
	}
	in := &incoming{File: *f, left: f.Size, sum: sha256.New()}
	r.file = in
	switch room := r.room; {
	case r.opts.DryRun:
		r.report.Files++
	case f.Size > r.MaxFile:
		r.note("a file of %d bytes is too large", f.Size)
	case !f.Avatar && (room == nil || room.done || room.seen < room.skip):
	default:
		to, err := os.CreateTemp(r.TempDir, "import-*")
		if err != nil {
			return err
		}
		in.to = to
	}
	return nil
}

// dropFile forgets a file that is not complete.
func (r *run) dropFile() error {
	in := r.file
	r.file = nil
	if in == nil || in.to == nil {
		return nil
	}
	return errors.Join(in.to.Close(), os.Remove(in.to.Name()))
}

// chunk takes the next bytes of the file under way.
func (r *run) chunk(b []byte) (err error) {
	in := r.file
	if in == nil || int64(len(b)) > in.left {
		return damaged("bytes that belong to no file")
	}
	in.left -= int64(len(b))
	in.sum.Write(b)
	if in.to != nil {
		if _, err := in.to.Write(b); err != nil {
			return err
		}
	}
	if in.left > 0 {
		return nil
	}
	if hex.EncodeToString(in.sum.Sum(nil)) != in.SHA256 {
		return damaged("the content of a file is not what its sum says")
	}
	defer func() { err = errors.Join(err, r.dropFile()) }()
	if in.to == nil {
		return nil
	}
	if in.Avatar {
		err = r.keepAvatar(in)
	} else {
		err = r.keepFile(in)
	}
	if refused := refusal(nil); errors.As(err, &refused) {
		r.note("a file was left out: %v", refused)
		err = nil
	}
	return err
}

// inspect finds out what a file is, and refuses what no server would take, however it is set.
func (r *run) inspect(in *incoming, allowed []scan.Type) (scan.Type, error) {
	kind, err := scan.Policy{Allowed: allowed}.Check(r.ctx, in.to, in.Size, scan.Meta{})
	if err != nil || r.Scanner == nil {
		return kind, err
	}
	verdict, err := r.Scanner.Scan(r.ctx, in.to, in.Size, scan.Meta{})
	if err != nil {
		return kind, err
	}
	return kind, verdict.Err()
}

// keepFile stores a file as an upload of its sender. The row comes first and its bytes after it, other than with uploads of
// people: so nobody who deletes the same bytes elsewhere can take them away in between. If the import breaks off here, the
// row is an upload that nobody sent, and goes like all of these.
func (r *run) keepFile(in *incoming) error {
	kind, err := r.inspect(in, scan.AllTypes())
	if err != nil {
		return err
	}
	key, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	a := chat.Attachment{Key: key.String(), UploaderID: r.person(in.User), Size: in.Size, MIMEType: kind.MIME(), Hash: in.SHA256, Scan: chat.ScanClean,
		CreatedAt: r.Now().UTC(), Filename: media.SanitizeFilename(in.Name)}
	var thumb media.Picture
	if kind.Image() {
		info, err := r.renderer.Probe(r.ctx, in.to, in.Size)
		if err != nil {
			return err
		}
		a.Width, a.Height = info.Width, info.Height
		thumb, err = r.renderer.Thumbnail(r.ctx, in.to, in.Size)
		if err != nil && !errors.Is(err, media.ErrImageTooCostly) && !errors.Is(err, media.ErrImageInvalid) {
			return err
		}
	}
	if len(thumb.Data) > 0 {
		sum := sha256.Sum256(thumb.Data)
		a.ThumbHash, a.ThumbMIME = hex.EncodeToString(sum[:]), thumb.MIME
	}
	err = r.Store.Change(r.ctx, func(tx core.Tx) (_ []chat.Event, err error) {
		a, err = tx.CreateAttachment(r.ctx, a)
		return nil, err
	})
	if err != nil {
		return err
	}
	if _, err := r.Blobs.Put(r.ctx, io.NewSectionReader(in.to, 0, in.Size)); err != nil {
		return err
	}
	if a.ThumbHash != "" {
		if _, err := r.Blobs.Put(r.ctx, bytes.NewReader(thumb.Data)); err != nil {
			return err
		}
	}
	r.stored = append(r.stored, stored{key: in.Attachment, id: a.ID, user: a.UploaderID})
	r.report.Files++
	return nil
}

// keepAvatar stores the picture of somebody whose account this import has made. Others keep theirs.
func (r *run) keepAvatar(in *incoming) error {
	id := r.person(in.User)
	user, err := r.Store.User(r.ctx, id)
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		return nil
	}
	if err != nil || user.DisabledAt.IsZero() || user.AvatarURL != "" {
		return err
	}
	if _, err := r.inspect(in, []scan.Type{scan.JPEG, scan.PNG, scan.GIF, scan.WebP}); err != nil {
		return err
	}
	picture, err := r.renderer.Avatar(r.ctx, in.to, in.Size)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(picture.Data)
	err = r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) { // first the row, as with other files
		now, err := tx.User(r.ctx, id)
		if err != nil {
			return nil, err
		}
		changed := *now
		changed.AvatarURL = core.AvatarPath + hex.EncodeToString(sum[:])
		return []chat.Event{chat.UserChanged{User: &changed}}, tx.UpdateUser(r.ctx, &changed)
	})
	if err != nil {
		return err
	}
	r.report.Files++
	_, err = r.Blobs.Put(r.ctx, bytes.NewReader(picture.Data))
	return err
}

// claim finds the files of a message among those that arrived before it, and says in words which ones are not there.
func (r *run) claim(m *Message) (ids []chat.AttachmentID, noted string) {
	var lost []string
	for i, a := range m.Attachments {
		at := slices.IndexFunc(r.stored, func(s stored) bool { return s.key == a.Key && s.user == r.person(m.Sender) })
		switch {
		case at >= 0 && i < maxFiles:
			ids = append(ids, r.stored[at].id)
			r.stored = slices.Delete(r.stored, at, at+1)
		case len(lost) < maxFiles:
			lost = append(lost, fmt.Sprintf("📎 %s (%d bytes, not imported)", media.SanitizeFilename(a.Filename), a.Size))
		}
	}
	if m.Deleted {
		return nil, ""
	}
	return ids, strings.Join(lost, "\n")
}

// forgetFiles drops files that no message took. Their rows are uploads that nobody sent, which the server removes.
func (r *run) forgetFiles() error {
	if n := len(r.stored); n > 0 {
		r.note("%d files belonged to no message", n)
		r.stored = nil
	}
	return nil
}
