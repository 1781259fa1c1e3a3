package crossing

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"time"

	"parley/internal/chat"
	"parley/internal/dialect/dialecttest"
)

// nativeSpeaker is a person with a client of the native protocol.
type nativeSpeaker struct {
	*line
	w     *world
	token string
	refs  int
}

func enterNative(w *world, name string) dialecttest.Speaker {
	w.Helper()
	var login struct{ Token string }
	if status := w.askJSON("POST", "/api/auth/login", "", object{"username": name, "password": password}, &login); status != 200 {
		w.Fatalf("%s logs in: %d", name, status)
	}
	return w.openNative(name, login.Token)
}

func registerNative(w *world, name string) dialecttest.Speaker {
	w.Helper()
	var made struct {
		Token string
		User  struct{ ID string }
	}
	if status := w.askJSON("POST", "/api/auth/register", "", object{"username": name, "password": password}, &made); status != 201 {
		w.Fatalf("%s registers: %d", name, status)
	}
	w.users[name] = chat.UserID(made.User.ID)
	if status := w.askJSON("POST", "/api/rooms/"+w.rooms["lobby"].String()+"/join", made.Token, object{}, nil); status >= 300 {
		w.Fatalf("%s joins: %d", name, status)
	}
	return w.openNative(name, made.Token)
}

func (w *world) openNative(name, token string) *nativeSpeaker {
	w.Helper()
	s := &nativeSpeaker{line: w.dial(name, "/api/ws?token="+token), w: w, token: token}
	s.await("ready", func(p object) bool { return p.is("type", "ready") })
	s.join("lobby")
	if name == "ann" {
		s.join("den")
	}
	return s
}

func (s *nativeSpeaker) Name() string { return s.who }

func (s *nativeSpeaker) room(channel string) string { return s.w.rooms[channel].String() }

func (s *nativeSpeaker) join(channel string) {
	s.Helper()
	s.do(object{"type": "join_room", "room_id": s.room(channel)})
}

// try sends a frame and returns the answer.
func (s *nativeSpeaker) try(frame object) object {
	s.Helper()
	s.refs++
	ref := fmt.Sprint("r", s.refs)
	frame["ref"] = ref
	s.send(frame)
	return s.await("the answer to "+frame["type"].(string), func(p object) bool { return p.is("ref", ref) && p["type"] != "message_created" })
}

// do is try that must succeed.
func (s *nativeSpeaker) do(frame object) object {
	s.Helper()
	answer := s.try(frame)
	if answer["type"] != "ok" {
		s.Fatalf("%s: %v is answered %v", s.who, frame, answer)
	}
	return answer
}

// rest makes a request of the API that must succeed.
func (s *nativeSpeaker) rest(method, path string, body, into any) {
	s.Helper()
	if status := s.w.askJSON(method, "/api"+path, s.token, body, into); status >= 300 {
		s.Fatalf("%s: %s %s: %d", s.who, method, path, status)
	}
}

// sees waits for a frame with these values.
func (s *nativeSpeaker) sees(pairs ...any) object {
	s.Helper()
	return s.await(fmt.Sprint(pairs...), func(p object) bool { return p.is(pairs...) })
}

func (s *nativeSpeaker) say(channel, content, parent string, files ...string) string {
	s.Helper()
	frame := object{"type": "send_message", "room_id": s.room(channel), "content": content}
	if parent != "" {
		frame["parent_id"] = parent
	}
	if len(files) > 0 {
		frame["attachments"] = files
	}
	return s.do(frame).at("message.id").(string)
}

func (s *nativeSpeaker) Say(channel, content string) string {
	s.Helper()
	return s.say(channel, content, "")
}

func (s *nativeSpeaker) Sees(channel, by, content string) string {
	s.Helper()
	return s.sees("type", "message_created", "room_id", s.room(channel), "message.sender.username", by, "message.content", content).at("message.id").(string)
}

func (s *nativeSpeaker) CannotSay(channel, content string) {
	s.Helper()
	if answer := s.try(object{"type": "send_message", "room_id": s.room(channel), "content": content}); answer["type"] != "error" {
		s.Fatalf("%s may write in %s: %v", s.who, channel, answer)
	}
}

func (s *nativeSpeaker) Reply(channel, to, content string) string {
	s.Helper()
	return s.say(channel, content, to)
}

func (s *nativeSpeaker) SeesReply(channel, to, by, content string) string {
	s.Helper()
	return s.sees("type", "message_created", "room_id", s.room(channel), "message.parent_id", to, "message.sender.username", by, "message.content", content).at("message.id").(string)
}

func (s *nativeSpeaker) Edit(_, id, content string) {
	s.Helper()
	s.do(object{"type": "edit_message", "message_id": id, "content": content})
}

func (s *nativeSpeaker) SeesEdit(channel, id, content string) {
	s.Helper()
	s.sees("type", "message_updated", "room_id", s.room(channel), "message.id", id, "message.content", content)
}

func (s *nativeSpeaker) Delete(_, id string) {
	s.Helper()
	s.do(object{"type": "delete_message", "message_id": id})
}

func (s *nativeSpeaker) SeesDeleted(channel, id string) {
	s.Helper()
	s.sees("type", "message_deleted", "room_id", s.room(channel), "message_id", id)
}

