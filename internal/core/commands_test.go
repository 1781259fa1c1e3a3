package core_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// roll is a bot's command with an argument of every type.
func roll() chat.Command {
	return chat.Command{Name: "roll", Description: "Roll", Options: []chat.CommandOption{
		{Name: "sides", Description: "n", Type: chat.IntOption, Required: true},
		{Name: "label", Type: chat.StringOption},
		{Name: "odds", Type: chat.FloatOption},
		{Name: "loud", Type: chat.BoolOption},
		{Name: "mode", Type: chat.EnumOption, Choices: []string{"a", "b"}},
	}}
}

// commandsTold tells of commands since it was last asked.
func (w *world) commandsTold() (added, removed []string, calls []chat.CommandCalled) {
	for _, ev := range w.told() {
		switch e := ev.(type) {
		case chat.CommandsAdded:
			for _, c := range e.Commands {
				added = append(added, c.Name)
			}
		case chat.CommandsRemoved:
			removed = append(removed, e.Names...)
		case chat.CommandCalled:
			calls = append(calls, e)
		}
	}
	return added, removed, calls
}

func (w *world) call(by chat.Actor, room chat.RoomID, name, args string) (core.CommandResult, error) {
	return w.CallCommand(w.ctx, by, core.CommandRequest{RoomID: room, Name: name, Args: json.RawMessage(args)})
}

func TestABotRegistersAndAnswersCommands(t *testing.T) {
	w := newWorld(t)
	bot, bob := w.user("bot", chat.RoleOwner), w.user("bob")
	room := w.room("Room", chat.Public, bot, bob)
	w.told()
	bot = on(bot, "b1")
	w.must(w.RegisterCommands(w.ctx, bot, []chat.Command{roll(), {Name: "old", Description: ""}}))
	if added, _, _ := w.commandsTold(); !slices.Equal(added, []string{"roll", "old"}) {
		t.Errorf("added %q", added)
	}
	res, err := w.call(bob, room, "roll", ` { "sides" : 6, "mode": "b" } `)
	if err != nil || res.Message != nil || string(res.Args) != `{"sides":6,"mode":"b"}` {
		t.Errorf("called %+v, %v", res, err)
	}
	if _, _, calls := w.commandsTold(); len(calls) != 1 || !reflect.DeepEqual(calls[0], chat.CommandCalled{Registrant: bot.UserID, Connection: "b1", RoomID: room, Caller: bob.UserID, Name: "roll", Args: res.Args}) {
		t.Errorf("calls %+v", calls)
	}
	msg, err := w.RespondCommand(w.ctx, bot, core.CommandResponse{RoomID: room, Content: "4", Command: "roll", Invoker: bob.UserID})
	if err != nil || msg.SenderID != bot.UserID || *msg.Extras.Command != (chat.CommandUse{Name: "roll", UserID: bob.UserID}) {
		t.Errorf("answered %+v, %v", msg, err)
	}
	_, err = w.RespondCommand(w.ctx, bot, core.CommandResponse{RoomID: room, Content: "4", Command: "roll", Invoker: "nobody"})
	w.want(err, "user_not_found")
	_, err = w.RespondCommand(w.ctx, bot, core.CommandResponse{RoomID: room, Content: "4"})
	w.want(err, "command_unknown")
	w.told()
	w.must(w.RegisterCommands(w.ctx, bot, []chat.Command{roll(), {Name: "new"}})) // replaces
	if added, removed, _ := w.commandsTold(); !slices.Equal(added, []string{"roll", "new"}) || !slices.Equal(removed, []string{"old"}) {
		t.Errorf("added %q, removed %q", added, removed)
	}
	list, err := w.Commands(w.ctx, bob)
	if err != nil || list[0].Name != "help" || list[len(list)-1].Name != "new" || list[len(list)-1].RegisteredBy != bot.UserID {
		t.Errorf("list %+v, %v", list, err)
	}
	w.want(w.RegisterCommands(w.ctx, on(bot, "b2"), []chat.Command{{Name: "x"}}), "commands_elsewhere")
	w.Disconnected(w.ctx, on(bot, "b2"))
	w.Disconnected(w.ctx, bot)
	if _, removed, _ := w.commandsTold(); !slices.Equal(removed, []string{"roll", "new"}) {
		t.Errorf("removed %q", removed)
	}
	_, err = w.call(bob, room, "roll", `{"sides":6}`)
	w.want(err, "command_unknown")
	w.must(w.RegisterCommands(w.ctx, on(bot, "b2"), []chat.Command{{Name: "x"}}))
}

