// Package recent is the port for the newest messages of active rooms, kept encoded and ready to be read by any node, so that
// opening a room seldom asks the database.
//
// It is a cache and never the truth: it may forget everything at any moment, and what it hands out is right as of a change
// that it names. How messages are encoded, who may read them, and whether that change is the latest are its users' business.
package recent

import (
	"context"
	"errors"
	"fmt"

	"parley/internal/chat"
)

// Size is how many messages of a room are kept.
const Size = 100

// Pending is how many changes of a room may be known while one before them is missing. With more, the room is forgotten.
const Pending = 256

// maxSeq is what every engine can count exactly.
const maxSeq = 1<<53 - 1

// Errors of every implementation, to be tested with errors.Is. Any other error is the engine's own.
var (
	// ErrInvalid: a change that no room can have.
	ErrInvalid = errors.New("recent: invalid change")
	// ErrUnavailable: the engine cannot be reached, or does not answer. What was to be changed may have been.
	ErrUnavailable = errors.New("recent: engine unavailable")
	// ErrNotRunning: the cache was not started yet, or has been stopped.
	ErrNotRunning = errors.New("recent: not running")
)

// Change is one change of a room, which is the state of a message since then: of a new one, an edited one, or the tombstone of
// a deleted one.
type Change struct {
	Seq       chat.Seq // place of the message in the room; 0 if the change is about none
	ChangeSeq chat.Seq // of the change; that of a new message is its place
	Encoded   []byte
}

// Check fails with ErrInvalid for a change without a number, and for one of a message before it was written.
func (c Change) Check() error {
	if c.ChangeSeq < 1 || c.ChangeSeq > maxSeq || c.Seq < 0 || c.Seq > c.ChangeSeq {
		return fmt.Errorf("%w: number %d, of the message at place %d", ErrInvalid, c.ChangeSeq, c.Seq)
	}
	return nil
}

// CheckFill fails with ErrInvalid for what Fill cannot be given.
func CheckFill(asOf chat.Seq, newest []Change) error {
	if asOf < 1 || asOf > maxSeq {
		return fmt.Errorf("%w: filled as of %d", ErrInvalid, asOf)
	}
	for _, c := range newest {
		if err := c.Check(); err != nil {
			return err
		}
		if c.Seq == 0 || c.ChangeSeq > asOf {
			return fmt.Errorf("%w: number %d at place %d, filled as of %d", ErrInvalid, c.ChangeSeq, c.Seq, asOf)
		}
	}
	return nil
}

// Recent keeps the newest messages of rooms.
//
// A room is complete when it was filled and every change since has been pushed, in any order. That holds because the changes
// of a room are numbered without gaps. Of each message the latest state counts, whatever comes late or twice. What is missing
// makes the room incomplete until it comes or the room is filled again.
//
// All methods are safe for concurrent use, also between nodes, and each is atomic for its room. What is passed in is not kept,
// what is handed out not shared.
type Recent interface {
	// Push adds changes after they were committed.
	Push(ctx context.Context, room chat.RoomID, changes ...Change) error
	// Fill gives the room as the database has it after the change asOf: its newest Size messages, or all if there are fewer, in
	// any order. What was pushed about later changes is kept. It does nothing if the room is known as of asOf already.
	Fill(ctx context.Context, room chat.RoomID, asOf chat.Seq, newest []Change) error
	// Newest returns the messages by place, the first one first, if the room is complete: then they are the newest Size, or all
	// there are, after the change lastSeq. Otherwise it returns none of them. lastSeq is the latest change it has heard of, 0 if
	// none; the caller who knows of a later one has to look elsewhere.
	Newest(ctx context.Context, room chat.RoomID) (encoded [][]byte, lastSeq chat.Seq, complete bool, err error)
	// Drop forgets the messages of a room. What is pushed or filled late does not make it complete as of a change before those
	// it has heard of.
	Drop(ctx context.Context, room chat.RoomID) error
}
