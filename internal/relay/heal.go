package relay

import (
	"context"
	"errors"
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
