package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"

	"parley/internal/plugin/pipe"
)

// host is a sandbox in this process: everything but what the system limits.
func host(t *testing.T) *server {
	t.Helper()
	l := Limits{Input: slowdown * 100 * time.Millisecond, Memory: 64 << 20}
	regexp2.DefaultMatchTimeout = l.matching()
	s := &server{limits: l, machines: make(map[string]*machine), watch: newWatch(l)}
	t.Cleanup(s.watch.stop)
	return s
}

var events = []string{"new_message", "user_join", "auto_moderate"}

func (s *server) mustLoad(t *testing.T, name, source string) pipe.Response {
	t.Helper()
	r := s.answer(pipe.Request{Op: pipe.OpLoad, Plugin: name, Load: &pipe.Load{Name: name, Version: "1", Source: source, Config: json.RawMessage(`{"list":["a"],"n":1}`), Events: events}})
	if len(r.Faults) > 0 {
		t.Fatalf("%s does not load: %+v", name, r.Faults)
	}
	return r
}

func (s *server) say(name, data string) pipe.Response {
	return s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: name, Inputs: []pipe.Input{{Kind: pipe.Event, Name: "new_message", Data: json.RawMessage(data)}}})
}

func callsOf(r pipe.Response) (calls []string) {
	for _, c := range r.Calls {
		calls = append(calls, c.Name+string(c.Args))
	}
	return calls
}

func TestAProgramSaysWhatItHandles(t *testing.T) {
	r := host(t).mustLoad(t, "a", `
		on("user_join", () => {}); on("new_message", () => {}); on("new_message", () => {});
		command({name: "roll", description: "Roll", options: [{name: "sides", type: "int", required: true}]}, () => {});
		every(60, () => {});`)
	if strings.Join(r.Handles, " ") != "new_message user_join" || len(r.Commands) != 1 || r.Commands[0].Options[0].Type != "int" || len(r.Ticks) != 1 || r.Ticks[0].Seconds != 60 {
		t.Errorf("got %+v", r)
	}
}

func TestAsking(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "a", `on("new_message", async (e) => {
		const sent = await chat.reply(e, "hello " + e.username);
		await chat.react(sent, "👍");
		try { await store.set("k", {x: 1}); } catch (err) { log.warn(err.code, err.message); }
	});`)
	r := s.say("a", `{"id":"5","username":"ada"}`)
	if got := callsOf(r); !slices.Equal(got, []string{`send{"text":"hello ada","reply_to":"5"}`}) {
		t.Fatalf("asked for %q, faults %+v", got, r.Faults)
	}
	r = s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "a", Inputs: []pipe.Input{{Kind: pipe.Reply, ID: r.Calls[0].ID, Data: json.RawMessage(`{"id":"6"}`)}}})
	if got := callsOf(r); !slices.Equal(got, []string{`react{"message":"6","emoji":"👍"}`}) {
		t.Fatalf("then for %q, faults %+v", got, r.Faults)
	}
	r = s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "a", Inputs: []pipe.Input{{Kind: pipe.Reply, ID: r.Calls[0].ID}}})
	if got := callsOf(r); !slices.Equal(got, []string{`store_set{"key":"k","value":{"x":1}}`}) {
		t.Fatalf("then for %q", got)
	}
	r = s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "a", Inputs: []pipe.Input{{Kind: pipe.Reply, ID: r.Calls[0].ID, Failure: &pipe.Failure{Code: "full", Text: "No room."}}}})
	if len(r.Logs) != 1 || r.Logs[0] != (pipe.Log{Level: "warn", Text: "full No room."}) || len(r.Faults) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name, source, kind, text string
		spent                    bool
	}{
		{"a handler throws", `on("new_message", () => { throw new RangeError("too far"); })`, pipe.Exception, "RangeError: too far (main.js:1:", false},
		{"a promise is refused and nobody cares", `on("new_message", async () => { null.x; })`, pipe.Exception, "TypeError", false},
		{"a handler throws what has a getter that never ends", `on("new_message", () => { throw { get message() { for (;;); } }; })`, pipe.Overtime, "longer than", true},
		{"a loop never ends", `on("new_message", () => { for (;;); })`, pipe.Overtime, "longer than", true},
		{"a loop that catches everything never ends", `on("new_message", () => { for (;;) { try { for (;;); } catch (e) {} finally { continue; } } })`, pipe.Overtime, "longer than", true},
		{"promises that never end", `on("new_message", () => { const f = () => Promise.resolve().then(f); f(); })`, pipe.Overtime, "longer than", true},
		{"a toJSON that never ends", `on("new_message", (e) => { chat.send({toJSON() { for (;;); }}, "x"); chat.send("r", {toJSON() { for (;;); }}); })`, pipe.Overtime, "longer than", true},
		{"a pattern that tries everything", `on("new_message", () => { /^(?=(a+)+$)(a|a)*b/.test("a".repeat(40) + "!"); })`, pipe.Overtime, "longer than", true},
		{"functions that call themselves", `on("new_message", () => { const f = () => f() + 1; f(); })`, pipe.Memory, "deep", true},
		{"one that never ends beside one that works", `on("new_message", () => { for (;;); }); on("new_message", () => chat.delete("1"));`, pipe.Overtime, "longer than", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if slowdown > 1 && tc.name == "promises that never end" {
				t.Skip("in the time that the race detector needs, they take all memory first")
			}
			s := host(t)
			s.mustLoad(t, "bad", tc.source)
			s.mustLoad(t, "good", `on("new_message", (e) => { chat.delete(e); })`)
			r := s.say("bad", `{"id":"1"}`)
			if len(r.Faults) != 1 || r.Faults[0].Kind != tc.kind || !strings.Contains(r.Faults[0].Text, tc.text) || r.Spent != tc.spent || r.Faults[0].Where != "event new_message" {
				t.Errorf("got %+v", r)
			}
			if again := s.say("bad", `{"id":"1"}`); tc.spent && (!again.Spent || len(again.Faults) > 0) {
				t.Errorf("afterwards: %+v", again)
			}
			if other := s.say("good", `{"id":"2"}`); !slices.Equal(callsOf(other), []string{`delete{"message":"2"}`}) {
				t.Errorf("the other plugin: %+v", other)
			}
		})
	}
}

