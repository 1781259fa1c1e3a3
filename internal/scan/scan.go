// Package scan decides what may be uploaded: the port to malware scanners, the built-in scanner, and the detection
// of a file's real type.
//
// What does not belong here: what happens to a refused file, the policy for an unreachable scanner (callers fail
// closed on any error of Scan), and images as pictures, which package media looks at.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Codes of refusals. They are stable and part of the API reference.
const (
	CodeInfected       = "infected"
	CodeArchiveBomb    = "archive_bomb"
	CodeArchiveUnsafe  = "archive_unsafe"
	CodeTypeNotAllowed = "type_not_allowed"
	CodeTypeMismatch   = "type_mismatch"
	CodeTooLarge       = "attachment_too_large"
)

// ErrUnavailable says that a scanner is away or overloaded: the same file may get a verdict later.
var ErrUnavailable = errors.New("the malware scanner does not answer")

// Error is a refusal of a file, as opposed to a failure to look at it. The package's errors wrap one of the
// values below with the details.
type Error struct {
	code string
	text string
}

// Error returns the refusal in words fit to be shown to a person.
func (e *Error) Error() string { return e.text }

// ErrorCode returns the stable code.
func (e *Error) ErrorCode() string { return e.code }

// The refusals, to be found with errors.Is.
var (
	ErrInfected       = &Error{CodeInfected, "the file contains malware"}
	ErrArchiveBomb    = &Error{CodeArchiveBomb, "the archive would unpack to more than is allowed"}
	ErrArchiveUnsafe  = &Error{CodeArchiveUnsafe, "the archive is damaged or made to harm the one who unpacks it"}
	ErrTypeNotAllowed = &Error{CodeTypeNotAllowed, "files of this type are not allowed"}
	ErrTypeMismatch   = &Error{CodeTypeMismatch, "the file is not of the type it is declared to be"}
	ErrTooLarge       = &Error{CodeTooLarge, "the file is larger than the malware scanner takes"}
)

// Meta is what the uploader declared. All of it may be wrong.
type Meta struct {
	// Filename is the name as uploaded; only its extension is looked at.
	Filename string
	// MIME is the declared media type, possibly with parameters, possibly empty.
	MIME string
}

// Verdict is what a scanner found out. The zero value says clean.
type Verdict struct {
	// Refusal is nil for a clean file, else ErrInfected, ErrArchiveBomb, ErrArchiveUnsafe or ErrTooLarge.
	Refusal *Error
	// Signature names what was found, for the log and the audit trail: "Eicar-Test-Signature".
	Signature string
}

// Clean reports whether nothing was found.
func (v Verdict) Clean() bool { return v.Refusal == nil }

// Err returns nil for a clean file, else the refusal with its signature.
func (v Verdict) Err() error {
	if v.Clean() {
		return nil
	}
	return fmt.Errorf("%w (%s)", v.Refusal, v.Signature)
}

// Scanner looks for malware. Implementations are safe for concurrent use.
type Scanner interface {
	// Scan reads the size bytes of r, in any order and more than once, and judges them. An error means that
	// there is no verdict: the scanner is away (ErrUnavailable), r failed, ctx ended. The file is not clean then.
	Scan(ctx context.Context, r io.ReaderAt, size int64, meta Meta) (Verdict, error)
}

// Chain returns a scanner that asks each of the given ones in turn and stops at the first that objects or fails.
func Chain(scanners ...Scanner) Scanner { return chain(scanners) }

type chain []Scanner

func (c chain) Scan(ctx context.Context, r io.ReaderAt, size int64, meta Meta) (Verdict, error) {
	for _, s := range c {
		if v, err := s.Scan(ctx, r, size, meta); err != nil || !v.Clean() {
			return v, err
		}
	}
	return Verdict{}, nil
}

// finding is a verdict on its way up through functions that return an error.
type finding Verdict

func (f *finding) Error() string { return Verdict(*f).Err().Error() }
func (f *finding) Unwrap() error { return f.Refusal }

func bomb(signature string) error    { return &finding{ErrArchiveBomb, "Archive.Bomb." + signature} }
func harmful(signature string) error { return &finding{ErrArchiveUnsafe, "Archive." + signature} }
