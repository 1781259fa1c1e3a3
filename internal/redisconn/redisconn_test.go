package redisconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func TestAddressesThatCannotBeUnderstoodAreNotRepeated(t *testing.T) {
	for _, address := range []string{
		"", "http://:sesame@host", "redis://:sesame@ho st", "redis://:sesame@host:port", "redis://:sesame@host/x/y", "redis://:sesame%@host", "redis://user/:sesame@host/0",
		"redis://:sesame@host/0?read_timeout=sesame", "sesame",
	} {
		client, err := Open(address)
		if err == nil {
			_ = client.Close()
			t.Errorf("%q is taken", address)
		} else if strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
}

func TestOptionsOfTheAddressCount(t *testing.T) {
	for _, row := range []struct {
		address  string
		poolSize int
		read     time.Duration
	}{
		{"redis://host:6379/3?pool_size=7&read_timeout=3s", 7, 3 * time.Second},
		{"unix:///socket?db=3&pool_size=9", 9, timeout},
	} {
		client, err := Open(row.address)
		if err != nil {
			t.Fatal(err)
		}
		o := client.Options()
		if o.PoolSize != row.poolSize || o.ReadTimeout != row.read || o.DB != 3 || o.MaxRetries != 0 || o.Protocol != 2 {
			t.Errorf("%s: options are %+v", row.address, o)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// answer is an error as the engine gives it.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestErrorsAreToldApart(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, row := range []struct {
		err                                  error
		unavailable, full, wrong, notInteger bool
	}{
		{err: nil},
		{err: goredis.Nil},
		{err: context.Canceled, unavailable: true},
		{err: &net.OpError{Op: "dial", Err: context.DeadlineExceeded}, unavailable: true},
		{err: errors.New("something else")},
		{err: answer("ERR unknown command")},
		{err: refused, unavailable: true},
		{err: fmt.Errorf("wrapped: %w", refused), unavailable: true},
		{err: os.ErrDeadlineExceeded, unavailable: true},
		{err: io.EOF, unavailable: true},
		{err: net.ErrClosed, unavailable: true},
		{err: goredis.ErrPoolTimeout, unavailable: true},
		{err: errPaused, unavailable: true},
		{err: answer("LOADING Redis is loading the dataset in memory"), unavailable: true},
		{err: answer("READONLY You can't write against a read only replica."), unavailable: true},
		{err: answer("OOM command not allowed when used memory > 'maxmemory'."), full: true},
		{err: answer("WRONGTYPE Operation against a key"), wrong: true},
		{err: answer("ERR Error running script (call to f_0): @user_script:1: WRONGTYPE Operation against a key"), wrong: true},
		{err: errors.New("WRONGTYPE but not by the engine")},
		{err: answer("ERR value is not an integer or out of range"), notInteger: true},
		{err: answer("ERR increment or decrement would overflow script: 0, on @user_script:3."), notInteger: true},
	} {
		if got := Unavailable(row.err); got != row.unavailable {
			t.Errorf("Unavailable(%v) is %v", row.err, got)
		}
		if got := Full(row.err); got != row.full {
			t.Errorf("Full(%v) is %v", row.err, got)
		}
		if got := WrongType(row.err); got != row.wrong {
			t.Errorf("WrongType(%v) is %v", row.err, got)
		}
		if got := NotInteger(row.err); got != row.notInteger {
			t.Errorf("NotInteger(%v) is %v", row.err, got)
		}
	}
}

func TestBreaker(t *testing.T) {
	var answered error
	sent := 0
	b := &breaker{began: time.Now()}
	process := b.ProcessHook(func(context.Context, goredis.Cmder) error { sent++; return answered })
	send := func(ctx context.Context) error { return process(ctx, goredis.NewCmd(ctx, "ping")) }
	over := func() { b.until.Store(1) } // as if the pause had passed

	answered = io.EOF
	if err := send(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("error is %v", err)
	}
	ended, end := context.WithTimeout(t.Context(), 0)
	defer end()
	answered = os.ErrDeadlineExceeded
	_ = send(ended)
	if sent != 2 {
		t.Fatalf("%d sent: a broken connection or a hurried caller breaks it", sent)
	}

	_ = send(t.Context())
	if err := send(t.Context()); !errors.Is(err, errPaused) || sent != 3 {
		t.Errorf("after a timeout: %v, %d sent", err, sent)
	}
	over()
	_ = send(t.Context())
	if err := send(t.Context()); !errors.Is(err, errPaused) || sent != 4 {
		t.Errorf("after another timeout: %v, %d sent", err, sent)
	}
	over()
	answered = answer("ERR anything")
	for range 3 {
		if err := send(t.Context()); errors.Is(err, errPaused) {
			t.Error("paused although there was an answer")
		}
	}

	answered = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	pipeline := b.ProcessPipelineHook(func(context.Context, []goredis.Cmder) error { sent++; return answered })
	sent = 0
	for range 3 {
		_ = pipeline(t.Context(), []goredis.Cmder{goredis.NewCmd(t.Context(), "ping")})
	}
	if sent != 1 {
		t.Errorf("%d pipelines sent to an engine that is away, want 1", sent)
	}
}

func TestAnEngineThatHangsIsNotWaitedForByEveryone(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // the kernel takes connections, nobody answers them
	client, err := Open("redis://" + silent.Addr().String() + "?read_timeout=1ms")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Get(t.Context(), "key").Err(); !Unavailable(err) || errors.Is(err, errPaused) {
		t.Errorf("the first call: %v", err)
	}
	if err := client.Get(t.Context(), "key").Err(); !errors.Is(err, errPaused) {
		t.Errorf("the call after it: %v, want %v", err, errPaused)
	}
}