func TestProgramsThatDoNotLoad(t *testing.T) {
	for name, tc := range map[string]struct{ source, text string }{
		"a syntax error":             {"on(", "Unexpected"},
		"an exception":               {"nothing()", "ReferenceError"},
		"an event that is not his":   {`on("typing", () => {})`, "plugin.json"},
		"no handler":                 {`on("new_message")`, "function"},
		"a refused promise":          {`Promise.reject(new Error("no"))`, "Error: no"},
		"a command without name":     {`command({}, () => {})`, "name"},
		"a command twice":            {`command({name: "a"}, () => {}); command({name: "a"}, () => {})`, "twice"},
		"a task that runs too often": {`every(1, () => {})`, "10 to"},
	} {
		t.Run(name, func(t *testing.T) {
			s := host(t)
			r := s.answer(pipe.Request{Op: pipe.OpLoad, Plugin: "a", Load: &pipe.Load{Source: tc.source, Events: events}})
			if len(r.Faults) != 1 || r.Faults[0].Kind != pipe.Broken || !strings.Contains(r.Faults[0].Text, tc.text) || !r.Spent {
				t.Errorf("got %+v", r)
			}
		})
	}
	s := host(t)
	if r := s.answer(pipe.Request{Op: pipe.OpLoad, Plugin: "a", Load: &pipe.Load{Source: "for (;;);"}}); len(r.Faults) != 1 || r.Faults[0].Kind != pipe.Overtime {
		t.Errorf("a program that never ends: %+v", r)
	}
}

func TestPluginsDoNotReachEachOtherOrTheEngine(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "rogue", `
		command({name: "x"}, async () => "answered");
		Object.prototype.toJSON = () => "mine"; Array.prototype.map = null; JSON.stringify = null; JSON.parse = null; Promise.prototype.then = null;
		globalThis.shared = 1; Object.prototype.id = "9";`)
	s.mustLoad(t, "good", `on("new_message", (e) => { chat.send("lobby", [typeof shared, typeof require, typeof process, typeof host, typeof global].map((x) => x).join(" ")); })`)
	if got := callsOf(s.say("good", `{}`)); !slices.Equal(got, []string{`send{"text":"undefined undefined undefined undefined undefined","room":"lobby"}`}) {
		t.Errorf("got %q", got)
	}
	r := s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "rogue", Inputs: []pipe.Input{{Kind: pipe.Command, Name: "x", ID: 4}}})
	if got := callsOf(r); !slices.Equal(got, []string{`answer{"body":{"text":"answered"},"call":4}`}) {
		t.Errorf("a plugin that has broken its own world: %q %+v", got, r.Faults)
	}
}

