// Package redisconn opens connections to Redis or Valkey the way every part of the server wants them: bounded in number and
// in waiting, never repeating a command by itself, and quick to say no while the engine is away.
//
// What is asked of the engine, keys and channels among it, belongs to the parts that ask.
package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// timeout bounds each of dialling, writing, reading and waiting for a free connection, unless the address says otherwise.
	timeout = time.Second
	// pause is how long commands are refused after one that got no answer, before the next one tries again.
	pause = 250 * time.Millisecond

	bufferSize = 16 << 10 // of each connection, twice
	idleTime   = 5 * time.Minute
)

var (
	errAddress = errors.New("address of Redis: not of the form redis://:password@host:6379/0, rediss://… or unix:///path?db=0")
	errPaused  = errors.New("gave no answer a moment ago")
)

func init() { logging.Disable() } // the library prints every failed dial; callers get them as errors

// Open returns a client for an address like redis://:password@host:6379/0, rediss://… or unix:///path?db=0, with the
// library's options as query parameters, such as pool_size or read_timeout. It does not connect yet. Errors never contain the
// address, which may hold a password.
func Open(address string) (*goredis.Client, error) {
	o, err := goredis.ParseURL(address)
	if err != nil {
		return nil, errAddress // the library's error may quote a password
	}
	for _, d := range []*time.Duration{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout} {
		if *d == 0 {
			*d = timeout
		}
	}
	if o.PoolSize == 0 {
		o.PoolSize = max(16, 8*runtime.GOMAXPROCS(0))
	}
	if o.ConnMaxIdleTime == 0 {
		o.ConnMaxIdleTime = idleTime
	}
	o.Protocol = 2           // the same on all versions of both products, and nothing of 3 is needed
	o.MaxRetries = -1        // a command without an answer may have been carried out: adding twice is not adding once
	o.DialerRetries = 1      // who calls decides whether to try again
	o.DisableIdentity = true // CLIENT SETINFO is unknown before 7.2
	o.ContextTimeoutEnabled = true
	o.ReadBufferSize, o.WriteBufferSize = bufferSize, bufferSize
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // Valkey refuses the probe
	client := goredis.NewClient(o)
	client.AddHook(&breaker{began: time.Now()})
	return client, nil
}

// Unavailable reports whether err says that the engine cannot be reached or does not serve at the moment. That the caller's own
// context has ended is to be ruled out before, with Ended: timeouts of the library look the same.
func Unavailable(err error) bool {
	if err == nil || errors.Is(err, goredis.Nil) {
		return false
	}
	if network := net.Error(nil); errors.As(err, &network) || isContext(err) {
		return true
	}
	for _, sentinel := range []error{errPaused, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, goredis.ErrClosed, goredis.ErrPoolTimeout, goredis.ErrPoolExhausted} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	// A server that is loading its data, was made a replica, lost its master, or has too many clients.
	for _, word := range []string{"LOADING ", "READONLY ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ", "BUSY ", "ERR max number of clients"} {
		if strings.HasPrefix(err.Error(), word) {
			return true
		}
	}
	return false
}

// Full reports whether err says that the engine has no memory left for what it was told to keep.
func Full(err error) bool { return answered(err, "OOM ") }

// WrongType reports whether err says that a key holds another type than the command is for.
func WrongType(err error) bool { return answered(err, "WRONGTYPE ") }

// NotInteger reports whether err says that a value or a sum is no 64-bit integer.
func NotInteger(err error) bool {
	return answered(err, "value is not an integer or out of range") || answered(err, "increment or decrement would overflow")
}

// answered looks for text anywhere in an answer: version 6 puts words of its own before the errors of a script.
func answered(err error, text string) bool {
	answer := goredis.Error(nil)
	return errors.As(err, &answer) && strings.Contains(answer.Error(), text)
}

// Ended returns the error of a context that has ended. A connection's deadline can fire a moment before the context's own.
func Ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return context.DeadlineExceeded
	}
	return nil
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// breaker refuses commands for a moment after one got no answer, so that callers of an engine that hangs do not each wait for
// the whole timeout, in turn, for the few connections there are. One command in a while is let through to find out.
type breaker struct {
	began time.Time
	until atomic.Int64 // nanoseconds after began; 0: the last command got its answer
}

// ready says whether a command may be sent now. Once a pause is over, one caller is let through and begins the next pause.
func (b *breaker) ready() bool {
	until := b.until.Load()
	if until == 0 {
		return true
	}
	now := int64(time.Since(b.began))
	return now >= until && b.until.CompareAndSwap(until, now+int64(pause))
}

func (b *breaker) learn(ctx context.Context, err error) {
	switch {
	case noAnswer(err):
		if Ended(ctx) == nil { // a caller in a hurry says nothing about the engine
			b.until.Store(int64(time.Since(b.began) + pause))
		}
	case !isContext(err) && b.until.Load() != 0:
		b.until.Store(0)
	}
}

// noAnswer reports whether err is a timeout or a failed dial. A broken connection is neither: the next one may be fine.
func noAnswer(err error) bool {
	if errors.Is(err, goredis.ErrPoolTimeout) {
		return true
	}
	if network := net.Error(nil); errors.As(err, &network) && network.Timeout() {
		return true
	}
	operation := (*net.OpError)(nil)
	return errors.As(err, &operation) && operation.Op == "dial"
}

func (b *breaker) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (b *breaker) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if !b.ready() {
			cmd.SetErr(errPaused)
			return errPaused
		}
		err := next(ctx, cmd)
		b.learn(ctx, err)
		return err
	}
}

func (b *breaker) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		if !b.ready() {
			for _, cmd := range cmds {
				cmd.SetErr(errPaused)
			}
			return errPaused
		}
		err := next(ctx, cmds)
		b.learn(ctx, err)
		return err
	}
}
