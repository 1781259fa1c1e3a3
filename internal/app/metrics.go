package app

import (
	"context"
	"errors"

	"parley/internal/chat"
)

// observe ties what the parts know of themselves to the metrics. Totals are read when the metrics are, so that counting
// costs the hot paths nothing more.
func (a *App) observe() {
	for _, g := range []struct {
		name, help string
		value      func() float64
	}{
		{"hub_connections", "Connections that events are delivered to.", func() float64 { return float64(a.hub.Stats().Connections) }},
		{"hub_users", "People with at least one connection.", func() float64 { return float64(a.hub.Stats().Users) }},
		{"hub_backlog", "Events that wait to be delivered.", func() float64 { return float64(a.hub.Stats().Backlog) }},
		{"hub_events", "Events delivered since the start.", func() float64 { return float64(a.hub.Stats().Events) }},
		{"hub_deliveries", "Frames queued to connections since the start.", func() float64 { return float64(a.hub.Stats().Deliveries) }},
		{"hub_slow_connections", "Connections closed as too slow since the start.", func() float64 { return float64(a.hub.Stats().Slow) }},
		{"hub_gaps", "Gaps in the events of a room that the database filled since the start.", func() float64 { return float64(a.hub.Stats().Gaps) }},
		{"websockets_open", "WebSocket connections.", func() float64 { return float64(a.sockets.Stats().Open) }},
		{"websocket_messages_received", "WebSocket messages received since the start.", func() float64 { return float64(a.sockets.Stats().Received) }},
		{"websocket_frames_sent", "WebSocket frames sent since the start.", func() float64 { return float64(a.sockets.Stats().Sent) }},
		{"websocket_frames_refused", "WebSocket frames refused by a full queue since the start.", func() float64 { return float64(a.sockets.Stats().Refused) }},
		{"websocket_writes", "Writes to WebSocket connections since the start; frames sent by writes is how many were joined.", func() float64 { return float64(a.sockets.Stats().Writes) }},
		{"websocket_bytes_sent", "Bytes sent over WebSockets since the start.", func() float64 { return float64(a.sockets.Stats().Bytes) }},
		{"state_keys", "Keys of volatile state: rate limits, presence, typing.", func() float64 { return float64(a.state.Keys()) }},
	} {
		a.metrics.Gauge(g.name, g.help, g.value)
	}
	a.core.Subscribe(func(events []chat.Event) {
		stored := 0
		for _, ev := range events {
			if _, ok := ev.(chat.MessageCreated); ok {
				stored++
			}
		}
		if stored > 0 {
			a.metrics.MessagesStored(stored)
		}
	})
	a.health.Need("start", func(context.Context) error {
		if !a.ready.Load() {
			return errors.New("the server is still starting")
		}
		return nil
	})
	a.health.Need("database", a.store.Ping)
	a.health.Need("state", func(ctx context.Context) error {
		_, _, err := a.state.Get(ctx, "health")
		return err
	})
}
