// Package blob is the port to where the bytes of uploads live: a content-addressed store in which a blob's name
// is the SHA-256 of its content.
//
// What does not belong here: names, types, owners and rights of attachments, size limits, scanning and
// thumbnails. They happen once, in front of a Store, and not again in every implementation.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// HashLen is the length of a blob's hash in its only written form: lower-case hexadecimal SHA-256.
const HashLen = 64

var (
	// ErrNotFound says that the store holds no blob with the hash asked for.
	ErrNotFound = errors.New("blob: not found")
	// ErrInvalidHash says that a string is not a hash at all. No store looks anything up under such a string,
	// so that no path or object key can be built from what a client typed.
	ErrInvalidHash = errors.New("blob: invalid hash")
)

// Info describes one stored blob.
type Info struct {
	// Hash is the lower-case hexadecimal SHA-256 of the content.
	Hash string
	// Size is the length of the content in bytes.
	Size int64
	// Stored is when the content was last put, also if it was there already. A garbage collector leaves
	// recent blobs alone: the row that refers to them may not be committed yet.
	Stored time.Time
}

// Store keeps blobs. Implementations are safe for concurrent use and pass blobtest.Run.
type Store interface {
	// Put reads r to its end and stores the content, streaming. When it returns without error the content
	// survives a crash. Putting what is already stored keeps one copy and succeeds. On any error, of r or of
	// ctx among them, nothing is stored and errors.Is finds the cause. ctx is looked at between reads: a read
	// that blocks is r's to interrupt.
	Put(ctx context.Context, r io.Reader) (Info, error)
	// Open returns the content from its start; the caller closes it. Deleting the blob meanwhile may, but
	// need not, end the reading with an error. Fails with ErrNotFound or ErrInvalidHash.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, Info, error)
	// Stat is Open without the content.
	Stat(ctx context.Context, hash string) (Info, error)
	// Delete removes a blob. Deleting what is not there is fine. Fails with ErrInvalidHash.
	Delete(ctx context.Context, hash string) error
	// List calls fn for every blob in ascending order of hash, until fn fails, whose error it returns as it
	// is. Blobs that come or go meanwhile may be seen or not; all others are seen exactly once. fn may call
	// the store, Delete included.
	List(ctx context.Context, fn func(Info) error) error
}

// CheckHash returns nil for a well-formed hash and ErrInvalidHash for anything else. Upper case is refused, since
// a hash has one written form.
func CheckHash(hash string) error {
	if len(hash) != HashLen {
		return ErrInvalidHash
	}
	for i := range len(hash) {
		if c := hash[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ErrInvalidHash
		}
	}
	return nil
}

// Presigner is what a Store can also be whose blobs people may fetch straight from where they lie.
type Presigner interface {
	// Presign returns an address that gives the blob to whoever has it, until it ends. It does not look whether the
	// blob is there. Fails with ErrInvalidHash, or when a is out of bounds.
	Presign(ctx context.Context, hash string, a Access) (string, error)
}

// Access says how a presigned address behaves.
type Access struct {
	Filename string        // suggested to who saves it; empty: none
	MIMEType string        // sent as the content's type; empty: application/octet-stream
	Inline   bool          // may be shown in place; otherwise it is to be saved
	Life     time.Duration // from a second to MaxAccessLife
}

// MaxAccessLife bounds how long an address without any further check may work.
const MaxAccessLife = time.Hour
