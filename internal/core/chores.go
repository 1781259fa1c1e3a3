package core

import (
	"context"
	"errors"
	"time"

	"parley/internal/chat"
)

// How often the chores are done, and how long the last of them may take when the server stops.
const (
	flushEvery  = 20 * time.Second
	tidyEvery   = 15 * time.Second
	lastMoments = 5 * time.Second
)

// chores runs until ctx ends: expiry of what is over, garbage collection of uploads never used, last-seen times.
func (c *Core) chores(ctx context.Context) {
	flush, tidy := time.NewTicker(flushEvery), time.NewTicker(tidyEvery)
	defer flush.Stop()
	defer tidy.Stop()
	for {
		select {
		case <-flush.C:
			c.note(ctx, "last-seen times could not be stored", c.flushVisits(ctx))
		case <-tidy.C:
			if c.mine(ctx, "tidy", tidyEvery-time.Second) {
				c.note(ctx, "the server could not tidy up", c.tidy(ctx))
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastMoments)
			defer cancel()
			c.note(last, "last-seen times could not be stored", c.flushVisits(last))
			return
		}
	}
}

// mine says whether a chore that is to be done once in a while is this node's to do now. While that cannot be known every node
// does it: all of them stand being done at the same time, they only cost more.
func (c *Core) mine(ctx context.Context, chore string, every time.Duration) bool {
	first, err := c.State.SetIfAbsent(ctx, "chore:"+chore, []byte{1}, every)
	return first || err != nil
}

// note says in the log that a chore failed; the next round tries again.
func (c *Core) note(ctx context.Context, text string, err error) {
	if err != nil && ctx.Err() == nil {
		c.log.Error(text, "error", err)
	}
}

// tidy removes what is over.
func (c *Core) tidy(ctx context.Context) error {
	expired := c.change(ctx, func(tx Tx) ([]chat.Event, error) { return nil, tx.Expire(ctx, c.now()) })
	expired = errors.Join(expired, c.emptyThreads(ctx))
	for {
		n, err := c.collectUploads(ctx)
		if n == 0 || err != nil {
			return errors.Join(expired, err)
		}
	}
}
