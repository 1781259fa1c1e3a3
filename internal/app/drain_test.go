package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// post sends JSON to the API and returns what it answers.
func post[T any](t *testing.T, a *App, path, token, body string) (out T) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, a.BaseURL()+"/api"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %d %s", path, answer.StatusCode, text)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

type login struct{ Token string }
type thing struct{ ID string }

func TestDrainTellsClientsToComeBack(t *testing.T) {
	cfg := settings(t)
	a := started(t, cfg)
	token := post[login](t, a, "/auth/register", "", `{"username":"ada","password":"correct horse"}`).Token
	room := post[thing](t, a, "/rooms", token, `{"name":"Engines","type":"public"}`).ID
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(a.BaseURL(), "http")+"/api/ws?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()

	ended := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				ended <- err
				return
			}
		}
	}()
	sent := post[thing](t, a, "/rooms/"+room+"/messages", token, `{"content":"the last words"}`).ID
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := websocket.CloseStatus(<-ended); code != websocket.StatusGoingAway {
		t.Errorf("closed with %d, want 1001", code)
	}
	if _, err := http.Get(a.BaseURL()); err == nil {
		t.Error("the listener still answers")
	}

	again := started(t, cfg) // the lock is free, and what was acknowledged is there
	r, err := http.NewRequest(http.MethodGet, again.BaseURL()+"/api/messages/"+sent, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "the last words") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// The operator's listener is the last to go, so that a load balancer sees why the others refuse.
func TestUnreadyWhileDraining(t *testing.T) {
	a := started(t, settings(t))
	held := make(chan struct{})
	a.started = append(a.started, holder{held}) // a part above all others that does not end yet
	stopped := make(chan error)
	go func() { stopped <- a.Stop(context.Background()) }()
	held <- struct{}{}
	r, body := get(t, "http://"+a.OperatorAddress().String()+"/readyz")
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "draining") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	held <- struct{}{}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// holder stops when it was asked twice.
type holder struct{ asked <-chan struct{} }

func (holder) Start(context.Context) error { return nil }
func (h holder) Stop(context.Context) error {
	<-h.asked
	<-h.asked
	return nil
}

func TestStopHasAnEndButFinishesCommits(t *testing.T) {
	a := started(t, settings(t))
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(a.BaseURL(), "http")+"/api/ws?token="+post[login](t, a, "/auth/register", "", `{"username":"ada","password":"correct horse"}`).Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() // never reads, so it never answers the close
	over, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	<-over.Done()
	if err := a.Stop(over); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := a.Store().Ping(context.Background()); err == nil {
		t.Error("the store still answers")
	}
}
