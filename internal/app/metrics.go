package app

import (
	"context"
	"errors"

	"parley/internal/chat"
	"parley/internal/relay"
	"parley/internal/state/inproc"
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
	} {
		a.metrics.Gauge(g.name, g.help, g.value)
	}
	if own, ok := a.state.(*inproc.Store); ok {
		a.metrics.Gauge("state_keys", "Keys of volatile state: rate limits, presence, typing.", func() float64 { return float64(own.Keys()) })
	}
	if a.relay != nil {
		a.observeRelay()
	}
	if a.plugins != nil {
		a.observePlugins()
	}
	a.core.SubscribeLocal(func(events []chat.Event) {
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
	askState := func(ctx context.Context) error {
		_, _, err := a.state.Get(ctx, "health")
		return err
	}
	if a.relay == nil {
		a.health.Need("state", askState)
		return
	}
	// All nodes would become unready together, although each can go on without for a while.
	a.health.Like("state", askState)
	a.health.Like("bus", func(context.Context) error {
		if !a.relay.Up() {
			return errors.New("other nodes are not heard: look after Redis and the way there")
		}
		return nil
	})
}

// observeRelay adds what the nodes of a cluster tell each other.
func (a *App) observeRelay() {
	for _, g := range []struct {
		name, help string
		value      func(relay.Stats) float64
	}{
		{"nodes", "Nodes of the cluster that this one hears, itself included.", func(s relay.Stats) float64 { return float64(s.Nodes) }},
		{"bus_up", "1 while this node hears the others, else 0.", func(s relay.Stats) float64 {
			if s.Up {
				return 1
			}
			return 0
		}},
		{"relay_batches_published", "Batches of events published to other nodes since the start.", func(s relay.Stats) float64 { return float64(s.Batches) }},
		{"relay_events_published", "Events published to other nodes since the start.", func(s relay.Stats) float64 { return float64(s.Events) }},
		{"relay_events_heard", "Events of other nodes that were taken in since the start.", func(s relay.Stats) float64 { return float64(s.Heard) }},
		{"relay_events_skipped", "Events of other nodes that nobody here needed since the start.", func(s relay.Stats) float64 { return float64(s.Skipped) }},
		{"relay_events_unreadable", "Events of other nodes that could not be read since the start.", func(s relay.Stats) float64 { return float64(s.Unreadable) }},
		{"relay_events_lost", "Events that could not be published since the start; the other nodes look them up.", func(s relay.Stats) float64 { return float64(s.Lost) }},
		{"relay_lookups", "Times since the start that events of other nodes may have been missed and were looked up.", func(s relay.Stats) float64 { return float64(s.Missed) }},
	} {
		a.metrics.Gauge(g.name, g.help, func() float64 { return g.value(a.relay.Stats()) })
	}
}
