// Package rotur asks the account service of the OriginChats network two things: whom a validator belongs to, and what a
// profile says of its owner (specs: OriginChats, §5). It holds back: what was answered a moment ago is not asked again, one
// question is asked once however many wait for it, and a service that does not answer is left alone for a while.
//
// It knows nothing of accounts here: who an answer stands for is a matter of core. The addresses are the operator's choice,
// so they may be in a private network.
package rotur

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

var (
	// ErrRefused says that the service does not vouch for a validator: it is wrong, expired, of another key, or its account is
	// blocked.
	ErrRefused = errors.New("the account service does not know this validator")
	// ErrUnavailable says that the service gave no answer, or none that makes sense.
	ErrUnavailable = errors.New("the account service does not answer")
)

// Bounds of what is asked and believed.
const (
	maxValidator = 1024 // bytes
	maxAnswer    = 64 << 10
	maxID        = 128 // bytes
	maxName      = 64  // characters
)

// How long answers are kept, and when the service is left alone.
const (
	goodFor    = time.Minute
	refusedFor = 10 * time.Second
	unknownFor = 30 * time.Second // a profile that could not be read
	strikes    = 3                // failures in a row, after which nobody asks
	leftAlone  = 5 * time.Second
	maxKept    = 4096 // answers of each sort
	atOnce     = 16   // requests under way
)

// Options configure a Client. Zero durations have defaults.
type Options struct {
	ValidateURL string           // http or https, may have a query
	ProfileURL  string           // as ValidateURL; "" = profiles are not asked
	Timeout     time.Duration    // of one validation; 0 = 5 s
	ProfileWait time.Duration    // of one profile; 0 = 10 s
	ProfilesFor time.Duration    // how long a profile is kept; 0 = 5 min
	Client      *http.Client     // nil = one of its own; redirects are never followed
	Now         func() time.Time // nil = time.Now
	MaxAtOnce   int              // requests under way; 0 = 16
}

// Account is who a validator belongs to.
type Account struct {
	ID   string // stable, at most 128 bytes
	Name string // may change, at most 64 characters
}

// Client asks the service. Its methods may be called from many goroutines.
type Client struct {
	opts      Options
	http      *http.Client
	slots     chan struct{}
	accounts  answers[Account]
	profiles  answers[string]
	validates breaker
	reads     breaker
}

// New checks the addresses and returns a client.
func New(o Options) (*Client, error) {
	for _, address := range []string{o.ValidateURL, o.ProfileURL} {
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
			return nil, fmt.Errorf("%q is not a web address", address)
		}
	}
	if o.ValidateURL == "" {
		return nil, errors.New("the address of the validator service is missing")
	}
	o.Timeout = orElse(o.Timeout, 5*time.Second)
	o.ProfileWait = orElse(o.ProfileWait, 10*time.Second)
	o.ProfilesFor = orElse(o.ProfilesFor, 5*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxAtOnce == 0 {
		o.MaxAtOnce = atOnce
	}
	client := &http.Client{}
	if o.Client != nil {
		*client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{opts: o, http: client, slots: make(chan struct{}, o.MaxAtOnce)}, nil
}

func orElse(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// Validate asks whom a validator, made for key, belongs to. Only the status 200 together with "valid": true counts. Fails
// with ErrRefused or ErrUnavailable, or the context's error.
func (c *Client) Validate(ctx context.Context, key, validator string) (Account, error) {
	if validator == "" || len(validator) > maxValidator || !utf8.ValidString(validator) {
		return Account{}, ErrRefused
	}
	return c.accounts.get(ctx, key+"\x00"+validator, c.opts.Now, func() (Account, time.Duration, error) {
		account, err := c.validate(ctx, key, validator)
		switch {
		case err == nil:
			return account, goodFor, nil
		case errors.Is(err, ErrRefused):
			return Account{}, refusedFor, err
		}
		return Account{}, 0, err
	})
}

func (c *Client) validate(ctx context.Context, key, validator string) (Account, error) {
	var answer struct {
		Valid bool   `json:"valid"`
		ID    string `json:"id"`
		Name  string `json:"username"`
	}
	ask := url.Values{"key": {key}, "v": {validator}}
	if err := c.ask(ctx, &c.validates, c.opts.ValidateURL, ask, c.opts.Timeout, &answer); err != nil {
		return Account{}, err
	}
	name := strings.TrimSpace(answer.Name)
	if !answer.Valid || !sane(answer.ID, maxID, maxID) || !sane(name, 4*maxName, maxName) {
		return Account{}, ErrRefused
	}
	return Account{ID: answer.ID, Name: name}, nil
}

// sane tells whether a word of the service can be believed: there, readable, and not endless.
func sane(s string, bytes, runes int) bool {
	return s != "" && len(s) <= bytes && utf8.ValidString(s) && utf8.RuneCountInString(s) <= runes &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Subscription asks for the tier of a person's subscription, in lower case, such as "free" or "pro". It is empty if the
// service does not say, or does not answer: nobody is turned away for it.
func (c *Client) Subscription(ctx context.Context, name string) string {
	if c.opts.ProfileURL == "" || !sane(name, 4*maxName, maxName) {
		return ""
	}
	tier, _ := c.profiles.get(ctx, name, c.opts.Now, func() (string, time.Duration, error) {
		var answer struct {
			Subscription string `json:"subscription"`
		}
		ask := url.Values{"include_posts": {"0"}, "name": {name}}
		if err := c.ask(ctx, &c.reads, c.opts.ProfileURL, ask, c.opts.ProfileWait, &answer); err != nil {
			return "", unknownFor, nil
		}
		return strings.ToLower(strings.TrimSpace(answer.Subscription)), c.opts.ProfilesFor, nil
	})
	return tier
}

// ask sends one question and reads its answer into out. Any answer but 200 with a JSON object is ErrRefused, unless the
// service blames itself for it.
func (c *Client) ask(ctx context.Context, b *breaker, address string, values url.Values, wait time.Duration, out any) error {
	if !b.enter(c.opts.Now()) {
		return ErrUnavailable
	}
	err := c.fetch(ctx, address, values, wait, out)
	b.leave(c.opts.Now(), errors.Is(err, ErrUnavailable))
	return err
}

func (c *Client) fetch(ctx context.Context, address string, values url.Values, wait time.Duration, out any) error {
	// Others may wait for the same answer, so it is not given up because the first who asked went away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%w: too many questions at once", ErrUnavailable)
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	query := u.Query()
	for name, v := range values {
		query[name] = v
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // without the address: it holds the validator
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: status %d", ErrUnavailable, resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return ErrRefused
	case len(body) > maxAnswer:
		return fmt.Errorf("%w: its answer has no end", ErrUnavailable)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return ErrRefused
	}
	return nil
}

// breaker leaves a service alone that failed several times in a row, and then lets one question at a time find out.
type breaker struct {
	mu      sync.Mutex
	failed  int // in a row
	until   time.Time
	probing bool
}

// enter tells whether to ask.
func (b *breaker) enter(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < strikes {
		return true
	}
	if now.Before(b.until) || b.probing {
		return false
	}
	b.probing = true
	return true
}

// leave notes how it went.
func (b *breaker) leave(now time.Time, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if !failed {
		b.failed = 0
		return
	}
	if b.failed++; b.failed >= strikes {
		b.until = now.Add(leftAlone)
	}
}
