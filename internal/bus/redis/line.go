package redis

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"parley/internal/bus"
)

// answerTime is how long the engine may take to confirm a subscription.
const answerTime = 2 * time.Second

// line is one connection that hears the engine. The library would replace a broken connection silently, and with it hide a
// loss: so the first error of any call ends the line, and a new one is made.
type line struct {
	pubsub  *goredis.PubSub
	heard   atomic.Int64 // when something has come last, in nanoseconds after made
	made    time.Time
	ready   atomic.Bool   // connected; before, every answer has a timeout of its own
	over    chan struct{} // closed when the line is to end
	kept    chan struct{} // closed when the keeper has ended
	endOnce sync.Once

	mu    sync.Mutex               // before Bus.mu; also orders what is written; held while writing
	asked map[string]chan struct{} // channels of the engine that were subscribed to; closed when confirmed
}

// connect returns a line that hears everything this node wants. Nothing is lost from then on.
func (b *Bus) connect(ctx context.Context) (*line, error) {
	l := &line{
		pubsub: b.client.Subscribe(ctx),
		made:   time.Now(),
		over:   make(chan struct{}),
		kept:   make(chan struct{}),
		asked:  make(map[string]chan struct{}),
	}
	go b.keep(ctx, l)
	var names []string
	for name := range b.wanted() {
		names = append(names, name)
	}
	unconfirmed, err := l.ask(ctx, names)
	for i := 0; err == nil && i < len(unconfirmed); {
		select {
		case <-unconfirmed[i]:
			i++
			continue
		default:
		}
		var got *goredis.Message
		if got, err = l.receive(ctx, answerTime); err == nil {
			b.hear(ctx, got)
		}
	}
	if err != nil {
		l.end()
		return nil, err
	}
	l.heard.Store(int64(time.Since(l.made)))
	l.ready.Store(true)
	return l, nil
}

// end closes the line and returns when its keeper has ended. It may be called twice.
func (l *line) end() {
	l.hangUp()
	<-l.kept
}

func (l *line) hangUp() {
	l.endOnce.Do(func() {
		close(l.over)
		_ = l.pubsub.Close() // it says how the connection broke, which is known
	})
}

// keep ends the line when the context ends or the engine gives no sign of life, and sees to what is due now and then.
func (b *Bus) keep(ctx context.Context, l *line) {
	defer close(l.kept)
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-ctx.Done():
			l.hangUp()
			return
		case <-tick.C:
		}
		if !l.ready.Load() {
			continue
		}
		if l.silence() > b.keepAlive || l.ping(ctx) != nil || l.leave(ctx, b.wanted) != nil {
			b.drop(l)
			return
		}
		b.settle(ctx)
	}
}

// silence is for how long nothing has come.
func (l *line) silence() time.Duration { return time.Since(l.made) - time.Duration(l.heard.Load()) }

// drop tells that the line is lost before it is closed, which may have to wait for a write that hangs.
func (b *Bus) drop(l *line) {
	b.mu.Lock()
	if b.line == l {
		b.line = nil
		b.tell()
	}
	b.mu.Unlock()
	l.hangUp()
}

// receive waits for something to come, forever if the timeout is 0, and returns it if it is a message.
func (l *line) receive(ctx context.Context, timeout time.Duration) (*goredis.Message, error) {
	got, err := l.pubsub.ReceiveTimeout(ctx, timeout)
	if err != nil {
		return nil, err
	}
	l.heard.Store(int64(time.Since(l.made)))
	switch got := got.(type) {
	case *goredis.Message:
		return got, nil
	case *goredis.Subscription:
		if got.Kind == "subscribe" {
			l.confirm(got.Channel)
		}
	}
	return nil, nil
}

func (l *line) confirm(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if confirmed, ok := l.asked[name]; ok && !isClosed(confirmed) {
		close(confirmed)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// ask subscribes to those of the names that were not asked for yet, and returns what is closed when each is confirmed.
func (l *line) ask(ctx context.Context, names []string) (confirmed []<-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []string
	for _, name := range names {
		ch, ok := l.asked[name]
		if !ok {
			ch = make(chan struct{})
			l.asked[name] = ch
			fresh = append(fresh, name)
		}
		confirmed = append(confirmed, ch)
	}
	if len(fresh) > 0 {
		err = l.pubsub.Subscribe(ctx, fresh...)
	}
	return confirmed, err
}

// join returns when the engine has confirmed that the line hears a channel of its.
func (l *line) join(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	confirmed, err := l.ask(context.WithoutCancel(ctx), []string{name}) // half a command would break the line for all
	if err != nil {
		l.hangUp()
		return err
	}
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case <-confirmed[0]:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.over:
		return fmt.Errorf("%w: connection lost", bus.ErrUnavailable)
	case <-late.C:
		return fmt.Errorf("%w: no answer", bus.ErrUnavailable)
	}
}

// leave unsubscribes from what is confirmed and not wanted any more. Who wants it again asks later, or has been counted.
func (l *line) leave(ctx context.Context, wanted func() map[string]bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	still := wanted()
	var unwanted []string
	for name, confirmed := range l.asked {
		if !still[name] && isClosed(confirmed) {
			unwanted = append(unwanted, name)
			delete(l.asked, name)
		}
	}
	if len(unwanted) == 0 {
		return nil
	}
	return l.pubsub.Unsubscribe(ctx, unwanted...)
}

func (l *line) ping(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pubsub.Ping(ctx)
}
