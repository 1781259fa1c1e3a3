package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/config"
	"parley/internal/core"
	"parley/internal/ops"
	"parley/internal/pgtest"
	"parley/internal/redistest"
)

// sharing are settings of one of several nodes, and the option that gives it the secrets of the others.
func sharing(t *testing.T, postgres, redis string) (config.Config, func(*Options)) {
	cfg := settings(t)
	cfg.DatabaseURL, cfg.RedisURL = postgres, redis
	return cfg, func(o *Options) {
		o.SecretPrefix = "SECRET_"
		o.LookupEnv = func(name string) (string, bool) {
			return map[string]string{"SECRET_TOKEN_KEY": strings.Repeat("ab", 32)}[name], true
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain: " + what)
		}
	}
}

// beside starts a server next to others: only when all of them have stopped can anybody look for what they left.
func beside(t *testing.T, cfg config.Config, change ...func(*Options)) *App {
	t.Helper()
	o := Options{Product: "Chat", Version: "1.2.3"}
	for _, c := range change {
		c(&o)
	}
	a, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return a
}

func readiness(t *testing.T, a *App) (status int, report ops.Report) {
	t.Helper()
	r, body := get(t, "http://"+a.OperatorAddress().String()+"/readyz")
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, report
}

func TestSeveralNodes(t *testing.T) {
	engine := redistest.Private(t)
	postgres, redis := pgtest.URL(t), engine.URL(t)
	t.Cleanup(func() { checkLeaks(t) }) // after all have stopped
	cfg, same := sharing(t, postgres, redis)
	var notice bytes.Buffer
	one := beside(t, cfg, same, func(o *Options) { o.Notice = &notice })
	for _, says := range []string{"Redis at " + redis, "WARNING: redis_url is set and blobs_url is not"} {
		if !strings.Contains(notice.String(), says) {
			t.Errorf("the notice does not say %q:\n%s", says, &notice)
		}
	}

	stranger, err := New(func() config.Config { cfg, _ := sharing(t, postgres, redis); return cfg }(), Options{SecretPrefix: "SECRET_"})
	if err != nil {
		t.Fatal(err)
	}
	err = stranger.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"token_key"`) || !strings.Contains(err.Error(), "SECRET_TOKEN_KEY") || !strings.Contains(err.Error(), "adopt_secrets") {
		t.Fatalf("a node with other secrets: %v", err)
	}

	cfg, same = sharing(t, postgres, redis)
	two := beside(t, cfg, same)
	if _, first, _ := strings.Cut(one.SetupURL(), "#"); first == "" || !strings.HasSuffix(two.SetupURL(), "#"+first) {
		t.Errorf("setup links %q and %q", one.SetupURL(), two.SetupURL())
	}
	if rooms, _, err := two.store.ListRooms(t.Context(), "", chat.Page{Limit: 10}); err != nil || len(rooms) != 1 {
		t.Errorf("%d first rooms, %v", len(rooms), err)
	}
	for _, a := range []*App{one, two} {
		if status, report := readiness(t, a); status != http.StatusOK || report.Status != "ready" || len(report.Dependencies) != 4 {
			t.Errorf("readyz: %d %+v", status, report)
		}
		eventually(t, "both nodes hear each other", func() bool {
			_, body := get(t, "http://"+a.OperatorAddress().String()+"/metrics")
			return strings.Contains(body, "chat_nodes 2") && strings.Contains(body, "chat_bus_up 1")
		})
	}

	// What one node, or a command beside it, does holds on the other.
	user, err := one.core.CreateUser(t.Context(), chat.Operator, core.Registering{Username: "ada", Password: "correct horse battery"}, chat.RankMember)
	if err != nil {
		t.Fatal(err)
	}
	login, err := one.core.LogIn(t.Context(), "192.0.2.1", "ada", "correct horse battery", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.core.Authenticate(t.Context(), login.Token, ""); err != nil {
		t.Fatalf("a login of one node on the other: %v", err)
	}
	cfg, same = sharing(t, postgres, redis)
	o := Options{}
	same(&o)
	command, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := command.StartOffline(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = command.core.Sanction(t.Context(), chat.Operator, core.Measure{Kind: chat.Ban, UserID: user.ID})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ban holds on the other node", func() bool {
		_, err := two.core.Authenticate(t.Context(), login.Token, "")
		return chat.CodeOf(err) == "banned"
	})
	if err := command.Stop(t.Context()); err != nil {
		t.Error(err)
	}

	engine.Kill(t)
	eventually(t, "the node says that Redis is away, and is ready all the same", func() bool {
		status, report := readiness(t, two)
		if status != http.StatusOK {
			t.Fatalf("unready without Redis: %+v", report)
		}
		return report.Status == "degraded"
	})
	if _, _, err := two.core.SendMessage(t.Context(), chat.Operator, core.NewMessage{RoomID: 1, Content: "x"}); chat.CodeOf(err) == "unavailable" {
		t.Errorf("without Redis: %v", err)
	}
	if _, err := two.core.LogIn(t.Context(), "192.0.2.1", "nobody", "wrong password", ""); chat.CodeOf(err) == "unavailable" {
		t.Errorf("what is counted is refused without Redis: %v", err)
	}
}

func TestSecretsAreAdoptedOnce(t *testing.T) {
	postgres, redis := pgtest.URL(t), redistest.Private(t).URL(t)
	cfg, same := sharing(t, postgres, redis)
	if err := started(t, cfg, same).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg, _ = sharing(t, postgres, redis)
	cfg.AdoptSecrets = true
	if err := started(t, cfg).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.AdoptSecrets = false
	if err := started(t, cfg).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg, same = sharing(t, postgres, redis)
	o := Options{}
	same(&o)
	a, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "token_key") {
		t.Errorf("the secrets of before: %v", err)
	}
}
