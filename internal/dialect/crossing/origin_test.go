package crossing

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/dialect/dialecttest"
)

// originSpeaker is a person with a client of OriginChats.
type originSpeaker struct {
	*line
	w              *world
	key, validator string
	asked          int
}

// wireName is what accounts of this server are called there.
func wireName(name string) string { return "USR:local_" + name }

func enterOrigin(w *world, name string) dialecttest.Speaker { return w.openOrigin(name, "login") }

func registerOrigin(w *world, name string) dialecttest.Speaker {
	w.Helper()
	s := w.openOrigin(name, "register")
	user, err := w.core.UserByName(w.Context(), chat.Operator, name)
	if err != nil {
		w.Fatal(err)
	}
	w.users[name] = user.ID
	return s
}

func (w *world) openOrigin(name, cmd string) *originSpeaker {
	w.Helper()
	s := &originSpeaker{line: w.dial(name, "/"), w: w}
	s.key, _ = s.sees("cmd", "handshake").at("val.validator_key").(string)
	s.send(object{"cmd": cmd, "username": name, "password": password})
	s.validator, _ = s.sees("cmd", "ready")["validator"].(string)
	return s
}

func (s *originSpeaker) Name() string { return s.who }

// sees waits for a packet with these values.
func (s *originSpeaker) sees(pairs ...any) object {
	s.Helper()
	return s.await(fmt.Sprint(pairs...), func(p object) bool { return p.is(pairs...) })
}

// try sends a packet and returns the answer.
func (s *originSpeaker) try(packet object) object {
	s.Helper()
	s.asked++
	listener := fmt.Sprint("l", s.asked)
	packet["listener"] = listener
	s.send(packet)
	return s.await("the answer to "+packet["cmd"].(string), func(p object) bool { return p.is("listener", listener) })
}

// do is try that must succeed.
func (s *originSpeaker) do(packet object) object {
	s.Helper()
	answer := s.try(packet)
	if answer["cmd"] == "error" || answer["cmd"] == "rate_limit" {
		s.Fatalf("%s: %v is answered %v", s.who, packet, answer)
	}
	return answer
}

func (s *originSpeaker) Say(channel, content string) string {
	s.Helper()
	return s.do(object{"cmd": "message_new", "channel": channel, "content": content}).at("message.id").(string)
}

func (s *originSpeaker) Sees(channel, by, content string) string {
	s.Helper()
	return s.sees("cmd", "message_new", "channel", channel, "message.user", wireName(by), "message.content", content).at("message.id").(string)
}

func (s *originSpeaker) CannotSay(channel, content string) {
	s.Helper()
	s.send(object{"cmd": "message_new", "channel": channel, "content": content})
	s.await("a refusal", func(p object) bool { return p["cmd"] == "error" || p["cmd"] == "rate_limit" })
}

func (s *originSpeaker) Reply(channel, to, content string) string {
	s.Helper()
	return s.do(object{"cmd": "message_new", "channel": channel, "content": content, "reply_to": to}).at("message.id").(string)
}

func (s *originSpeaker) SeesReply(channel, to, by, content string) string {
	s.Helper()
	return s.sees("cmd", "message_new", "channel", channel, "message.reply_to.id", to, "message.user", wireName(by), "message.content", content).at("message.id").(string)
}

func (s *originSpeaker) Edit(channel, id, content string) {
	s.Helper()
	s.do(object{"cmd": "message_edit", "channel": channel, "id": id, "content": content})
}

func (s *originSpeaker) SeesEdit(channel, id, content string) {
	s.Helper()
	s.sees("cmd", "message_edit", "channel", channel, "id", id, "content", content)
}

func (s *originSpeaker) Delete(channel, id string) {
	s.Helper()
	s.do(object{"cmd": "message_delete", "channel": channel, "id": id})
}

func (s *originSpeaker) SeesDeleted(channel, id string) {
	s.Helper()
	s.sees("cmd", "message_delete", "channel", channel, "id", id)
}

// emoji writes an emoji as this protocol does: those of the server by their address.
func (s *originSpeaker) emoji(emoji string) string {
	s.Helper()
	name, own := strings.CutPrefix(emoji, ":")
	if !own {
		return emoji
	}
	id := s.do(object{"cmd": "emoji_get_id", "name": strings.TrimSuffix(name, ":")})["id"]
	return fmt.Sprintf("originChats://chat.example/emojis/%v", id)
}

func (s *originSpeaker) React(channel, id, emoji string, give bool) {
	s.Helper()
	cmd := "message_react_remove"
	if give {
		cmd = "message_react_add"
	}
	s.do(object{"cmd": cmd, "channel": channel, "id": id, "emoji": s.emoji(emoji)})
}

func (s *originSpeaker) SeesReaction(channel, id, by, emoji string, given bool) {
	s.Helper()
	cmd := "message_react_remove"
	if given {
		cmd = "message_react_add"
	}
	s.sees("cmd", cmd, "channel", channel, "id", id, "from", wireName(by), "emoji", s.emoji(emoji))
}

