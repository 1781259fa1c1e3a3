package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// accountService stands for the service by which people of OriginChats clients log in: it vouches for everybody.
func accountService(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := strings.Cut(r.URL.Query().Get("v"), ",")
		json.NewEncoder(w).Encode(obj{"valid": true, "username": strings.TrimPrefix(id, "USR:"), "id": id})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// visitor is somebody with an OriginChats client.
type visitor struct {
	id   string // here
	t    *testing.T
	conn *websocket.Conn
}

// fromElsewhere logs somebody in with an OriginChats client.
func (a *api) fromElsewhere(t *testing.T, name string) *visitor {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+a.addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(64 << 20)
	v := &visitor{t: t, conn: conn}
	v.send(obj{"cmd": "auth", "validator": "USR:" + name + "," + strings.Repeat("0a", 32)}, "auth_success", nil)
	v.id = a.client(t, a.owner).get("/admin/users?q=" + name).want(200).str("users.0.id")
	return v
}

// send sends a packet and reads until one of the kind comes with these values.
func (v *visitor) send(packet obj, kind string, want obj) obj {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text, err := json.Marshal(packet)
	if err == nil {
		err = v.conn.Write(ctx, websocket.MessageText, text)
	}
	for err == nil {
		var got obj
		if _, text, err = v.conn.Read(ctx); err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err == nil && got["cmd"] == kind && matches(got, want) {
			return got
		}
	}
	v.t.Fatalf("waited in vain for %s %s after %s: %v; the last was %s", kind, show(want), show(packet), err, clip(text))
	return nil
}

// identities plays the ways into an account, and the codes that link another one.
func identities(t *testing.T, a *api) {
	const password = "correct horse battery"
	one, two, admin := a.client(t, a.someone(t)), a.client(t, a.someone(t)), a.client(t, a.owner)
	one.get("/auth/identities").want(200).is(obj{"identities": []obj{{"id": one.get("/auth/identities").str("identities.0.id"), "provider": "password", "name": one.name(), "removable": false}}})
	one.do("POST", "/auth/link-codes", obj{}).fails(400, "password_wrong")
	code := one.do("POST", "/auth/link-codes", obj{"password": password}).want(200).str("code")
	give := func(c *client, in obj) *answer {
		t.Helper()
		return c.do("POST", "/auth/link", in)
	}
	give(two, obj{"password": password}).fails(400, "field_invalid").names("code")
	give(two, obj{"code": code, "password": "wrong wrong"}).fails(400, "password_wrong")
	give(two, obj{"code": "22222222", "password": password}).fails(400, "link_code_invalid")
	give(one, obj{"code": code, "password": password}).fails(400, "link_same_account")
	give(two, obj{"code": code, "password": password}).fails(409, "link_passwords") // each would be a way into both

	name := a.name("else")
	id := a.fromElsewhere(t, name).id
	admin.do("POST", "/admin/users/"+id+"/password", obj{"password": password}).want(204)
	in := a.client(t, person{}).do("POST", "/auth/login", obj{"username": name, "password": password}).want(200)
	me := a.client(t, person{in.str("user.id"), in.str("token")})
	ways := me.get("/auth/identities").want(200)
	i := slices.Index(ways.each("identities", "provider"), any("rotur"))
	if i < 0 || len(ways.list("identities")) != 2 {
		t.Fatalf("want a password and rotur: %v", ways)
	}
	ways.is(obj{fmt.Sprintf("identities.%d.name", i): name, fmt.Sprintf("identities.%d.removable", i): true, fmt.Sprintf("identities.%d.removable", 1-i): false})
	rotur, own := ways.str(fmt.Sprintf("identities.%d.id", i)), ways.str(fmt.Sprintf("identities.%d.id", 1-i))
	remove := func(way, password string) *answer {
		t.Helper()
		return me.do("DELETE", "/auth/identities/"+way, obj{"password": password})
	}
	remove(rotur, "wrong wrong").fails(400, "password_wrong")
	remove("nothing", password).fails(404, "login_way_not_found")
	remove(own, password).fails(409, "login_way_needed")
	if again := a.fromElsewhere(t, name).id; again != id {
		t.Errorf("the same person comes in as %s, was %s", again, id)
	}
	remove(rotur, password).want(204)
	me.get("/auth/identities").want(200).is(obj{"identities": []obj{{"id": own, "provider": "password", "name": name, "removable": false}}})

	// Who has no password is shown a code by a command, and gives it in the other account.
	name = a.name("far")
	far := a.fromElsewhere(t, name)
	shown := far.send(obj{"cmd": "slash_call", "channel": "general", "command": "link", "args": obj{}}, "message_new", obj{"message.interaction.command": "link"})
	content, _ := at(shown, "message.content")
	match := regexp.MustCompile(`\*\*([a-z2-9]{8})\*\*`).FindStringSubmatch(fmt.Sprint(content))
	if match == nil {
		t.Fatalf("no code is shown: %s", show(shown))
	}
	plan := obj{"kept.id": two.ID, "gone.id": far.id, "moved.0.provider": "rotur", "moved.0.name": name}
	give(two, obj{"code": match[1], "password": password}).want(200).is(plan).is(obj{"done": false})
	two.get("/users/" + far.id).want(200) // nothing has happened yet
	give(two, obj{"code": match[1], "password": password, "confirm": true}).want(200).is(plan).is(obj{"done": true})
	give(two, obj{"code": match[1], "password": password, "confirm": true}).fails(400, "link_code_invalid")
	equal(t, "the ways in", two.get("/auth/identities").want(200).each("identities", "provider"), []string{"password", "rotur"})
}

// commands plays slash commands: the server's own, and those that a bot answers.
func commands(t *testing.T, a *api) {
	bot, one := a.client(t, a.owner), a.client(t, a.someone(t))
	room := one.room("public")
	bot.join(room)
	caller, answering := one.dial(), bot.dial()
	caller.ok(obj{"type": "join_room", "room_id": room})
	call := func(command string, args any) *answer {
		t.Helper()
		return one.do("POST", "/rooms/"+room+"/commands", obj{"command": command, "args": args})
	}
	list := one.get("/commands").want(200).is(obj{"commands.0.name": "help", "commands.0.usable": true, "commands.0.user": nil})
	if i := slices.Index(list.each("commands", "name"), any("ban")); i < 0 {
		t.Errorf("no ban: %v", list)
	} else {
		list.is(obj{fmt.Sprintf("commands.%d.usable", i): false, fmt.Sprintf("commands.%d.roles", i): []string{"admin", "owner"}})
	}
	call("shrug", obj{"text": "Well"}).want(200).is(obj{"delivered": false, "private": nil, "message.content": `Well ¯\\\_(ツ)\_/¯`, "message.sender.id": one.ID, "message.command.name": "shrug"})
	caller.await("message_created", obj{"message.command.name": "shrug", "message.command.user_id": one.ID})
	call("help", obj{}).want(200).is(obj{"message.author.kind": "server", "message.command.name": "help"})
	if told := call("link", obj{}).want(200).is(obj{"message": nil}); !strings.Contains(told.str("private"), "password") {
		t.Errorf("what is for the caller alone: %v", told)
	}
	call("nonsense", nil).fails(404, "command_unknown")
	call("help", obj{"x": 1}).fails(400, "argument_unknown")
	call("help", []int{1}).fails(400, "args_invalid")
	call("join", obj{}).fails(400, "argument_missing")
	call("ban", obj{"username": "owner"}).fails(403, "command_role_needed")

	caller.refused(obj{"type": "register_commands", "commands": []obj{{"name": "roll"}}}, "commands_forbidden")
	answering.refused(obj{"type": "register_commands", "commands": []obj{{"name": "help"}}}, "command_invalid")
	answering.ok(obj{"type": "register_commands", "commands": []obj{{"name": "roll", "description": "Roll dice", "options": []obj{{"name": "sides", "type": "int"}}}}})
	caller.await("commands_added", obj{"commands.0.name": "roll", "commands.0.user.id": a.owner.ID, "commands.0.options.0.required": true})
	call("roll", obj{"sides": "six"}).fails(400, "argument_invalid")
	call("roll", obj{"sides": 6}).want(200).is(obj{"delivered": true, "message": nil})
	answering.await("command_called", obj{"command": "roll", "args": obj{"sides": 6}, "room_id": room, "user.id": one.ID})
	answering.ok(obj{"type": "respond_command", "room_id": room, "command": "roll", "content": "4", "user_id": one.ID}).is(obj{"message.content": "4"})
	caller.await("message_created", obj{"message.content": "4", "message.sender.id": a.owner.ID, "message.command.name": "roll", "message.command.user_id": one.ID})
	caller.ok(obj{"type": "call_command", "room_id": room, "command": "roll", "args": obj{"sides": 20}}).is(obj{"delivered": true, "message": nil})
	answering.await("command_called", obj{"args": obj{"sides": 20}})
	answering.conn.CloseNow() // its commands go with it
	caller.await("commands_removed", obj{"names": []string{"roll"}})
	call("roll", obj{"sides": 6}).fails(404, "command_unknown")
}

// voiceRooms plays who is in a voice room: coming, signals, muting, leaving.
func voiceRooms(t *testing.T, a *api) {
	p := a.people(t, 4)
	one, two, member, outside := p[0], p[1], p[2], p[3]
	room, text := one.room("public", obj{"form": "voice"}), one.room("public")
	two.join(room)
	member.join(room)
	a1, b, viewer := one.dial(), two.dial(), member.dial()
	for _, l := range []*live{a1, b, viewer} {
		l.ok(obj{"type": "join_room", "room_id": room})
	}
	a1.refused(obj{"type": "voice_join", "room_id": text}, "room_not_voice")
	outside.dial().refused(obj{"type": "voice_join", "room_id": room}, "not_a_member")
	a1.refused(obj{"type": "voice_leave"}, "not_in_voice")
	own := a1.ok(obj{"type": "voice_join", "room_id": room}).is(obj{"voice.room_id": room, "voice.participants.0.user.id": one.ID}).str("peer_id")
	other := b.ok(obj{"type": "voice_join", "room_id": room, "muted": true}).is(obj{"voice.participants.0.peer_id": own, "voice.participants.1.muted": true}).str("peer_id")
	a1.await("voice_joined", obj{"room_id": room, "participant.user.id": two.ID, "participant.peer_id": other, "participant.muted": true, "participant.media": "relayed"})
	withoutPeer := func(seen *answer, path string) {
		t.Helper()
		if _, there := at(seen.json, path+".peer_id"); there {
			t.Errorf("who is not in the room learns the way to who is: %v", seen)
		}
	}
	withoutPeer(viewer.await("voice_joined", obj{"participant.user.id": two.ID}), "participant")
	member.get("/voice").want(200).is(obj{"rooms.0.room_id": room, "rooms.0.participants.0.user.id": one.ID, "rooms.0.participants.1.user.id": two.ID})
	withoutPeer(member.get("/rooms/"+room+"/voice").want(200).is(obj{"room_id": room, "participants.1.muted": true}), "participants.1")
	member.get("/rooms/"+text+"/voice").fails(403, "not_a_member")
	one.get("/rooms/"+text+"/voice").fails(400, "room_not_voice")
	outside.get("/rooms/"+room+"/voice").fails(403, "not_a_member")

	b.ok(obj{"type": "voice_update", "muted": false, "deafened": true})
	withoutPeer(viewer.await("voice_updated", obj{"participant.user.id": two.ID, "participant.muted": false, "participant.deafened": true}), "participant")
	b.ok(obj{"type": "voice_signal", "user_id": one.ID, "data": obj{"sdp": "x"}})
	a1.await("voice_signal", obj{"room_id": room, "user_id": two.ID, "peer_id": other, "data.sdp": "x"})
	b.refused(obj{"type": "voice_signal", "user_id": member.ID, "data": obj{}}, "participant_not_found")
	viewer.refused(obj{"type": "voice_signal", "user_id": one.ID, "data": obj{}}, "not_in_voice")

	b.ok(obj{"type": "voice_leave"})
	viewer.await("voice_left", obj{"room_id": room, "user_id": two.ID})
	a1.conn.CloseNow() // so does the end of a connection
	viewer.await("voice_left", obj{"room_id": room, "user_id": one.ID})
	member.get("/rooms/" + room + "/voice").want(200).is(obj{"participants": []any{}})
}

// plugins plays the operator's programs, by one that comes with the server.
func plugins(t *testing.T, a *api) {
	admin, one := a.client(t, a.owner), a.client(t, a.someone(t))
	one.get("/admin/plugins").fails(403, "permission_missing")
	list := admin.get("/admin/plugins").want(200)
	i := slices.Index(list.each("plugins", "id"), any("welcome"))
	if i < 0 {
		t.Fatalf("no welcome: %v", list)
	}
	list.is(obj{fmt.Sprintf("plugins.%d.enabled", i): false, fmt.Sprintf("plugins.%d.state", i): "off", fmt.Sprintf("plugins.%d.bundled", i): true, fmt.Sprintf("plugins.%d.last_fault", i): nil})
	welcome, rest := "/admin/plugins/welcome", []string{"/enable", "/disable", "/reload"}
	for _, step := range rest {
		one.do("POST", welcome+step, nil).fails(403, "permission_missing")
		admin.do("POST", "/admin/plugins/nothing"+step, nil).fails(404, "plugin_not_found")
	}
	slug := a.name("hall")
	hall := admin.official("Hall", obj{"slug": slug})
	set := func(settings any) *answer {
		t.Helper()
		return admin.do("PATCH", welcome+"/settings", obj{"settings": settings})
	}
	one.do("PATCH", welcome+"/settings", obj{"settings": obj{}}).fails(403, "permission_missing")
	set(obj{"welcome_channel": slug, "welcome_message": "Hello {username}!"}).want(200).is(obj{"settings.welcome_channel": slug, "defaults.welcome_channel": "general"})
	set(obj{"welcome_channel": 7}).fails(400, "setting_invalid")
	set(obj{"nothing": "x"}).fails(400, "setting_unknown")
	set([]string{}).fails(400, "settings_invalid")

	l := one.dial()
	l.ok(obj{"type": "join_room", "room_id": hall})
	admin.do("POST", welcome+"/enable", nil).want(200).is(obj{"enabled": true})
	running := func() bool {
		all := admin.get("/admin/plugins").want(200)
		return all.str(fmt.Sprintf("plugins.%d.state", i)) == "running"
	}
	a.until("the plugin runs", running)
	greeted := a.name("guest")
	a.named(t, greeted)
	l.await("message_created", obj{"message.content": "Hello " + greeted + "!", "message.author.kind": "plugin", "message.author.id": "welcome", "message.sender": nil})
	admin.do("POST", welcome+"/reload", nil).want(200).is(obj{"enabled": true})
	admin.do("POST", "/admin/plugins/reload", nil).want(200)
	a.until("the plugin runs again", running)
	greeted = a.name("guest")
	a.named(t, greeted)
	l.await("message_created", obj{"message.content": "Hello " + greeted + "!"})
	set(obj{"welcome_message": nil}).want(200).is(obj{"settings.welcome_message": "Welcome {username}! Thanks for joining the server."})
	admin.do("POST", welcome+"/disable", nil).want(200).is(obj{"enabled": false, "state": "off"})
	admin.drop([]string{hall}, nil)
}
