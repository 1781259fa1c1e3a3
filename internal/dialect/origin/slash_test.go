package origin_test

import (
	"strings"
	"testing"
)

func TestA30SlashCommands(t *testing.T) { newWorld(t).play("slash", nil) }

// TestA30SlashCommandsEndWithTheirConnection also looks at the list: the server's own come first.
func TestA30SlashCommandsEndWithTheirConnection(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.enter("alice"), w.enter("bob")
	alice.send(map[string]any{"cmd": "slash_register", "commands": []any{map[string]any{"name": "roll", "description": "Roll"}}})
	alice.expect("slash_add")
	alice.expect("slash_register")
	bob.expect("slash_add")
	bob.send(map[string]any{"cmd": "slash_list"})
	list, _ := bob.expect("slash_list")["commands"].([]any)
	var names []string
	for _, c := range list {
		names = append(names, c.(map[string]any)["name"].(string))
	}
	if len(names) < 9 || names[len(names)-1] != "roll" || !strings.Contains(strings.Join(names, " "), "help") {
		t.Errorf("the list is %v", names)
	}
	alice.conn.CloseNow()
	if gone, _ := bob.expect("slash_remove")["commands"].([]any); len(gone) != 1 || gone[0] != "roll" {
		t.Errorf("slash_remove: %v", gone)
	}
}

func TestA31BuiltInCommands(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.enter("alice"), w.enter("bob")
	bob.send(map[string]any{"cmd": "slash_call", "channel": "general", "command": "nick", "args": map[string]any{"nickname": "Bobby"}})
	for _, c := range []*client{alice, bob} {
		changed, said := c.expectOneOf("nickname_update", "message_new"), c.expectOneOf("nickname_update", "message_new")
		if changed["cmd"] != "nickname_update" {
			changed, said = said, changed
		}
		if changed["nickname"] != "Bobby" || changed["user"] != "USR:bob" || changed["username"] != "bob" {
			t.Errorf("nickname_update: %v", changed)
		}
		m, _ := said["message"].(map[string]any)
		if m["user"] != "originChats" || m["content"] != "Nickname set to **Bobby**" {
			t.Errorf("message_new: %v", said)
		}
	}
}

// expectOneOf is expect for packets that may come in either order.
func (c *client) expectOneOf(cmds ...string) map[string]any {
	c.t.Helper()
	for {
		fields := c.expectAny()
		for _, cmd := range cmds {
			if fields["cmd"] == cmd {
				return fields
			}
		}
	}
}
