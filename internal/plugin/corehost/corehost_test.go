package corehost

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
	"parley/internal/plugin"
	"parley/internal/plugin/bundled"
	"parley/internal/plugin/sandbox"
)

const asSandbox = "RUN_AS_SANDBOX=1"

// TestMain is also the process that runs plugins.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_SANDBOX") == "" {
		os.Exit(m.Run())
	}
	ms, memory := flag.Int64(sandbox.FlagInput, 0, ""), flag.Int64(sandbox.FlagMemory, 0, "")
	flag.Parse()
	if err := sandbox.Serve(os.Stdin, os.Stdout, sandbox.Limits{Input: time.Duration(*ms) * time.Millisecond, Memory: *memory}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// server is a core with the plugins that come with it, and what was heard of.
type server struct {
	*coretest.World
	plugins *plugin.Service
	mu      sync.Mutex
	events  []chat.Event
	news    chan struct{}
	owner   chat.Actor
	room    chat.RoomID
}

// serve starts a core and the bundled plugins, each with a config.json, and other files.
func serve(t *testing.T, configs map[string]string, configure func(*plugin.Options)) *server {
	t.Helper()
	s := &server{news: make(chan struct{}, 1)}
	dir := fstest.MapFS{}
	for id, config := range configs {
		if !strings.Contains(id, "/") {
			id += "/config.json"
		}
		dir[id] = &fstest.MapFile{Data: []byte(config)}
	}
	s.World = coretest.New(t, nil, func(c *core.Core) {
		o := plugin.Options{
			Host: Host{c}, Command: []string{os.Args[0]}, Environ: []string{asSandbox}, Bundled: bundled.Plugins(), Dir: dir, Clock: c.Clock,
			Input: time.Second, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		}
		if configure != nil {
			configure(&o)
		}
		s.plugins = plugin.New(o)
		s.plugins.SetRegistry(&Commands{Core: c})
		c.ServePlugins(s.plugins)
		c.SubscribeLocal(s.plugins.Hear)
		c.Subscribe(s.plugins.HearPresence)
		c.Subscribe(func(events []chat.Event) {
			s.mu.Lock()
			s.events = append(s.events, events...)
			s.mu.Unlock()
			select {
			case s.news <- struct{}{}:
			default:
			}
		})
	})
	s.owner = s.User("alice")
	if _, err := s.SetRank(t.Context(), chat.Operator, s.owner.UserID, chat.RankOwner); err != nil {
		t.Fatal(err)
	}
	v, err := s.CreateRoom(t.Context(), chat.Operator, core.NewRoom{Name: "general", Slug: "general", Type: chat.Public, Official: true})
	if err != nil {
		t.Fatal(err)
	}
	s.room = v.Room.ID
	if _, err := s.Join(t.Context(), s.owner, s.room); err != nil {
		t.Fatal(err)
	}
	if err := s.plugins.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.plugins.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (s *server) until(what string, fn func() bool) {
	s.T.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !fn() {
		select {
		case <-s.news:
		case <-poll.C:
		case <-deadline:
			s.T.Fatalf("waited in vain for %s; said: %q", what, s.said())
		}
	}
}

// said is what stands in the room: author and text.
func (s *server) said() (lines []string) {
	page, err := s.Messages(context.Background(), chat.Operator, s.room, chat.MessagesQuery{Limit: 100})
	if err != nil {
		s.T.Error(err)
	}
	for _, m := range page.Messages {
		name := "server"
		if m.Sender != nil {
			name = m.Sender.Username
		} else if m.Extras != nil && m.Extras.Author != nil {
			name = m.Extras.Author.Name
		}
		if m.Type != chat.SystemMessage {
			lines = append(lines, name+": "+m.Content)
		}
	}
	return lines
}

func (s *server) says(line string) {
	s.T.Helper()
	s.until(line, func() bool { return slices.Contains(s.said(), line) })
}

// member makes somebody who is in the room.
func (s *server) member(name string) chat.Actor {
	s.T.Helper()
	u := s.User(name)
	if _, err := s.Join(context.Background(), u, s.room); err != nil && chat.CodeOf(err) != "already_member" {
		s.T.Fatal(err)
	}
	return u
}

func (s *server) order() (kinds []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range s.events {
		switch e := ev.(type) {
		case chat.MessageCreated:
			kinds = append(kinds, "new "+e.Message.Content)
		case chat.MessageDeleted:
			kinds = append(kinds, "deleted")
		case chat.SanctionChanged:
			kinds = append(kinds, fmt.Sprintf("%s for %v: %s", e.Sanction.Kind, e.Sanction.Until.Sub(e.Sanction.CreatedAt), e.Sanction.Reason))
		}
	}
	return kinds
}

func TestAutomod(t *testing.T) {
	s := serve(t, map[string]string{"automod": `{"blocked_words":["foo"],"flood_messages":3,"flood_seconds":10,"flood_timeout":60}`}, nil)
	bob := s.member("bob")
	s.Say(bob, s.room, "hello")
	s.Say(bob, s.room, "F\u200bOO bar")
	s.says("AutoMod: bob was automatically timed out for violating chat rules.")
	got := s.order()
	if i := slices.Index(got, "new F\u200bOO bar"); i < 0 || !slices.Equal(got[i+1:], []string{"deleted", "mute for 5m0s: Automoderation: Message contains blocked words", "new bob was automatically timed out for violating chat rules."}) {
		t.Errorf("in this order: %q", got)
	}
	if _, _, err := s.SendMessage(t.Context(), bob, core.NewMessage{RoomID: s.room, Content: "again"}); chat.CodeOf(err) != "muted" {
		t.Errorf("afterwards: %v", err)
	}
	entries, _, err := s.Audit(t.Context(), s.owner, chat.AuditFilter{TargetID: string(bob.UserID), Action: "user.mute"}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 1 || !strings.Contains(string(entries[0].Details), `"plugin":"automod"`) {
		t.Errorf("audit %+v, %v", entries, err)
	}

	carol := s.member("carol")
	m := s.Say(carol, s.room, "harmless")
	if _, err := s.EditMessage(t.Context(), carol, m.ID, "foo after all", nil); err != nil {
		t.Fatal(err)
	}
	s.says("AutoMod: carol was automatically timed out for violating chat rules.")

	dave := s.member("dave")
	for i := range 4 {
		s.Say(dave, s.room, fmt.Sprint("spam ", i))
	}
	s.says("AutoMod: dave was automatically timed out for violating chat rules.")
	s.Say(s.owner, s.room, "foo says the owner")
	s.Say(s.owner, s.room, "!automod add bar")
	s.says(`AutoMod: blocked_words: The operator has set "blocked_words" in the plugin's config.json: it can only be changed there.`)
	if got := s.said(); !slices.Contains(got, "alice: foo says the owner") {
		t.Errorf("the owner's words are gone: %q", got)
	}
}

func TestAutomodCommands(t *testing.T) {
	s := serve(t, map[string]string{"automod": `{"enabled":true}`}, nil)
	bob := s.member("bob")
	for _, step := range []struct{ line, answer string }{
		{"!automod list", "No words are blocked."}, {"!automod add bar baz", "Blocked."}, {"!automod add BAR BAZ", "This is blocked already."},
		{"!automod list", "1 blocked: ||bar baz||"}, {"!automod timeout 30", "People are muted for 30 s."}, {"!automod timeout x", "Usage: `!automod timeout <seconds>`"},
		{"!automod toggle_delete", "Messages are not deleted any more."}, {"!automod disable", "Messages are not looked at."}, {"!automod enable", "Messages are looked at."},
		{"!automod remove nothing", "This was not blocked."},
	} {
		s.Say(s.owner, s.room, step.line)
		s.says("AutoMod: " + step.answer)
	}
	s.Say(bob, s.room, "!automod clear")
	s.Say(bob, s.room, "a Bar Baz")
	s.says("AutoMod: bob was automatically timed out for violating chat rules.")
	if got := s.said(); !slices.Contains(got, "bob: a Bar Baz") || slices.Contains(got, "AutoMod: No words are blocked any more.") {
		t.Errorf("got %q", got)
	}
	if got := s.order(); !slices.Contains(got, "mute for 30s: Automoderation: Message contains blocked words") {
		t.Errorf("got %q", got)
	}
}

func TestWelcome(t *testing.T) {
	s := serve(t, map[string]string{"welcome": `{"enabled":true}`}, nil)
	s.User("bob")
	s.says("originChats: Welcome bob! Thanks for joining the server.")
	carol := s.User("carol")
	s.says("originChats: Welcome carol! Thanks for joining the server.")
	if err := s.DeleteUser(t.Context(), chat.Operator, carol.UserID); err != nil {
		t.Fatal(err)
	}
	s.User("Carol")
	s.User("dave")
	s.says("originChats: Welcome dave! Thanks for joining the server.")
	if got := s.said(); len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

func TestCLI(t *testing.T) {
	s := serve(t, map[string]string{"cli": `{}`}, nil)
	bob, admin := s.member("bob"), s.member("root1")
	if _, err := s.SetRank(t.Context(), chat.Operator, admin.UserID, chat.RankAdmin); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		by           chat.Actor
		line, answer string
	}{
		{s.owner, "!ban bob being rude", "Banned bob."},
		{s.owner, "!list_banned", "bob"},
		{s.owner, "!unban bob", "bob is no longer banned."},
		{s.owner, "!ban", "Usage: `!ban <username> [reason]`"},
		{s.owner, "!ban nobody_here", "There is no such user."},
		{admin, "!ban alice", "You may do this only to people who stand below you."},
		{s.owner, "!users_list", "alice, bob, root1"},
		{s.owner, `!channel_create lounge text "a place to rest"`, "Made #lounge."},
		{s.owner, "!channel_getinfo lounge", "#lounge: lounge\nType: public, text\nDescription: a place to rest\nPosition: 1\nMembers: 1, messages: 0"},
		{s.owner, "!channel_move lounge 4", "Moved #lounge."},
		{s.owner, "!channel_setpermissions lounge send admin", "The right send in #lounge is with admin."},
		{s.owner, "!channel_delete lounge", "Deleted #lounge."},
		{s.owner, "!roles_create Helpers #00ff00", "Made the role Helpers."},
		{s.owner, "!roles_give bob Helpers", "bob has the role Helpers."},
		{s.owner, "!roles_setcolor Helpers #ff0000", "The role Helpers has another colour."},
		{s.owner, "!roles_remove bob Helpers", "bob no longer has the role Helpers."},
		{s.owner, "!roles_delete Helpers", "Deleted the role Helpers."},
		{s.owner, "!purge x", "Usage: `!purge <number>`"},
	} {
		s.Say(step.by, s.room, step.line)
		s.says("OriginChats: " + step.answer)
	}
	s.Say(bob, s.room, "!ban alice")
	s.Say(s.owner, s.room, "!nothing")
	s.Say(s.owner, s.room, "!purge 2")
	s.says("OriginChats: Deleted 2 messages.")
	if got := s.said(); got[len(got)-2] != "alice: "+chat.DeletedContent || got[len(got)-3] != "alice: "+chat.DeletedContent || !slices.Contains(got, "bob: !ban alice") {
		t.Errorf("got %q", got[len(got)-4:])
	}
}

// github is api.github.com as far as the plugin knows it.
type github struct {
	mu     sync.Mutex
	events []string
	asked  []string
}

func (g *github) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r.URL.String()+" "+r.Header.Get("If-None-Match"))
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Etag": {`"e1"`}}, Request: r,
		Body: io.NopCloser(strings.NewReader("[" + strings.Join(g.events, ",") + "]")),
	}, nil
}

