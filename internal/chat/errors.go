package chat

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an Error is; every dialect maps each kind to its own form in one place.
type Kind uint8

// The kinds of failure.
const (
	Internal        Kind = iota // a fault of ours; logged once at the edge with an incident id
	Invalid                     // the request is malformed or breaks a limit
	Unauthenticated             // no, expired or revoked credentials
	Forbidden                   // known, but not allowed
	NotFound                    // absent, or invisible to the caller
	Conflict                    // clashes with what is there
	TooLarge                    // a body or file over its limit
	Unsupported                 // a media type that is not accepted
	TooMany                     // rate limited; RetryAfter is set
	Unavailable                 // a needed service is away; try again
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "too_large", "unsupported", "too_many", "unavailable"}

func (k Kind) String() string { return kindNames[k] }

// Kinds lists every kind, for tests that walk them all.
func Kinds() []Kind {
	kinds := make([]Kind, len(kindNames))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// Error is the one error shape that crosses from the core to a dialect.
type Error struct {
	Kind       Kind
	Code       string        // stable snake_case word, part of the contract
	Text       string        // fit to be shown to a person: what is wrong and what to do
	Field      string        // the request field at fault, where one is
	RetryAfter time.Duration // for TooMany: how long to wait
	Cause      error         // for the log only
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Text, e.Cause)
	}
	return e.Code + ": " + e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare by code, so that tests can name an expected refusal.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf makes an Error; the text is a format for a person to read.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Text: fmt.Sprintf(format, args...)}
}

// InvalidField makes the Invalid error of one request field.
func InvalidField(field, code, format string, args ...any) *Error {
	e := Errorf(Invalid, code, format, args...)
	e.Field = field
	return e
}

// AsError returns err as an *Error: itself if it is one, else an Internal error with err as its cause. nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Text: "Something went wrong on the server. Try again; if it stays, tell the operator the incident id.", Cause: err}
}

// CodeOf returns the code of err, "" for nil and "internal" for errors of no known shape.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}

// The refusals that several nouns share.
var (
	ErrUserNotFound    = Errorf(NotFound, "user_not_found", "There is no such user.")
	ErrRoomNotFound    = Errorf(NotFound, "room_not_found", "There is no such room, or you cannot see it.")
	ErrMessageNotFound = Errorf(NotFound, "message_not_found", "There is no such message, or you cannot see it.")
	ErrMemberNotFound  = Errorf(NotFound, "member_not_found", "This person is not a member of the room.")
	ErrNotAMember      = Errorf(Forbidden, "not_a_member", "Join the room first.")
	ErrNotFound        = Errorf(NotFound, "not_found", "There is no such thing.")
	ErrTokenInvalid    = Errorf(Unauthenticated, "token_invalid", "Log in again: the token is missing, expired or revoked.")
)
