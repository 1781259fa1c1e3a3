package native_test

import "testing"

func TestABotAnswersCommandsOverTheWebSocket(t *testing.T) {
	s := newServer(t)
	bot, bob := s.owner("bot"), s.user("bob")
	room := bot.room("Lobby", "public", bob)
	answering, caller := bot.dial(), bob.dial()
	caller.ask(object{"type": "join_room", "room_id": room})

	caller.refused(object{"type": "register_commands", "commands": []any{object{"name": "x"}}}, "commands_forbidden")
	answering.refused(object{"type": "register_commands", "commands": []any{object{"name": "ban"}}}, "command_invalid")
	answering.refused(object{"type": "register_commands", "commands": "x"}, "field_invalid")
	answering.ask(object{"type": "register_commands", "commands": []any{object{"name": "roll", "description": "Roll", "options": []any{
		object{"name": "sides", "description": "n", "type": "int"}, object{"name": "loud", "type": "bool", "required": false}}}}})
	caller.await("commands_added").is("commands.0.name", "roll").is("commands.0.user.username", "bot").is("commands.0.options.0.required", true)
	r := bob.get("/commands").want(200, "").is("commands.0.name", "help").is("commands.0.user", nil)
	names := r.texts("commands", "name")
	if names[len(names)-1] != "roll" {
		t.Errorf("commands %q", names)
	}
	call := func(command string, args any) object {
		return object{"type": "call_command", "room_id": room, "command": command, "args": args}
	}
	caller.refused(call("roll", object{"sides": "6"}), "argument_invalid")
	caller.refused(call("roll", object{}), "argument_missing")
	caller.ask(call("roll", object{"sides": 6})).is("delivered", true).is("message", nil)
	answering.await("command_called").is("command", "roll").is("args", object{"sides": 6}).is("user.username", "bob").is("room_id", room)
	answering.ask(object{"type": "respond_command", "room_id": room, "command": "roll", "content": "4", "user_id": bob.id})
	caller.await("message_created").is("message.content", "4").is("message.sender.username", "bot")
	caller.ask(call("nick", object{"nickname": "Bobby"})).is("delivered", false).is("message.content", "Nickname set to **Bobby**")
	answering.ask(object{"type": "drop_commands"})
	caller.await("commands_removed").is("names", []string{"roll"})
	answering.ask(object{"type": "register_commands", "commands": []any{object{"name": "again"}}})
	answering.hangUp()
	caller.await("commands_removed").is("names", []string{"again"})
}

func TestCommandsAreCalledOverREST(t *testing.T) {
	s := newServer(t)
	bob := s.user("bob")
	room, other := bob.room("Lobby", "public", s.user("ada")), bob.room("Other", "public")
	bob.post("/rooms/"+room+"/commands", object{"command": "help"}).want(200, "").is("message.room_id", room).is("delivered", false)
	bob.post("/rooms/"+room+"/commands", object{"command": "leave", "args": object{"room": "other"}}).want(200, "").is("message", nil).is("delivered", false)
	_ = other
	for _, c := range []struct {
		body   object
		status int
		code   string
	}{
		{object{"command": "zz"}, 404, "command_unknown"},
		{object{"command": "help", "args": object{"x": 1}}, 400, "argument_unknown"},
		{object{"command": "help", "args": []int{1}}, 400, "args_invalid"},
		{object{"command": "ban", "args": object{"username": "x"}}, 403, "command_role_needed"},
		{object{"command": "join"}, 400, "argument_missing"},
		{object{"command": "join", "args": object{"room": "nowhere"}}, 400, "command_failed"},
		{object{"command": "leave"}, 409, "owner_must_transfer"},
	} {
		bob.post("/rooms/"+room+"/commands", c.body).want(c.status, c.code)
	}
}
