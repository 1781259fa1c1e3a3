package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"parley/internal/chat"
	"parley/internal/safedial"
)

const echo = `on("new_message", (e) => chat.send(e.room, "heard " + e.content))`

func TestAPluginHearsAndActs(t *testing.T) {
	w := start(t, nil, func(w *world) {
		w.put("a", `"new_message"`, `on("new_message", async (e) => {
			await chat.reply(e, "hello " + e.username + " in " + e.channel);
			await chat.react(e, "👍");
			await chat.timeout(e.user_id, 5, "enough");
			await store.set("n", {a: 1});
			log.info((await store.get("n")).a, (await chat.user("@ADA")).username, (await chat.room("lobby")).name, (await chat.message(e)).content);
			await chat.by(e).do("ban", {user: "ada"});
			await chat.delete(e.id);
		})`)
	})
	w.say(5, "hi")
	w.did("A deletes 5")
	want := []string{"A posts in 1: hello bob in lobby", "A reacts to 5: 👍 true", "A times " + string(bob.ID) + " out for 5s: enough",
		"A has " + string(bob.ID) + ` do ban {"user":"ada"}`, "A deletes 5"}
	if got := w.host.list(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if st, _ := w.Status("a"); st.State != Running || st.Faults != 0 || st.Runs == 0 || !slices.Equal(st.Handles, []string{"new_message"}) {
		t.Errorf("status %+v", st)
	}
}

func TestWhatPluginsDoNotHearOf(t *testing.T) {
	w := start(t, nil, func(w *world) { w.put("a", `"new_message"`, echo) })
	for _, m := range []*chat.Message{
		{ID: 1, RoomID: secret.ID, SenderID: bob.ID, Content: "ciphertext"}, {ID: 2, RoomID: direct.ID, SenderID: bob.ID, Content: "to you alone"},
		{ID: 3, RoomID: lobby.ID, Type: chat.SystemMessage, Content: "ada joined"},
		{ID: 4, RoomID: lobby.ID, Content: "of a plugin", Extras: &chat.Extras{Author: &chat.Author{Kind: chat.PluginAuthor, ID: "b"}}},
	} {
		w.Hear([]chat.Event{chat.MessageCreated{Message: m}})
	}
	w.say(5, "all")
	w.did("A posts in 1: heard all")
	if got := w.host.list(); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestAFaultyPluginHarmsNothing(t *testing.T) {
	for _, tc := range []struct {
		name, program, kind string
		faults              uint64 // until it is stopped; 0: it is not
	}{
		{"a handler that throws", `on("new_message", () => { throw new Error("no"); })`, "exception", 0},
		{"a loop without an end", `on("new_message", () => { for (;;); })`, "time", hardFaults},
		{"a function of the engine that takes too long", `on("new_message", () => { let n = 3n ** 2000000n; for (;;) n = n * n; })`, "time", hardFaults},
		{"one that takes all memory, bit by bit", `const kept = []; on("new_message", () => { for (;;) kept.push(["x", "y", "z"]); })`, "", hardFaults},
		{"one that takes all memory at once", `on("new_message", () => { const all = []; for (;;) all.push(new Uint8Array(1 << 28)); })`, "", hardFaults},
		{"a huge text", `on("new_message", () => { "x".repeat(1 << 29).padEnd(1 << 30, "y"); })`, "", hardFaults},
		{"JSON that is nested too deep", `on("new_message", () => { JSON.parse("[".repeat(20000000)); })`, "", hardFaults},
		{"a program that never ends", `for (;;);`, "time", 1},
		{"a program that does not compile", `on(`, "load", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, nil, func(w *world) {
				w.put("bad", `"new_message"`, tc.program)
				w.put("good", `"new_message"`, echo)
			})
			for i := range 5 {
				w.say(chat.MessageID(i+1), fmt.Sprint("message ", i))
				w.did(fmt.Sprint("GOOD posts in 1: heard message ", i))
			}
			want := Running
			if tc.faults > 0 {
				want = Faulty
			}
			var st chat.Plugin
			w.until("the bad one to be "+string(want), func() bool {
				st, _ = w.Status("bad")
				return st.State == want && st.Faults >= max(tc.faults, 5*uint64(b2i(tc.faults == 0)))
			})
			if st.LastFault == nil || tc.kind != "" && st.LastFault.Kind != tc.kind {
				t.Errorf("fault %+v", st.LastFault)
			}
			w.say(100, "afterwards")
			w.did("GOOD posts in 1: heard afterwards")
			if st, _ := w.Status("good"); st.Faults != 0 || st.State != Running {
				t.Errorf("the good one: %+v", st)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestWhoHoardsMemoryIsToBlame(t *testing.T) {
	w := start(t, func(o *Options) { o.Input = 5 * time.Second }, func(w *world) {
		w.put("hoarder", `"new_message"`, `const kept = []; on("new_message", (e) => { for (let i = 0; i < 20000; i++) kept.push("x".repeat(50) + i); })`)
		w.put("small", `"new_message"`, `on("new_message", (e) => { const some = []; for (let i = 0; i < 5000; i++) some.push("y" + i); chat.send(e.room, "small " + e.id); })`)
	})
	w.host.unlimited("small")
	for i := 1; ; i++ {
		w.say(chat.MessageID(i), "more")
		w.did(fmt.Sprint("SMALL posts in 1: small ", i))
		if st, _ := w.Status("hoarder"); st.State == Faulty {
			break
		}
	}
	if st, _ := w.Status("small"); st.Faults != 0 {
		t.Errorf("the small one was blamed: %+v", st.LastFault)
	}
	if st, _ := w.Status("hoarder"); st.LastFault.Kind != "memory" {
		t.Errorf("fault %+v", st.LastFault)
	}
}

func TestReloading(t *testing.T) {
	w := start(t, nil, func(w *world) { w.put("a", `"new_message"`, echo) })
	w.say(1, "one")
	w.did("A posts in 1: heard one")

	w.dir["a/main.js"] = &fstest.MapFile{Data: []byte(`on("new_message", (e) => chat.send(e.room, "second " + config.word + " " + e.content))`)}
	if err := w.Refresh(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.say(2, "two")
	w.did("A posts in 1: second x two")

	w.dir["a/config.json"] = &fstest.MapFile{Data: []byte(`{"word":"y"}`)}
	if err := w.Refresh(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	w.say(3, "three")
	w.did("A posts in 1: second y three")

	if _, err := w.Configure(t.Context(), chat.Operator, "a", map[string]json.RawMessage{"word": json.RawMessage(`"z"`)}); chat.CodeOf(err) != "setting_fixed" {
		t.Errorf("changing what config.json sets: %v", err)
	}
	st, err := w.Configure(t.Context(), chat.Operator, "a", map[string]json.RawMessage{"enabled": json.RawMessage(`false`)})
	if err != nil || st.State != Off {
		t.Fatalf("switched off: %+v, %v", st, err)
	}
	w.say(4, "four")
	if _, err := w.Configure(t.Context(), chat.Operator, "a", map[string]json.RawMessage{"enabled": json.RawMessage(`true`)}); err != nil {
		t.Fatal(err)
	}
	w.say(5, "five")
	w.did("A posts in 1: second y five")
	if slices.Contains(w.host.list(), "A posts in 1: second y four") {
		t.Error("it heard something while it was off")
	}

	delete(w.dir, "a/plugin.json")
	delete(w.dir, "a/main.js")
	if err := w.Refresh(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if st, err := w.Status("a"); err != nil || st.State != Faulty { // config.json is left
		t.Errorf("without its program: %+v, %v", st, err)
	}
	delete(w.dir, "a/config.json")
	if err := w.Refresh(t.Context(), "a"); chat.CodeOf(err) != "plugin_not_found" {
		t.Errorf("reloading what is gone: %v", err)
	}
}

func TestReloadingUnderLoad(t *testing.T) {
	w := start(t, nil, func(w *world) { w.put("a", `"new_message"`, echo); w.put("b", `"new_message"`, echo) })
	w.host.unlimited("b")
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := w.Refresh(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for i := 1; i <= 300; i++ {
		w.say(chat.MessageID(i), fmt.Sprint(i))
	}
	w.did("B posts in 1: heard 300")
	close(stop)
	<-ended
	w.host.mu.Lock()
	w.host.did = nil
	w.host.counts = make(map[string]int)
	w.host.mu.Unlock()
	w.say(1000, "last")
	w.did("A posts in 1: heard last")
	w.did("B posts in 1: heard last")
}

func TestSettingsOfAPlugin(t *testing.T) {
	w := start(t, nil, func(w *world) {
		w.put("a", `"new_message"`, `on("new_message", async (e) => {
			if (e.content === "off") return configure({enabled: false}).catch((err) => chat.send("lobby", err.code));
			await configure({list: [...config.list, e.content]});
			setTimeout(() => chat.send("lobby", config.list.join()), 0);
		})`)
	})
	w.say(1, "one")
	w.did("A posts in 1: one")
	w.say(2, "two")
	w.did("A posts in 1: one,two")
	w.say(3, "off")
	w.did("A posts in 1: setting_fixed")
	for name, values := range map[string]string{"setting_unknown": `{"nothing":1}`, "setting_invalid": `{"list":"x"}`} {
		var s Settings
		if err := json.Unmarshal([]byte(values), &s); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Configure(t.Context(), chat.Operator, "a", s); chat.CodeOf(err) != name {
			t.Errorf("%s: %v", values, err)
		}
	}
	st, err := w.Configure(t.Context(), chat.Operator, "a", map[string]json.RawMessage{"list": json.RawMessage("null")})
	if err != nil || string(st.Settings["list"]) != "[]" || len(st.Stored) != 0 {
		t.Errorf("back to the default: %+v, %v", st, err)
	}
}

func TestPermissions(t *testing.T) {
	w := start(t, nil, func(w *world) {
		w.dir["a/plugin.json"] = &fstest.MapFile{Data: []byte(`{"name":"A","version":"1","events":["new_message"],"permissions":["messages.read","messages.send"],"config":{"enabled":true}}`)}
		w.dir["a/main.js"] = &fstest.MapFile{Data: []byte(`on("new_message", async (e) => {
			const codes = [];
			for (const ask of [() => chat.delete(e), () => chat.timeout(e.user_id, 5), () => chat.react(e, "x"), () => chat.user("ada"), () => chat.rooms(), () => store.get("x"),
				() => http.get("https://example.org"), () => configure({}), () => emit("auto_moderate"), () => chat.by(e).do("ban"), () => chat.message("1000")])
				try { await ask(); codes.push("done"); } catch (err) { codes.push(err.code); }
			chat.send(e.room, codes.join(" "));
		})`)}
	})
	w.say(1, "x")
	w.did("A posts in 1: " + strings.Repeat("permission_missing ", 10) + "message_not_found")
}

func TestActingForAPersonIsBoundToWhatTheyDid(t *testing.T) {
	var now atomic.Int64
	now.Store(1_000_000)
	w := start(t, func(o *Options) { o.Clock = func() time.Time { return time.Unix(now.Load(), 0) } }, func(w *world) {
		w.put("a", `"new_message"`, `let first; on("new_message", async (e) => {
			first ??= e;
			try { await chat.by(e.content === "late" ? first : e.content === "forged" ? {token: "t1000"} : e).do("x"); } catch (err) { chat.send("lobby", e.content + " " + err.code); }
		})`)
	})
	w.say(1, "now")
	w.did("A has " + string(bob.ID) + " do x {}")
	w.say(2, "forged")
	w.did("A posts in 1: forged event_over")
	now.Add(61)
	w.say(3, "late")
	w.did("A posts in 1: late event_over")
}

func TestRequests(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			_, _ = w.Write(make([]byte, maxReceived+1))
		case "/elsewhere":
			http.Redirect(w, r, "http://127.0.0.1/", http.StatusFound)
		default:
			w.Header().Set("X-Seen", r.Header.Get("X-Sent")+r.Header.Get("User-Agent"))
			fmt.Fprint(w, `{"path":"`, r.URL.Path, `"}`)
		}
	}))
	t.Cleanup(server.Close)
	port := netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://")).Port()
	program := fmt.Sprintf(`on("new_message", async (e) => {
		try {
			const r = await http.get(e.content.replace("PORT", %d), {"X-Sent": "yes"});
			chat.send("lobby", e.id + " " + [r.status, r.ok, r.headers["x-seen"], r.ok && r.json().path].join(" "));
		} catch (err) { chat.send("lobby", e.id + " " + err.code); }
	})`, port)
	names := testResolver(t)
	w := start(t, func(o *Options) {
		o.Hosts = []string{"*.example.org", "localhost"}
		o.Dial = safedial.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Ports: []uint16{port}, UserAgent: "chat/1", Resolver: names}
	}, func(w *world) { w.put("a", `"new_message"`, program) })
	guarded := start(t, func(o *Options) {
		o.Hosts = []string{"*"}
		o.Dial = safedial.Options{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Ports: []uint16{port}, Resolver: names}
	}, func(w *world) { w.put("a", `"new_message"`, program) })
	for i, tc := range []struct{ url, want string }{
		{"http://feeds.example.org:PORT/x", "200 true yeschat/1 /x"},
		{"http://other.example.org:PORT/x", "host_refused"}, // the manifest does not have it
		{"http://127.0.0.1:PORT/x", "host_refused"},
		{"http://localhost:PORT/x", "host_refused"},
		{"http://feeds.example.org:1/x", "host_refused"},
		{"http://feeds.example.org:PORT/big", "too_large"},
		{"http://feeds.example.org:PORT/elsewhere", "302 false  false"},
		{"ftp://feeds.example.org/x", "url_invalid"},
		{"http://u:p@feeds.example.org/x", "url_invalid"},
	} {
		w.say(chat.MessageID(i+1), tc.url)
		w.did(fmt.Sprintf("A posts in 1: %d %s", i+1, tc.want))
	}
	guarded.say(1, "http://localhost.example.org:PORT/x") // allowed by name, and resolves to this machine
	guarded.did("A posts in 1: 1 host_refused")
}

func TestCommandsOfAPlugin(t *testing.T) {
	r := &registry{}
	w := start(t, nil, func(w *world) {})
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.SetRegistry(r)
	w.put("a", ``, `
		command({name: "roll", options: [{name: "sides", type: "int", required: true}]}, async (c) => { await store.get("x"); return c.username + " rolls " + c.args.sides + " in " + c.channel; });
		command({name: "fails"}, () => { throw new Error("no dice"); });
		command({name: "by"}, async (c) => { await chat.by(c).do("x"); });`)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until("the commands", func() bool { return r.get("a/roll") != nil })
	u := Use{Command: "roll", Room: lobby.ID, Caller: bob.ID, Args: json.RawMessage(`{"sides":6}`)}
	if a, err := r.get("a/roll")(t.Context(), u); err != nil || a.Text != "bob rolls 6 in lobby" {
		t.Errorf("got %+v, %v", a, err)
	}
	u.Command = "fails"
	if _, err := r.get("a/fails")(t.Context(), u); chat.CodeOf(err) != "command_failed" || !strings.Contains(err.Error(), "no dice") {
		t.Errorf("a command that fails: %v", err)
	}
	u.Command = "by"
	if a, err := r.get("a/by")(t.Context(), u); err != nil || a.Text != "" {
		t.Errorf("a command that answers nothing: %+v, %v", a, err)
	}
	run := r.get("a/roll")
	if _, err := w.Configure(t.Context(), chat.Operator, "a", map[string]json.RawMessage{"enabled": json.RawMessage("false")}); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), u); chat.CodeOf(err) != "plugin_stopped" || r.get("a/roll") != nil {
		t.Errorf("after it was switched off: %v", err)
	}
}

func TestEventsWaitInBounds(t *testing.T) {
	w := start(t, nil, func(w *world) {
		w.put("a", `"new_message"`, `let n = 0; on("new_message", async (e) => { n++; if (e.content === "last") chat.send("lobby", n + " of " + e.truncated); })`)
	})
	p := func() *plugin { w.mu.Lock(); defer w.mu.Unlock(); return w.plugins["a"] }()
	w.state("a", Running)
	w.mu.Lock()
	for i := range maxEvents + 5 {
		if ok := p.hear(pipeEvent(fmt.Sprintf(`{"content":"%d"}`, i))); ok != (i < maxEvents) {
			t.Fatalf("event %d: %v", i, ok)
		}
	}
	w.rouse()
	w.mu.Unlock()
	w.until("them to be handled", func() bool { return w.Stats().Waiting == 0 })
	w.encode(NewMessage, object{"content": "last", "room": roomObject(lobby), "message": strings.Repeat("x", maxEvent)}, about{})
	w.did(fmt.Sprintf("A posts in 1: %d of true", maxEvents+1))
	if st, _ := w.Status("a"); st.Dropped != 5 {
		t.Errorf("dropped %d", st.Dropped)
	}
}

func TestStoppingEndsEverything(t *testing.T) {
	w := start(t, nil, func(w *world) {
		w.put("a", `"new_message"`, echo+`; every(10, () => {}); setTimeout(() => {}, 1e6);`)
		w.put("b", `"new_message"`, `on("new_message", () => { for (;;); })`)
	})
	w.host.hold = make(chan struct{})
	w.say(1, "x")
	w.until("somebody to be at work", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.plugins["a"].atWork
	})
	for range 2 {
		if err := w.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	w.say(2, "nobody listens")
	if len(w.host.list()) > 0 {
		t.Errorf("got %q", w.host.list())
	}
}

func TestWithoutPluginsThereIsNoProcess(t *testing.T) {
	w := start(t, func(o *Options) { o.Command = []string{"/nowhere"} }, func(w *world) {
		w.put("a", `"new_message"`, echo)
		w.dir["a/config.json"] = &fstest.MapFile{Data: []byte(`{"enabled":false}`)}
	})
	w.say(1, "x")
	if st, _ := w.Status("a"); st.State != Off || !slices.Equal(st.Fixed, []string{"enabled"}) {
		t.Errorf("got %+v", st)
	}
}

func TestWithoutTheProgramPluginsWait(t *testing.T) {
	w := start(t, func(o *Options) { o.Command = []string{"/nowhere"} }, func(w *world) { w.put("a", `"new_message"`, echo) })
	w.say(1, "x")
	if st := w.state("a", Starting); st.Faults != 0 {
		t.Errorf("got %+v", st)
	}
}
