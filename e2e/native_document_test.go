package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// check holds an answer against the document: the operation is there, and has this status with this body.
func (a *api) check(r *request, ans *answer) {
	t := r.c.t
	t.Helper()
	if ans.status >= 500 {
		t.Errorf("the server is at fault: %v", ans)
	}
	if ans.status >= 400 {
		if got := ans.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("an error as %q: %v", got, ans)
			return
		}
		if ans.num("status") != int64(ans.status) || ans.str("type") == "" || ans.str("title") == "" || ans.str("detail") == "" || !snake.MatchString(ans.str("code")) {
			t.Errorf("no proper problem: %v", ans)
		}
		if ans.status == 429 && !digits.MatchString(ans.header.Get("Retry-After")) {
			t.Errorf("no Retry-After but %q: %v", ans.header.Get("Retry-After"), ans)
		}
		if ans.status == 401 && ans.header.Get("WWW-Authenticate") == "" {
			t.Errorf("401 without WWW-Authenticate: %v", ans)
		}
	}
	if ans.status == 204 && len(ans.body) != 0 {
		t.Errorf("204 with a body: %v", ans)
	}
	path, _, _ := strings.Cut(r.path, "?")
	template, op := a.operation(r.method, path)
	if op == nil {
		if ans.status != 404 && ans.status != 405 && ans.status != 400 {
			t.Errorf("an operation that the document does not have: %v", ans)
		}
		return
	}
	if ans.status < 300 {
		a.mu.Lock()
		a.seen[r.method+" "+template] = true
		a.mu.Unlock()
	}
	responses := op["responses"].(obj)
	response, ok := responses[strconv.Itoa(ans.status)].(obj)
	if !ok {
		t.Errorf("a status that the document does not have: %v", ans)
		return
	}
	if ans.status == 201 && !strings.HasPrefix(ans.header.Get("Location"), "/api/") {
		t.Errorf("201 with the Location %q: %v", ans.header.Get("Location"), ans)
	}
	if ans.status >= 400 {
		if description, _ := response["description"].(string); !codeWord(description, ans.str("code")) {
			t.Errorf("a code that the document does not have, it has %q: %v", description, ans)
		}
	}
	for kind, v := range asObj(response["content"]) {
		if strings.Contains(kind, "json") && ans.json != nil {
			if s := asObj(v.(obj)["schema"]); s != nil {
				for _, fault := range a.validate(s, ans.json, "") {
					t.Errorf("against the document: %s: %v", fault, ans)
				}
			}
		}
	}
}