func TestGitHub(t *testing.T) {
	g := &github{events: []string{`{"id":"99","type":"WatchEvent","actor":{"login":"old"}}`}}
	ticks := make(chan time.Time)
	s := serve(t, map[string]string{"github": `{"repos":["octo/cat","not a repo"],"channel":"general","interval":60}`}, func(o *plugin.Options) {
		o.Client, o.Hosts = &http.Client{Transport: g}, []string{"api.github.com"}
		o.Ticker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	})
	tick := func(n int) {
		s.Clock.Advance(10 * time.Minute)
		ticks <- time.Time{}
		s.until("GitHub to be asked", func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return len(g.asked) >= n
		})
	}
	s.until("the plugin to run", func() bool { p, err := s.plugins.Status("github"); return err == nil && p.State == chat.PluginRunning })
	tick(1)
	key := "repo:octo/cat"
	s.until("what was seen to be kept", func() bool {
		v, err := s.PluginValue(t.Context(), "github", key)
		return err == nil && strings.Contains(string(v), `"99"`)
	})
	g.mu.Lock()
	g.events = append([]string{
		`{"id":"101","type":"IssuesEvent","actor":{"login":"bea"},"payload":{"action":"opened","issue":{"number":5,"title":"It <b>fails</b>","html_url":"https://github.com/octo/cat/issues/5"}}}`,
		`{"id":"100","type":"PushEvent","actor":{"display_login":"ada"},"payload":{"ref":"refs/heads/main","before":"aaaaaaaaaaaaaaaa","head":"bbbbbbbbbbbbbbbb","size":1,"commits":[{"sha":"bbbbbbbbbbbbbbbb","message":"Mend it\n\nmore"}]}}`,
	}, g.events...)
	g.mu.Unlock()
	if err := s.DeletePluginValue(t.Context(), "github", "polled"); err != nil { // plugins have a clock of their own
		t.Fatal(err)
	}
	tick(2)
	s.says("GitHub: **octo/cat**: bea opened issue #5: It bfails/b\n<https://github.com/octo/cat/issues/5>")
	want := []string{"GitHub: **octo/cat**: ada pushed 1 commit to `main`\n• `bbbbbbb` Mend it\n<https://github.com/octo/cat/compare/aaaaaaaaaaaa...bbbbbbbbbbbb>",
		"GitHub: **octo/cat**: bea opened issue #5: It bfails/b\n<https://github.com/octo/cat/issues/5>"}
	if got := s.said(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked[1] != `https://api.github.com/repos/octo/cat/events?per_page=30 "e1"` {
		t.Errorf("asked %q", g.asked)
	}
}