func TestCommands(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "a", `
		command({name: "now"}, (c) => "for " + c.username);
		command({name: "later"}, async (c) => { await store.get("x"); return {text: "b", embeds: []}; });
		command({name: "throws"}, () => { throw new Error("no dice"); });
		command({name: "refuses"}, async () => { throw new Error("no dice"); });
		command({name: "silent"}, () => {});
		command({name: "cycle"}, () => { const a = {}; a.a = a; return a; });`)
	run := func(name string) pipe.Response {
		return s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "a", Inputs: []pipe.Input{{Kind: pipe.Command, Name: name, ID: 4, Data: json.RawMessage(`{"username":"ada"}`)}}})
	}
	for name, want := range map[string]string{
		"now": `answer{"body":{"text":"for ada"},"call":4}`, "silent": `answer{"body":null,"call":4}`,
		"throws": `answer{"body":null,"call":4,"error":"Error: no dice (main.js:4:43)"}`, "refuses": `answer{"body":null,"call":4,"error":"Error: no dice"}`,
		"nowhere": `answer{"body":null,"call":4,"error":"There is no such command."}`, "later": `store_get{"key":"x"}`,
	} {
		if got := callsOf(run(name)); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := callsOf(run("cycle")); len(got) != 1 || !strings.Contains(got[0], `"error":"TypeError`) {
		t.Errorf("cycle: %q", got)
	}
}

func TestHowMuchCanBeAskedFor(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "a", `on("new_message", async (e) => {
		if (e.big) { try { await store.set("k", "x".repeat(600 * 1024)); } catch (err) { log.info(err.code); } return; }
		if (e.timers) { try { for (;;) setTimeout(() => {}, 1e9); } catch (err) { log.info(err.message); } return; }
		for (let i = 0; i < 100; i++) store.get(i).catch((err) => log.info(err.code));
	})`)
	r := s.say("a", `{}`)
	if len(r.Calls) != MaxCalls || len(r.Logs) != maxLogs || r.Logs[0].Text != "too_many_calls" || len(r.Faults) > 0 {
		t.Errorf("%d calls, logs %+v, faults %+v", len(r.Calls), r.Logs, r.Faults)
	}
	r = s.say("a", `{"timers":true}`)
	if len(r.Calls) != MaxTimers || !strings.Contains(r.Logs[0].Text, "32 timers") {
		t.Errorf("timers: %d calls, %+v", len(r.Calls), r.Logs)
	}
	if r = s.say("a", `{"big":true}`); len(r.Calls) != 0 || r.Logs[0].Text != "too_large" {
		t.Errorf("a large value: %+v", r)
	}
}

func TestSettings(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "a", `"use strict"; on("new_message", () => {
		try { config.list.push("b"); } catch (e) { log.info(e.name); }
		chat.send("r", config.list.join() + config.n);
	})`)
	r := s.say("a", `{}`)
	if len(r.Logs) != 1 || r.Logs[0].Text != "TypeError" || callsOf(r)[0] != `send{"text":"a1","room":"r"}` {
		t.Errorf("got %+v", r)
	}
	s.answer(pipe.Request{Op: pipe.OpTurn, Plugin: "a", Inputs: []pipe.Input{{Kind: pipe.Config, Data: json.RawMessage(`{"list":["c"],"n":2}`)}}})
	if got := callsOf(s.say("a", `{}`)); got[0] != `send{"text":"c2","room":"r"}` {
		t.Errorf("then %q", got)
	}
}

func TestMemoryIsWeighed(t *testing.T) {
	s := host(t)
	s.mustLoad(t, "hoarder", `const kept = []; on("new_message", () => { for (let i = 0; i < 10000; i++) kept.push("x".repeat(100) + i); })`)
	s.mustLoad(t, "small", `on("new_message", (e) => { chat.delete(e); })`)
	var r pipe.Response
	for range 200 {
		if r = s.say("hoarder", `{}`); r.Ending {
			break
		}
		if r = s.say("small", `{"id":"1"}`); r.Ending { // whoever runs when it is noticed
			break
		}
	}
	if !r.Ending || r.Weights["hoarder"] < 30<<20 || r.Weights["small"] > 8<<20 {
		t.Errorf("got %+v", r)
	}
}
