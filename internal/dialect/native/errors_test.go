package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
)

func TestEveryKindOfFailureHasAStatus(t *testing.T) {
	var log bytes.Buffer
	d := &Dialect{
		Options: Options{Incident: func(_ context.Context, err error) string { log.WriteString(err.Error()); return "incident-1" }},
		log:     slog.New(slog.DiscardHandler),
	}
	for _, kind := range chat.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			w := httptest.NewRecorder()
			e := chat.Errorf(kind, "a_code", "A sentence.")
			e.Field, e.RetryAfter, e.Cause = "field", 1500*time.Millisecond, errors.New("the cause")
			d.writeError(w, httptest.NewRequest("GET", "/api/x", nil), e)
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if w.Code < 400 || w.Code == 422 || p.Status != w.Code || p.Code != "a_code" || p.Detail != "A sentence." || p.Title == "" || p.Type != "about:blank" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			if strings.Contains(w.Body.String(), "the cause") {
				t.Error("the cause is for the log only")
			}
			for name, wanted := range map[string]bool{
				"Retry-After": kind == chat.TooMany || kind == chat.Unavailable, "WWW-Authenticate": kind == chat.Unauthenticated,
			} {
				if got := w.Header().Get(name) != ""; got != wanted {
					t.Errorf("%s is set: %v", name, got)
				}
			}
			if kind == chat.TooMany && w.Header().Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q, want whole seconds, rounded up", w.Header().Get("Retry-After"))
			}
			if (p.Incident != "") != (kind == chat.Internal) {
				t.Errorf("incident %q", p.Incident)
			}
		})
	}
	if !strings.Contains(log.String(), "the cause") {
		t.Error("the incident is not in the log")
	}
}

func TestAClientThatWentAwayIsNoIncident(t *testing.T) {
	d := &Dialect{Options: Options{Incident: func(context.Context, error) string { t.Error("an incident"); return "" }}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p := d.problem(ctx, ctx.Err()); p.Code != "canceled" {
		t.Errorf("code %s", p.Code)
	}
}