func TestAdministration(t *testing.T) {
	s := serve(t, nil, nil)
	bob := s.User("bob")
	for name, ask := range map[string]func(by chat.Actor) error{
		"list":   func(by chat.Actor) error { _, err := s.Plugins(t.Context(), by); return err },
		"reload": func(by chat.Actor) error { return s.ReloadPlugin(t.Context(), by, "*") },
		"configure": func(by chat.Actor) error {
			_, err := s.ConfigurePlugin(t.Context(), by, "welcome", map[string]json.RawMessage{"enabled": json.RawMessage("true")})
			return err
		},
	} {
		if err := ask(bob); chat.CodeOf(err) != "permission_missing" {
			t.Errorf("%s by somebody: %v", name, err)
		}
		if err := ask(s.owner); err != nil {
			t.Errorf("%s by an owner: %v", name, err)
		}
	}
	list, err := s.Plugins(t.Context(), s.owner)
	var ids []string
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	if err != nil || !slices.Equal(ids, []string{"automod", "cli", "github", "welcome"}) {
		t.Errorf("got %q, %v", ids, err)
	}
	if err := s.ReloadPlugin(t.Context(), s.owner, "zz"); chat.CodeOf(err) != "plugin_not_found" {
		t.Errorf("reloading what is not there: %v", err)
	}
	s.User("carol")
	s.says("originChats: Welcome carol! Thanks for joining the server.")
	entries, _, err := s.Audit(t.Context(), s.owner, chat.AuditFilter{Action: "plugin."}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 2 || strings.Contains(string(entries[0].Details)+string(entries[1].Details), "true") {
		t.Errorf("audit %+v, %v", entries, err)
	}
}

func TestAPluginOfOnesOwn(t *testing.T) {
	s := serve(t, map[string]string{
		"dice/plugin.json": `{"name":"Dice","version":"1","author":"Croupier","events":["new_message","slash_call","message_pin","reaction_add","user_connect","typing","room_update"],
			"permissions":["messages.read","messages.send","commands","reactions","people.read","rooms.read","storage"],"config":{"enabled":true}}`,
		"dice/main.js": `
			command({name: "roll", description: "Roll", options: [{name: "sides", type: "int", required: true}]}, async (c) => {
				const n = ((await store.get("n")) || 0) + 1;
				await store.set("n", n);
				return c.username + " rolls " + c.args.sides + " for the " + n + ". time";
			});
			on("new_message", (e) => e.content === "dice?" && chat.react(e, "🎲"));
			on("slash_call", (e) => log.info("called", e.command));
			for (const event of ["message_pin", "reaction_add", "user_connect", "typing", "room_update"])
				on(event, (e) => chat.send("general", event + " " + (e.username || e.room.name) + " " + (e.emoji || e.content || "")));`,
	}, nil)
	s.until("the plugin to run", func() bool { p, err := s.plugins.Status("dice"); return err == nil && p.State == chat.PluginRunning })
	bob := s.member("bob")
	call := core.CommandRequest{RoomID: s.room, Name: "roll", Args: json.RawMessage(`{"sides":6}`)}
	for range 2 {
		if _, err := s.CallCommand(t.Context(), bob, call); err != nil {
			t.Fatal(err)
		}
	}
	s.says("Croupier: bob rolls 6 for the 2. time")
	call.Args = json.RawMessage(`{"sides":"x"}`)
	if _, err := s.CallCommand(t.Context(), bob, call); chat.CodeOf(err) != "argument_invalid" {
		t.Errorf("a wrong argument: %v", err)
	}
	m := s.Say(bob, s.room, "dice?")
	s.says("Croupier: reaction_add Croupier 🎲")
	if _, err := s.Pin(t.Context(), s.owner, m.ID); err != nil {
		t.Fatal(err)
	}
	s.says("Croupier: message_pin bob dice?")
	if err := s.Connected(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	s.says("Croupier: user_connect bob")
	if err := s.Core.Typing(t.Context(), bob, s.room, 0, true); err != nil {
		t.Fatal(err)
	}
	s.says("Croupier: typing bob")
	topic := "games"
	if _, err := s.UpdateRoom(t.Context(), chat.Operator, s.room, core.RoomChange{Topic: &topic}); err != nil {
		t.Fatal(err)
	}
	s.says("Croupier: room_update general")
	if _, err := s.ConfigurePlugin(t.Context(), s.owner, "dice", map[string]json.RawMessage{"enabled": json.RawMessage("false")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CallCommand(t.Context(), bob, call); chat.CodeOf(err) != "command_unknown" {
		t.Errorf("after it was switched off: %v", err)
	}
}