func (s *originSpeaker) Pin(channel, id string, pinned bool) {
	s.Helper()
	cmd := "message_unpin"
	if pinned {
		cmd = "message_pin"
	}
	s.do(object{"cmd": cmd, "channel": channel, "id": id})
}

func (s *originSpeaker) SeesPin(channel, id string, pinned bool) {
	s.Helper()
	s.await("a pin", func(p object) bool {
		return p.is("channel", channel, "id", id, "pinned", pinned) && strings.HasPrefix(p["cmd"].(string), "message_")
	})
}

func (s *originSpeaker) Type(channel string) {
	s.Helper()
	s.do(object{"cmd": "typing", "channel": channel})
}

func (s *originSpeaker) SeesTyping(channel, by string) {
	s.Helper()
	s.sees("cmd", "typing", "channel", channel, "user", wireName(by))
}

var originStatus = map[string]string{"online": "online", "away": "idle", "busy": "dnd"}

func (s *originSpeaker) Status(status, text string) {
	s.Helper()
	s.do(object{"cmd": "status_set", "status": originStatus[status], "text": text})
}

func (s *originSpeaker) SeesStatus(of, status, text string) {
	s.Helper()
	s.sees("username", wireName(of), "status.status", originStatus[status], "status.text", text)
}

func (s *originSpeaker) Leave() { _ = s.conn.CloseNow() }

func (s *originSpeaker) SeesHere(name string) {
	s.Helper()
	s.sees("cmd", "user_connect", "user.username", wireName(name))
}

func (s *originSpeaker) SeesGone(name string) {
	s.Helper()
	s.sees("cmd", "user_disconnect", "username", wireName(name))
}

func (s *originSpeaker) Share(channel, content, filename string, file []byte) {
	s.Helper()
	var made struct{ Attachment struct{ ID string } }
	status := s.w.askJSON("POST", "/attachments/upload", "", object{"validator_key": s.key, "validator": s.validator, "name": filename, "mime_type": "image/png",
		"channel": channel, "file": "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)}, &made)
	if status != 201 {
		s.Fatalf("%s uploads: %d", s.who, status)
	}
	s.do(object{"cmd": "message_new", "channel": channel, "content": content, "attachments": []object{{"id": made.Attachment.ID}}})
}

func (s *originSpeaker) SeesFile(channel, by, content, filename string) []byte {
	s.Helper()
	p := s.sees("cmd", "message_new", "channel", channel, "message.user", wireName(by), "message.content", content)
	files, _ := p.at("message.attachments").([]any)
	for _, f := range files {
		if file, _ := f.(map[string]any); file["name"] == filename {
			status, raw := s.w.ask("GET", strings.TrimPrefix(file["url"].(string), "https://chat.example"), "", "", nil)
			if status != 200 {
				s.Fatalf("%s fetches %v: %d %s", s.who, file["url"], status, raw)
			}
			return raw
		}
	}
	s.Fatalf("%s does not see %s: %v", s.who, filename, p)
	return nil
}

func (s *originSpeaker) Grant(name, role string) {
	s.Helper()
	s.do(object{"cmd": "user_roles_add", "user": wireName(name), "roles": []string{role}})
}

// listed waits for a list of channels with one like this.
func (s *originSpeaker) listed(what string, like func(object) bool) {
	s.Helper()
	s.await(what, func(p object) bool {
		all, _ := p["val"].([]any)
		return p["cmd"] == "channels_get" && slices.ContainsFunc(all, func(c any) bool {
			channel, _ := c.(map[string]any)
			return like(object(channel))
		})
	})
}

func (s *originSpeaker) SeesChannel(channel string) {
	s.Helper()
	s.listed("the channel "+channel, func(c object) bool { return c["name"] == channel })
}

func (s *originSpeaker) Rename(channel, name string) {
	s.Helper()
	s.do(object{"cmd": "channel_update", "current_name": channel, "updates": object{"display_name": name}})
}

func (s *originSpeaker) SeesRenamed(channel, name string) {
	s.Helper()
	s.listed("the channel "+name, func(c object) bool { return c.is("name", channel, "display_name", name) })
}

func (s *originSpeaker) Ban(name string) {
	s.Helper()
	s.do(object{"cmd": "user_ban", "user": wireName(name)})
}

func (s *originSpeaker) Silence(name string) {
	s.Helper()
	s.do(object{"cmd": "user_timeout", "user": wireName(name), "timeout": 3600})
}

func (s *originSpeaker) Ended() { s.Helper(); s.ended() }

func (s *originSpeaker) CannotEnter() {
	s.Helper()
	again := &originSpeaker{line: s.w.dial(s.who, "/"), w: s.w}
	again.sees("cmd", "handshake")
	again.send(object{"cmd": "login", "username": s.who, "password": password})
	again.await("a refusal", func(p object) bool { return p["cmd"] == "auth_error" })
}

// firstOf is the first object of a list in an answer.
func firstOf(raw []byte, list string) object {
	var all map[string]json.RawMessage
	var items []object
	if json.Unmarshal(raw, &all) != nil || json.Unmarshal(all[list], &items) != nil || len(items) == 0 {
		return nil
	}
	return items[0]
}
