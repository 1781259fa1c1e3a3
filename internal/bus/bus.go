// Package bus is the port between the nodes of a cluster: who publishes on a channel is heard by
// every node that subscribed to it.
//
// The bus is a hint and never the truth: it may lose, double and reorder. What was committed is in
// the database, and every receiver must be able to do without any single message. Nothing that
// must arrive, and no request that waits for an answer, belongs on it.
package bus

import (
	"context"
	"errors"
)

// Errors of every implementation, to be tested with errors.Is. Any other error is the engine's own.
var (
	// ErrInvalid: an empty channel name, or no function to call.
	ErrInvalid = errors.New("bus: invalid argument")
	// ErrUnavailable: the engine cannot be reached. Nobody needs to try again on the message's behalf.
	ErrUnavailable = errors.New("bus: engine unavailable")
	// ErrNotRunning: the bus was not started yet, or has been stopped.
	ErrNotRunning = errors.New("bus: not running")
)

// Bus is one node's access to the bus. All methods are safe for concurrent use.
type Bus interface {
	// Start returns when the bus can be used; a bus is started once. Before it, Publish and Subscribe
	// fail with ErrNotRunning.
	Start(ctx context.Context) error
	// Stop returns when no function given to the bus is running and none will be called any more, or
	// with the context's error when that ends first. What was not delivered by then is lost. Safe to
	// call twice, but not from a function given to the bus.
	Stop(ctx context.Context) error

	// Node is the id of this node: never empty, the same for the life of the bus, different for every
	// node and every start.
	Node() string

	// Publish offers payload to all subscriptions to channel, on this node as on every other: a
	// receiver that must tell its own messages apart puts Node into them. It never waits for a
	// receiver. The payload is handed over and must not be changed afterwards.
	//
	// Success does not mean that anybody hears it; see OnState.
	Publish(ctx context.Context, channel string, payload []byte) error

	// Subscribe calls fn with what is published on channel, one call at a time for a subscription,
	// starting with messages published after Subscribe returned. The payload is shared: fn must not
	// change it. A fn that is slow delays its own subscription only, until its queue is full and
	// messages to it are dropped. The context bounds the wait for the engine to confirm, not the
	// subscription.
	//
	// After cancel returned no further call begins, but one that had may still be running. It may be
	// called twice, after Stop, and from fn.
	Subscribe(ctx context.Context, channel string, fn func(payload []byte)) (cancel func(), err error)

	// OnState calls fn with the present state as soon as that is known, and then with every change.
	// Down means that messages may be getting lost: the engine is away, or a queue of this node has
	// overflowed. Each loss the bus knows of is told as down and later up, at least once for any
	// number of losses in between; who hears up should look anew at what it only knows from the bus.
	// All functions are called by one goroutine in turn. Stopping is no change of state.
	OnState(fn func(up bool))

	// Dropped is how many messages this node lost because the queue of a subscription was full.
	Dropped() uint64
}
