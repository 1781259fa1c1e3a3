package relay

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// wish is what is to be looked up.
type wish uint8

const (
	nothing wish = iota
	recheck      // the bus is away: messages and rights
	resync       // everything
)

// healing gathers wishes: any number of them are granted by one look.
type healing struct {
	mu   sync.Mutex
	most wish
	wake chan struct{}
}

func (h *healing) want(w wish) {
	h.mu.Lock()
	h.most = max(h.most, w)
	h.mu.Unlock()
	poke(h.wake)
}

func (h *healing) take() wish {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.most
	h.most = nothing
	return w
}

// How often the store is asked for everything at most, and how soon again when it could not be.
const (
	healEvery = 500 * time.Millisecond
	healAgain = time.Second
)

// healer grants the wishes, one after the other.
func (r *Relay) healer(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.heal.wake:
		}
		again := healEvery
		if w := r.heal.take(); r.Hub != nil && w != nothing {
			var err error
			if w == resync {
				err = r.Hub.Resync(ctx)
			} else {
				err = errors.Join(r.Hub.CatchUp(ctx), r.Hub.Recheck(ctx))
			}
			if err != nil && ctx.Err() == nil {
				r.Logger.Warn("what may have been missed of other nodes could not be looked up, trying again", "error", err)
				r.heal.want(w)
				again = healAgain
			}
		}
		pause.Reset(again)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// watchStore has the other nodes look anew when something could not be published, by way of the store, and looks whether they
// want that of this one. A node that is cut off alone does not know whether the others are.
func (r *Relay) watchStore(ctx context.Context) {
	tick := time.NewTicker(r.Refresh / 2)
	defer tick.Stop()
	seen, marks, known := "", 0, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r.untold.Swap(false) {
			marks++
			mark := r.node + " " + strconv.Itoa(marks)
			if err := r.Core.MarkUntold(ctx, mark); err != nil {
				r.untold.Store(true)
				continue
			}
			seen = mark
		}
		if r.Hub == nil || !r.Up() { // without the bus everything is looked up anyway
			continue
		}
		mark, err := r.Core.Untold(ctx)
		if err != nil {
			continue
		}
		if known && mark != seen && !strings.HasPrefix(mark, r.node+" ") {
			r.Core.DropCaches()
			r.heal.want(recheck)
		}
		seen, known = mark, true
	}
}