var (
	snake    = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	digits   = regexp.MustCompile(`^[1-9][0-9]*$`)
	moment   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	wireUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// everywhere are codes any operation may answer, which the document need not repeat.
var everywhere = []string{"rate_limited", "internal", "route_not_found"}

func codeWord(description, code string) bool {
	words := strings.FieldsFunc(description, func(r rune) bool { return !(r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
	return slices.Contains(words, code) || slices.Contains(everywhere, code)
}

func asObj(v any) obj {
	o, _ := v.(obj)
	return o
}

// operation finds the document's entry for a path; a literal segment goes before a parameter.
func (a *api) operation(method, path string) (string, obj) {
	segments := strings.Split(path, "/")
	best, found, score := "", obj(nil), -1
	for template, item := range a.doc["paths"].(obj) {
		parts := strings.Split(template, "/")
		op := asObj(item.(obj)[strings.ToLower(method)])
		if len(parts) != len(segments) || op == nil {
			continue
		}
		literal := 0
		for i, p := range parts {
			if strings.HasPrefix(p, "{") {
				continue
			}
			if p != segments[i] {
				literal = -1
				break
			}
			literal++
		}
		if literal > score {
			best, found, score = template, op, literal
		}
	}
	return best, found
}

// validate is the part of JSON Schema that the document uses; a property that no schema names is a fault.
func (a *api) validate(schema obj, v any, where string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		target, ok := at(a.doc, strings.ReplaceAll(strings.TrimPrefix(ref, "#/"), "/", "."))
		if !ok {
			return []string{where + ": the document lacks " + ref}
		}
		return a.validate(target.(obj), v, where)
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if options, ok := schema[word].([]any); ok {
			var faults []string
			for _, o := range options {
				f := a.validate(o.(obj), v, where)
				if len(f) == 0 {
					return nil
				}
				if o.(obj)["type"] != "null" {
					faults = f
				}
			}
			return faults
		}
	}
	var kind string
	switch v := v.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case float64:
		kind = "number"
		if v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
	case obj:
		kind = "object"
	}
	var kinds []string
	switch want := schema["type"].(type) {
	case string:
		kinds = []string{want}
	case []any:
		for _, w := range want {
			kinds = append(kinds, w.(string))
		}
	}
	if len(kinds) > 0 && !slices.Contains(kinds, kind) && !(kind == "integer" && slices.Contains(kinds, "number")) {
		return []string{fmt.Sprintf("%s is of type %s, want %v", where, kind, kinds)}
	}
	var faults []string
	if enum, ok := schema["enum"].([]any); ok && kind == "string" && !slices.Contains(enum, v) {
		faults = append(faults, fmt.Sprintf("%s: %q is none of %v", where, v, enum))
	}
	if schema["format"] == "date-time" && kind == "string" && !moment.MatchString(v.(string)) {
		faults = append(faults, fmt.Sprintf("%s: %q is no time in UTC with milliseconds", where, v))
	}
	switch v := v.(type) {
	case []any:
		if items := asObj(schema["items"]); items != nil {
			for i, e := range v {
				faults = append(faults, a.validate(items, e, fmt.Sprintf("%s.%d", where, i))...)
			}
		}
	case obj:
		properties := asObj(schema["properties"])
		if properties == nil {
			return faults
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				faults = append(faults, where+"."+name.(string)+" is missing")
			}
		}
		for name, value := range v {
			p, ok := properties[name].(obj)
			if !ok {
				faults = append(faults, where+"."+name+" is not in the document")
				continue
			}
			faults = append(faults, a.validate(p, value, where+"."+name)...)
		}
	}
	return faults
}

// frames are the server's, with the kind of each field: a name with a capital is a schema of the document, of whose fields those after a
// minus may be absent; ? allows null, * absence.
var frames = map[string]map[string]string{
	"ready":             {"session_id": "string", "user": "Self", "rooms": "[]Room", "heartbeat_ms": "integer", "limits": "Limits"},
	"ok":                {"ref": "string", "message": "Message?*", "room": "Room*", "last_seq": "integer*", "delivered": "boolean*", "private": "string?*", "peer_id": "string*", "voice": "VoiceRoom*"},
	"error":             {"ref": "string*", "code": "string", "message": "string", "field": "string*", "retry_after_ms": "integer*", "incident": "string*"},
	"pong":              {"ref": "string*"},
	"room_changes":      {"room_id": "string", "messages": "[]Message", "last_seq": "integer", "truncated": "boolean"},
	"message_created":   {"room_id": "string", "message": "Message"},
	"message_updated":   {"room_id": "string", "message": "Message"},
	"message_deleted":   {"room_id": "string", "message_id": "string", "seq": "integer", "change_seq": "integer"},
	"reaction_added":    {"room_id": "string", "message_id": "string", "user": "UserSummary", "emoji": "string", "count": "integer", "change_seq": "integer"},
	"reaction_removed":  {"room_id": "string", "message_id": "string", "user": "UserSummary", "emoji": "string", "count": "integer", "change_seq": "integer"},
	"user_typing":       {"room_id": "string", "user_id": "string", "typing": "boolean"},
	"user_joined":       {"room_id": "string", "user": "User", "role": "string"},
	"user_left":         {"room_id": "string", "user_id": "string", "reason": "string"},
	"member_updated":    {"room_id": "string", "user_id": "string", "role": "string", "muted": "boolean", "muted_until": "string?"},
	"message_read":      {"room_id": "string", "user_id": "string", "seq": "integer"},
	"message_delivered": {"room_id": "string", "user_id": "string", "seq": "integer"},
	"presence_updated":  {"user_id": "string", "status": "string", "status_message": "string"},
	"user_updated":      {"user": "User"},
	"room_updated":      {"room": "Room"},
	"room_deleted":      {"room_id": "string"},
	"room_added":        {"room": "Room"},
	"room_removed":      {"room_id": "string"},
	"unread_updated":    {"room_id": "string", "unread_count": "integer", "mention_count": "integer", "last_read_seq": "integer"},
	"notification":      {"notification": "Notification"},
	"server_updated":    {"server": "Server"},
	"emoji_added":       {"emoji": "Emoji"},
	"emoji_updated":     {"emoji": "Emoji"},
	"emoji_removed":     {"id": "string", "name": "string"},
	"mute_updated":      {"mute": "Mute?"},
	"poll_voted":        tally,
	"poll_ended":        tally,
	"thread_created":    {"room_id": "string", "thread": sharedThread},
	"thread_updated":    {"room_id": "string", "thread": sharedThread},
	"thread_joined":     {"room_id": "string", "user_id": "string", "thread": sharedThread},
	"thread_left":       {"room_id": "string", "user_id": "string", "thread": sharedThread},
	"thread_deleted":    {"room_id": "string", "thread_id": "string"},
	"thread_read":       {"room_id": "string", "thread_id": "string", "message_id": "string"},
	"directory_changed": {"room_id": "string?"},
	"roles_changed":     {},
	"commands_added":    {"commands": "[]Command"},
	"commands_removed":  {"names": "array"},
	"command_called":    {"command": "string", "args": "object", "room_id": "string", "user": "UserSummary"},
	"voice_joined":      {"room_id": "string", "participant": "Participant"},
	"voice_updated":     {"room_id": "string", "participant": "Participant"},
	"voice_left":        {"room_id": "string", "user_id": "string"},
	"voice_signal":      {"room_id": "string", "user_id": "string", "peer_id": "string", "data": "object"},
	"resync":            {"room_id": "string*"},
	"session_revoked":   {"reason": "string"},
}

// tally is how a poll stands.
var tally = map[string]string{"room_id": "string", "message_id": "string", "change_seq": "integer", "options": "array", "votes": "integer", "voters": "integer",
	"ended_at": "string?", "me": "object*"}

// sharedThread is a thread without what is the reader's own.
const sharedThread = "ThreadView-joined-unread_count-last_read_id-can_change-can_lock"

func (a *api) validateFrame(f obj) (faults []string) {
	kind, _ := f["type"].(string)
	fields, ok := frames[kind]
	if !ok {
		return []string{fmt.Sprintf("a frame of the unknown type %q", kind)}
	}
	for name, want := range fields {
		v, ok := f[name]
		base := strings.TrimRight(want, "?*")
		if !ok {
			if !strings.HasSuffix(want, "*") {
				faults = append(faults, name+" is missing")
			}
			continue
		}
		if v == nil && strings.Contains(want, "?") {
			continue
		}
		schema := obj{"type": base}
		if list, ok := strings.CutPrefix(base, "[]"); ok {
			schema = obj{"type": "array", "items": obj{"$ref": "#/components/schemas/" + list}}
		} else if base[0] >= 'A' && base[0] <= 'Z' {
			name, absent, _ := strings.Cut(base, "-")
			if schema = (obj{"$ref": "#/components/schemas/" + name}); absent != "" {
				schema = a.without(name, strings.Split(absent, "-"))
			}
		}
		faults = append(faults, a.validate(schema, v, name)...)
	}
	for name := range f {
		if _, ok := fields[name]; !ok && name != "type" {
			faults = append(faults, name+" is not in the table of frames")
		}
	}
	return faults
}

// without is a schema of the document without some of its fields.
func (a *api) without(name string, absent []string) obj {
	found, _ := at(a.doc, "components.schemas."+name)
	schema := obj{"type": "object"}
	properties := maps.Clone(asObj(asObj(found)["properties"]))
	for _, field := range absent {
		delete(properties, field)
	}
	required, _ := asObj(found)["required"].([]any)
	schema["properties"], schema["required"] = properties, slices.DeleteFunc(slices.Clone(required), func(r any) bool { return slices.Contains(absent, r.(string)) })
	return schema
}