func (s *nativeSpeaker) React(_, id, emoji string, give bool) {
	s.Helper()
	kind := "remove_reaction"
	if give {
		kind = "add_reaction"
	}
	s.do(object{"type": kind, "message_id": id, "emoji": emoji})
}

func (s *nativeSpeaker) SeesReaction(channel, id, by, emoji string, given bool) {
	s.Helper()
	kind := "reaction_removed"
	if given {
		kind = "reaction_added"
	}
	s.sees("type", kind, "room_id", s.room(channel), "message_id", id, "user.username", by, "emoji", emoji)
}

func (s *nativeSpeaker) Pin(_, id string, pinned bool) {
	s.Helper()
	method := "DELETE"
	if pinned {
		method = "PUT"
	}
	s.rest(method, "/messages/"+id+"/pin", nil, nil)
}

func (s *nativeSpeaker) SeesPin(channel, id string, pinned bool) {
	s.Helper()
	s.sees("type", "message_updated", "room_id", s.room(channel), "message.id", id, "message.pinned", pinned)
}

func (s *nativeSpeaker) Type(channel string) {
	s.Helper()
	s.do(object{"type": "typing_start", "room_id": s.room(channel)})
}

func (s *nativeSpeaker) SeesTyping(channel, by string) {
	s.Helper()
	s.sees("type", "user_typing", "room_id", s.room(channel), "user_id", string(s.w.users[by]), "typing", true)
}

func (s *nativeSpeaker) Status(status, text string) {
	s.Helper()
	s.do(object{"type": "set_presence", "status": status, "status_message": text})
}

func (s *nativeSpeaker) SeesStatus(of, status, text string) {
	s.Helper()
	s.sees("type", "presence_updated", "user_id", string(s.w.users[of]), "status", status, "status_message", text)
}

func (s *nativeSpeaker) Leave() { _ = s.conn.CloseNow() }

func (s *nativeSpeaker) SeesHere(name string) {
	s.Helper()
	s.await(name+" here", func(p object) bool {
		return p.is("type", "presence_updated", "user_id", string(s.w.users[name])) && p["status"] != "offline"
	})
}

func (s *nativeSpeaker) SeesGone(name string) {
	s.Helper()
	s.sees("type", "presence_updated", "user_id", string(s.w.users[name]), "status", "offline")
}

func (s *nativeSpeaker) Share(channel, content, filename string, file []byte) {
	s.Helper()
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", filename)
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		s.Fatal(err)
	}
	status, raw := s.w.ask("POST", "/api/attachments/upload", s.token, m.FormDataContentType(), form.Bytes())
	id, _ := firstOf(raw, "attachments")["id"].(string)
	if status != 201 || id == "" {
		s.Fatalf("%s uploads: %d %s", s.who, status, raw)
	}
	s.say(channel, content, "", id)
}

func (s *nativeSpeaker) SeesFile(channel, by, content, filename string) []byte {
	s.Helper()
	p := s.sees("type", "message_created", "room_id", s.room(channel), "message.sender.username", by, "message.content", content)
	files, _ := p.at("message.attachments").([]any)
	for _, f := range files {
		if file, _ := f.(map[string]any); file["filename"] == filename {
			status, raw := s.w.ask("GET", file["url"].(string), s.token, "", nil)
			if status != 200 {
				s.Fatalf("%s fetches %v: %d %s", s.who, file["url"], status, raw)
			}
			return raw
		}
	}
	s.Fatalf("%s does not see %s: %v", s.who, filename, p)
	return nil
}

func (s *nativeSpeaker) Grant(name, role string) {
	s.Helper()
	s.rest("PUT", "/admin/users/"+string(s.w.users[name])+"/roles/"+role, object{}, nil)
}

func (s *nativeSpeaker) SeesChannel(channel string) {
	s.Helper()
	s.await("a change of roles", func(p object) bool {
		return p["type"] == "user_updated" || p["type"] == "directory_changed" || p["type"] == "room_added" || p["type"] == "roles_changed"
	})
	s.join(channel)
}

func (s *nativeSpeaker) Rename(channel, name string) {
	s.Helper()
	s.rest("PUT", "/rooms/"+s.room(channel), object{"name": name}, nil)
}

func (s *nativeSpeaker) SeesRenamed(channel, name string) {
	s.Helper()
	s.sees("type", "room_updated", "room.id", s.room(channel), "room.name", name, "room.slug", channel)
}

func (s *nativeSpeaker) Ban(name string) { s.Helper(); s.sanction(name, "ban", nil) }

func (s *nativeSpeaker) Silence(name string) {
	s.Helper()
	s.sanction(name, "mute", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func (s *nativeSpeaker) sanction(name, kind string, until any) {
	s.Helper()
	body := object{"kind": kind, "user_id": string(s.w.users[name]), "reason": "a story"}
	if until != nil {
		body["until"] = until
	}
	s.rest("POST", "/admin/sanctions", body, nil)
}

func (s *nativeSpeaker) Ended() { s.Helper(); s.ended() }

func (s *nativeSpeaker) CannotEnter() {
	s.Helper()
	if status := s.w.askJSON("POST", "/api/auth/login", "", object{"username": s.who, "password": password}, nil); status < 400 {
		s.Fatalf("%s is let in: %d", s.who, status)
	}
}
