package core

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"parley/internal/blob"
	"parley/internal/chat"
)

// What files.releasing does within one process, holds do between nodes: while one node holds a blob, to commit a row that
// names it, no other finds it unused and deletes it. They are kept in the volatile state; while that is away nothing is
// deleted.

const (
	holdTime  = time.Minute           // after which a hold is over, whatever became of its holder
	holdWait  = 10 * time.Second      // for which one waits for a hold
	holdAgain = 20 * time.Millisecond // after which one looks again
	// After these times a blob is tried again that could not be deleted.
	releaseAgain = 5 * time.Second
	releaseTries = 10
)

var errHeld = chat.Errorf(chat.Unavailable, "files_unavailable", "Files cannot be stored right now. Try again in a moment.")

// hold keeps other nodes off blobs until release is called, which must be also when it fails. It waits for holds of others, or
// with patience 0 fails with errHeld.
func (c *Core) hold(ctx context.Context, patience time.Duration, hashes ...string) (release func(), err error) {
	var held []string
	release = func() {
		for _, key := range held {
			_ = c.State.Delete(context.WithoutCancel(ctx), key) // else it ends by itself
		}
	}
	if !c.Shared {
		return release, nil
	}
	hashes = slices.Clone(hashes)
	slices.Sort(hashes) // all nodes take them in the same order
	deadline := time.Now().Add(patience)
	for _, hash := range slices.Compact(hashes) {
		if hash == "" {
			continue
		}
		for {
			mine, err := c.State.SetIfAbsent(ctx, "blob:"+hash, []byte{1}, holdTime)
			if err != nil {
				return release, err
			}
			if mine {
				held = append(held, "blob:"+hash)
				break
			}
			if !time.Now().Before(deadline) {
				return release, errHeld
			}
			select {
			case <-ctx.Done():
				return release, ctx.Err()
			case <-time.After(holdAgain):
			}
		}
	}
	return release, nil
}

// putHeld is put for what a row is going to name: the bytes are there, and stay, until release is called.
func (c *Core) putHeld(ctx context.Context, open func() io.Reader) (hash string, release func(), err error) {
	if hash, err = c.put(ctx, open()); err != nil || !c.Shared {
		return hash, func() {}, err
	}
	release, err = c.hold(ctx, holdWait, hash)
	if err != nil {
		c.log.Debug("a file is not held: nobody deletes anything meanwhile", "error", err)
	}
	switch _, err := c.Blobs.Stat(ctx, hash); {
	case errors.Is(err, blob.ErrNotFound): // another node deleted it in between
		_, err = c.put(ctx, open())
		return hash, release, err
	case err != nil:
		return hash, release, &chat.Error{Kind: chat.Unavailable, Code: "files_unavailable", Text: "Files cannot be stored right now. Try again in a moment.", Cause: err}
	}
	return hash, release, nil
}