func TestWhoMayRegisterCommands(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.CommandRoles = []string{"Bots", "moderator"} })
	bots, err := w.PutRole(w.ctx, chat.Operator, chat.Role{Name: "Bots"})
	w.must(err)
	for _, c := range []struct {
		name string
		by   chat.Actor
		want string
	}{
		{"an owner", on(w.user("owner", chat.RoleOwner), "1"), ""},
		{"an administrator", on(w.user("admin", chat.RoleAdmin), "2"), ""},
		{"somebody with a role that the operator named", on(w.user("botty", bots.ID), "3"), ""},
		{"somebody with a role that was named by its id", on(w.user("moddy", chat.RoleModerator), "4"), ""},
		{"nobody else", on(w.user("bob"), "5"), "commands_forbidden"},
		{"nobody without a connection", w.user("rest", chat.RoleOwner), "connection_needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := w.RegisterCommands(w.ctx, c.by, []chat.Command{{Name: "of" + c.by.Connection}}); chat.CodeOf(err) != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	owner := on(w.user("second", chat.RoleOwner), "6")
	w.must(w.RegisterCommands(w.ctx, owner, []chat.Command{{Name: "kept"}}))
	for _, c := range []struct {
		name string
		list []chat.Command
		text string
	}{
		{"no commands", nil, "give 1 to 100 commands"},
		{"no name", []chat.Command{{Description: "x"}}, "a name has 1 to 32"},
		{"a name with a space", []chat.Command{{Name: "a b"}}, "a name has 1 to 32"},
		{"one of the server's own", []chat.Command{{Name: "fine"}, {Name: "ban"}}, "name 'ban' is already in use"},
		{"another bot's", []chat.Command{{Name: "of1"}}, "name 'of1' is already in use"},
		{"twice the same", []chat.Command{{Name: "a"}, {Name: "a"}}, "two commands are called 'a'"},
		{"an option of no type", []chat.Command{{Name: "a", Options: []chat.CommandOption{{Name: "o"}}}}, "option 'o': type must be"},
		{"an enum without choices", []chat.Command{{Name: "a", Options: []chat.CommandOption{{Name: "o", Type: chat.EnumOption}}}}, "option 'o': an enum needs choices"},
		{"two options of one name", []chat.Command{{Name: "a", Options: []chat.CommandOption{{Name: "o", Type: chat.IntOption}, {Name: "o", Type: chat.IntOption}}}}, "two options"},
		{"a long description", []chat.Command{{Name: "a", Description: strings.Repeat("x", 201)}}, "a description has at most"},
	} {
		t.Run("not "+c.name, func(t *testing.T) {
			err := w.RegisterCommands(w.ctx, owner, c.list)
			if chat.CodeOf(err) != "command_invalid" || !strings.Contains(chat.AsError(err).Text, c.text) {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
	list, err := w.Commands(w.ctx, owner)
	w.must(err)
	if !slices.ContainsFunc(list, func(x chat.Command) bool { return x.Name == "kept" }) || slices.ContainsFunc(list, func(x chat.Command) bool { return x.Name == "fine" }) {
		t.Error("a refused registration changed something")
	}
	w.told()
	_, err = w.SetUserRoles(w.ctx, chat.Operator, owner.UserID, []chat.RoleID{chat.RoleUser}) // no owner any more
	w.must(err)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, removed, _ := w.commandsTold(); slices.Equal(removed, []string{"kept"}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("who may not register any more keeps commands")
		}
	}
}

func TestArgumentsOfACallAreChecked(t *testing.T) {
	w := newWorld(t)
	bot, bob := on(w.user("bot", chat.RoleOwner), "b"), w.user("bob")
	room := w.room("Room", chat.Public, bot, bob)
	w.must(w.RegisterCommands(w.ctx, bot, []chat.Command{roll()}))
	for _, c := range []struct{ name, args, want string }{
		{"all of them", `{"sides":6,"label":"x","odds":0.5,"loud":true,"mode":"a"}`, ""},
		{"an integer is a number", `{"sides":6,"odds":1}`, ""},
		{"none", `{}`, "Missing required argument: sides"},
		{"nothing", ``, "Missing required argument: sides"},
		{"one that is unknown", `{"sides":6,"z":1}`, "Unknown argument: z"},
		{"an unknown one comes before a missing one", `{"z":1}`, "Unknown argument: z"},
		{"no object", `[]`, "Command args must be an object"},
		{"something broken", `{"sides":`, "Command args must be an object"},
		{"text for an integer", `{"sides":"6"}`, "Invalid type for argument 'sides': expected int, got str"},
		{"a boolean for an integer", `{"sides":true}`, "Invalid type for argument 'sides': expected int, got bool"},
		{"a fraction for an integer", `{"sides":6.5}`, "Invalid type for argument 'sides': expected int, got float"},
		{"null for an integer", `{"sides":null}`, "Invalid type for argument 'sides': expected int, got NoneType"},
		{"a list for an integer", `{"sides":[6]}`, "Invalid type for argument 'sides': expected int, got list"},
		{"an object for an integer", `{"sides":{}}`, "Invalid type for argument 'sides': expected int, got dict"},
		{"a number for text", `{"sides":6,"label":1}`, "Invalid type for argument 'label': expected str, got int"},
		{"a boolean for a number", `{"sides":6,"odds":true}`, "Invalid type for argument 'odds': expected float, got bool"},
		{"a number for a boolean", `{"sides":6,"loud":1}`, "Invalid type for argument 'loud': expected bool, got int"},
		{"no choice of an enum", `{"sides":6,"mode":"c"}`, "Invalid value for argument 'mode': expected one of [a, b], got 'c'"},
		{"a number for an enum", `{"sides":6,"mode":1}`, "Invalid value for argument 'mode': expected one of [a, b], got '1'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.call(bob, room, "roll", c.args)
			if got := chat.AsError(err); c.want == "" && err != nil || c.want != "" && (err == nil || got.Text != c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	_, err := w.call(bob, room, "zz", ``)
	if err == nil || chat.AsError(err).Text != "Unknown slash command: /zz" {
		t.Errorf("unknown: %v", err)
	}
}

func TestWhoMayCallACommandAndWhere(t *testing.T) {
	w := newWorld(t)
	bot, bob, mod, eve := on(w.user("bot", chat.RoleOwner), "b"), w.user("bob"), w.user("mod", chat.RoleModerator), w.user("eve")
	room := w.room("Room", chat.Public, bot, bob, mod)
	voice := w.voiceRoom("Voice", chat.Public, bot, bob)
	private := w.room("Private", chat.Private, bob)
	direct := w.direct(bob, mod)
	w.must(w.RegisterCommands(w.ctx, bot, []chat.Command{{Name: "any"}, {Name: "mods", Whitelist: []string{"moderator", "admin"}}, {Name: "nomods", Whitelist: []string{"user"}, Blacklist: []string{"moderator"}}}))
	muted := w.user("muted")
	_, err := w.AddMember(w.ctx, chat.Operator, room, muted.UserID, chat.RoomMember)
	w.must(err)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Mute, RoomID: room, UserID: muted.UserID})
	w.must(err)
	for _, c := range []struct {
		name    string
		by      chat.Actor
		room    chat.RoomID
		command string
		want    string
	}{
		{"a member calls what everybody may", bob, room, "any", ""},
		{"a stranger does not", eve, room, "any", "not_a_member"},
		{"who is muted does not", muted, room, "any", "muted"},
		{"who lacks the role does not", bob, room, "mods", "command_role_needed"},
		{"any of the roles is enough", mod, room, "mods", ""},
		{"the list of those who may not comes first", mod, room, "nomods", "command_role_forbidden"},
		{"everybody else may", bob, room, "nomods", ""},
		{"there are no commands in voice rooms", bob, voice, "any", "command_not_here"},
		{"nor in direct rooms", bob, direct, "any", "command_not_here"},
		{"a bot does not learn of a room that it cannot see", bob, private, "any", "command_unreachable"},
		{"the server's own work there", bob, private, "help", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := w.call(c.by, c.room, c.command, ""); chat.CodeOf(err) != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheServersOwnCommands(t *testing.T) {
	w := newWorld(t)
	owner, admin, bob := w.user("owner", chat.RoleOwner), w.user("admin", chat.RoleAdmin), w.user("bob")
	_ = w.user("carol")
	room := w.room("Room", chat.Public, owner, admin, bob)
	other := w.room("Other", chat.Public, owner)
	for _, c := range []struct {
		name          string
		by            chat.Actor
		command, args string
		want          string // the answer, or the error's text behind "!"
	}{
		{"a nickname", bob, "nick", `{"nickname":"Bobby"}`, "Nickname set to **Bobby**"},
		{"one that is too long", bob, "nick", `{"nickname":"123456789012345678901"}`, "!Nickname too long (max 20 characters)"},
		{"none any more", bob, "nick", `{}`, "Nickname cleared"},
		{"there was none", bob, "nick", `{}`, "You don't have a nickname set. Use `/nick <name>` to set one."},
		{"banning is for admins", bob, "ban", `{"username":"carol"}`, "!Access denied: 'admin' role required"},
		{"a ban", admin, "ban", `{"username":"@Carol","reason":"spam"}`, "🚫 **carol** has been banned.\n**Reason:** spam"},
		{"a second one", admin, "ban", `{"username":"carol"}`, "!User 'carol' is already banned"},
		{"of nobody", admin, "ban", `{"username":"zed"}`, "!User 'zed' not found"},
		{"of no name", admin, "ban", `{"username":" "}`, "!Username is required"},
		{"of the owner", admin, "ban", `{"username":"owner"}`, "!Cannot ban the server owner"},
		{"of oneself", admin, "ban", `{"username":"admin"}`, "!You cannot do this to yourself."},
		{"an unban", admin, "unban", `{"username":"USR:local_carol"}`, "✅ **carol** has been unbanned."},
		{"a second one", admin, "unban", `{"username":"carol"}`, "!User 'carol' is not banned"},
		{"a mute", admin, "mute", `{"username":"carol","duration":60}`, "🔇 **carol** has been muted for 60 seconds.\n**Reason:** No reason provided"},
		{"of the owner", admin, "mute", `{"username":"owner","duration":60}`, "!Cannot mute the server owner"},
		{"for no time", admin, "mute", `{"username":"carol","duration":0}`, "!Duration must be a positive number"},
		{"for ever and ever", admin, "mute", `{"username":"carol","duration":99999999999999999999}`, "!Duration must be a valid number"},
		{"an unmute", admin, "unmute", `{"username":"carol"}`, "🔊 **carol** has been unmuted."},
		{"who is not muted", admin, "unmute", `{"username":"carol"}`, "🔊 **carol** has been unmuted."},
		{"roles are the owner's", admin, "role", `{"action":"add","username":"carol","role":"moderator"}`, "!Access denied: 'owner' role required"},
		{"a role", owner, "role", `{"action":"add","username":"carol","role":"moderator"}`, "✅ Role **moderator** added to **carol**."},
		{"one less", owner, "role", `{"action":"remove","username":"carol","role":"moderator"}`, "✅ Role **moderator** removed from **carol**."},
		{"one that is not there", owner, "role", `{"action":"add","username":"carol","role":"x"}`, "!Role 'x' not found"},
		{"another action", owner, "role", `{"action":"x","username":"carol","role":"x"}`, "!Invalid value for argument 'action': expected one of [add, remove], got 'x'"},
		{"a channel", owner, "channel", `{"action":"create","name":"news"}`, "✅ Channel **#news** (text) created."},
		{"a voice channel", owner, "channel", `{"action":"create","name":"talk","type":"voice"}`, "✅ Channel **#talk** (voice) created."},
		{"it is deleted", owner, "channel", `{"action":"delete","name":"#news"}`, "✅ Channel **#news** deleted."},
		{"one that is not there", owner, "channel", `{"action":"delete","name":"news"}`, "!Channel 'news' not found"},
		{"a room that is not the server's", owner, "channel", `{"action":"delete","name":"other"}`, "!Channel 'other' not found"},
		{"a shrug", bob, "shrug", `{"text":"well"}`, `well ¯\\\_(ツ)\_/¯`},
		{"a room is joined without a word", bob, "join", `{"room":"#other"}`, ""},
		{"and left", bob, "leave", `{"room":"other"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := w.call(c.by, room, c.command, c.args)
			if text, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || chat.AsError(err).Text != text {
					t.Errorf("error %v, want %q", err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if !res.Silent || res.Message != nil {
					t.Errorf("said %+v", res.Message)
				}
				return
			}
			if res.Message.Content != c.want || res.Message.Extras.Command == nil || *res.Message.Extras.Command != (chat.CommandUse{Name: c.command, UserID: c.by.UserID}) {
				t.Errorf("said %q (%+v), want %q", res.Message.Content, res.Message.Extras, c.want)
			}
			if c.command != "shrug" && (res.Message.SenderID != "" || res.Message.Extras.Author.Kind != chat.ServerAuthor) {
				t.Errorf("said by %q %+v", res.Message.SenderID, res.Message.Extras.Author)
			}
		})
	}
	if _, err := w.Readable(w.ctx, bob, other); chat.CodeOf(err) != "not_a_member" {
		t.Errorf("bob is still in the other room: %v", err)
	}
	res, err := w.call(bob, room, "help", "")
	w.must(err)
	if text := res.Message.Content; !strings.HasPrefix(text, "**Available Commands:**\n• `/help` - ") || strings.Contains(text, "/ban") || strings.Index(text, "/join") > strings.Index(text, "/nick") {
		t.Errorf("help said %q", text)
	}
}

func TestACommandOfThisProcess(t *testing.T) {
	w := newWorld(t)
	bob := w.user("bob")
	room := w.room("Room", chat.Public, bob)
	w.told()
	var got core.CommandCall
	remove, err := w.AddCommand(chat.Command{Name: "greet", Plugin: "welcome", Options: []chat.CommandOption{{Name: "n", Type: chat.IntOption}, {Name: "b", Type: chat.BoolOption}}},
		func(_ context.Context, call core.CommandCall) (core.CommandAnswer, error) {
			got = call
			return core.CommandAnswer{Content: "hello"}, nil
		})
	w.must(err)
	_, err = w.AddCommand(chat.Command{Name: "greet"}, nil)
	w.want(err, "command_invalid")
	res, err := w.call(bob, room, "greet", `{"n":3,"b":true}`)
	w.must(err)
	if n, given := got.Int("n"); n != 3 || !given || !got.Bool("b") || got.User.Username != "bob" || got.Room.ID != room {
		t.Errorf("called with %+v", got)
	}
	if a := res.Message.Extras.Author; a.Kind != chat.PluginAuthor || a.Name != "welcome" {
		t.Errorf("author %+v", a)
	}
	remove()
	_, err = w.call(bob, room, "greet", ``)
	w.want(err, "command_unknown")
	if added, removed, _ := w.commandsTold(); !slices.Equal(added, []string{"greet"}) || !slices.Equal(removed, []string{"greet"}) {
		t.Errorf("added %q, removed %q", added, removed)
	}
}

func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{"sides":6}`, `{"sides":6,"sides":"x"}`, `{`, `null`, `{"a":{"b":[1,2,{}]}}`, `{"sides":1e3}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, args string) {
		values, whole, err := core.CheckArgs(roll(), json.RawMessage(args))
		if err == nil && (!json.Valid(whole) || len(values["sides"]) == 0) {
			t.Errorf("%q passed as %s", args, whole)
		}
	})
}
