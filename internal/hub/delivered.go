package hub

import (
	"context"
	"sync"

	"parley/internal/chat"
)

// deliveredQueue gathers the marks of direct messages that reached a client: one write for many.
type deliveredQueue struct {
	mu   sync.Mutex // taken by itself
	upTo map[typist]chat.Seq
	wake chan struct{}
}

func (q *deliveredQueue) init() {
	q.upTo = make(map[typist]chat.Seq)
	q.wake = make(chan struct{}, 1)
}

func (q *deliveredQueue) add(user chat.UserID, room chat.RoomID, seq chat.Seq) {
	q.mu.Lock()
	q.upTo[typist{room, user}] = seq
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (h *Hub) runDelivered(ctx context.Context) {
	q := &h.delivered
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
		q.mu.Lock()
		upTo := q.upTo
		q.upTo = make(map[typist]chat.Seq)
		q.mu.Unlock()
		for who, seq := range upTo {
			if err := h.core.MarkDelivered(ctx, who.user, who.room, seq); err != nil && ctx.Err() == nil {
				h.Logger.Debug("noting a delivery failed", "room", who.room, "error", err)
			}
		}
	}
}
