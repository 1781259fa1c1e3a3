package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
	"parley/internal/plugin/sandbox"
)

// caller is a plugin as it was when it asked for something.
type caller struct {
	Identity
	manifest *Manifest
	plugin   *plugin
}

// callKind is something that plugins can ask for.
type callKind struct {
	needs Permission // empty: nothing
	most  int        // in perSpan, by all programs of the plugin on all nodes; 0: no limit of its own
	do    func(s *Service, ctx context.Context, c caller, args json.RawMessage) (any, error)
}

const perSpan = 10 * time.Second

// callKinds are the things that plugins can ask for, by name; answer and timer are for the service itself.
var callKinds map[string]callKind

func init() {
	callKinds = map[string]callKind{
		"send":         {SendMessages, 30, (*Service).callSend},
		"react":        {React, 100, (*Service).callReact},
		"unreact":      {React, 100, (*Service).callUnreact},
		"delete":       {DeleteMessages, 300, (*Service).callDelete},
		"message":      {ReadMessages, 1000, (*Service).callMessage},
		"messages":     {ReadMessages, 300, (*Service).callMessages},
		"room":         {ReadRooms, 1000, (*Service).callRoom},
		"rooms":        {ReadRooms, 50, (*Service).callRooms},
		"user":         {ReadPeople, 1000, (*Service).callUser},
		"timeout":      {TimeOut, 100, (*Service).callTimeout},
		"untimeout":    {TimeOut, 100, (*Service).callUntimeout},
		"count":        {"", 0, (*Service).callCount},
		"by":           {ActForPeople, 300, (*Service).callBy},
		"store_get":    {Storage, 0, (*Service).callStoreGet},
		"store_set":    {Storage, 500, (*Service).callStoreSet},
		"store_delete": {Storage, 500, (*Service).callStoreDelete},
		"store_keys":   {Storage, 300, (*Service).callStoreKeys},
		"http":         {HTTP, 50, (*Service).callHTTP},
		"configure":    {Configure, 30, (*Service).callConfigure},
		"emit":         {Emit, 300, (*Service).callEmit},
	}
}

// attendTo does what a plugin asked for, one thing after the other, so that what it says first is also done first. Requests to
// other servers do not hold up the rest.
func (s *Service) attendTo(p *plugin) {
	for {
		s.mu.Lock()
		if len(p.calls) == 0 || s.cancel == nil {
			p.atWork = false
			s.mu.Unlock()
			return
		}
		call := p.calls[0]
		p.calls = p.calls[1:]
		manifest := p.src.manifest // as it is now: it may be read anew meanwhile
		c := caller{p.identity(), &manifest, p}
		aside := call.Name == "http" && p.abroad < maxAbroad
		if aside {
			p.abroad++
		}
		run := s.run
		s.mu.Unlock()
		switch {
		case call.Name == "timer":
			s.setTimer(p, call)
		case call.Name == "answer":
			s.answerUse(p, call)
		case aside:
			s.done.Go(func() {
				s.reply(run, c, call)
				s.mu.Lock()
				p.abroad--
				s.mu.Unlock()
			})
		default:
			s.reply(run, c, call)
		}
	}
}

// reply does one thing and tells the plugin what came of it.
func (s *Service) reply(ctx context.Context, c caller, call asked) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, err := s.do(ctx, c, call.Call)
	in := pipe.Input{Kind: pipe.Reply, Name: clip(call.Name), ID: call.ID}
	if err == nil {
		in.Data, err = json.Marshal(result)
		if err == nil && len(in.Data) > maxReply {
			err = chat.Errorf(chat.TooLarge, "too_large", "What was asked for takes more than %d KiB.", maxReply>>10)
		}
	}
	if err != nil {
		in.Data, in.Failure = nil, s.failure(c, call, err)
	}
	s.input(c.plugin, call.gen, in)
}

const maxReply = 1 << 20

func clip(s string) string {
	if len(s) > 50 {
		return strings.ToValidUTF8(s[:50], "")
	}
	return s
}

// failure is an error as the plugin hears of it; our own faults are logged and stay here.
func (s *Service) failure(c caller, call asked, err error) *pipe.Failure {
	if errors.Is(err, context.DeadlineExceeded) {
		return &pipe.Failure{Code: "timeout", Text: "It took too long."}
	}
	e := chat.AsError(err)
	if e.Kind == chat.Internal {
		if s.run.Err() == nil {
			s.log.Error("what a plugin asked for failed", "plugin", c.ID, "call", clip(call.Name), "error", err)
		}
		return &pipe.Failure{Code: "internal", Text: "Something went wrong on the server; its log says what."}
	}
	text := e.Text
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	return &pipe.Failure{Code: e.Code, Text: text}
}

func (s *Service) do(ctx context.Context, c caller, call pipe.Call) (any, error) {
	kind, known := callKinds[call.Name]
	if !known {
		return nil, chat.Errorf(chat.Invalid, "call_unknown", "There is nothing of this name to ask for.")
	}
	if kind.needs != "" && !c.manifest.may(kind.needs) {
		return nil, chat.Errorf(chat.Forbidden, "permission_missing", "Add %q to the permissions in plugin.json.", kind.needs)
	}
	if kind.most > 0 {
		ok, retry, err := s.opts.Host.Allow(ctx, "plugin:do:"+call.Name+":"+c.ID, kind.most, perSpan)
		if err == nil && !ok {
			return nil, chat.Errorf(chat.TooMany, "rate_limited", "At most %d of these in %d seconds. Try again in %.0f s.", kind.most, int(perSpan.Seconds()), max(1, retry.Seconds()))
		} // while the state is away, the limits of one node's process have to do
	}
	return kind.do(s, ctx, c, call.Args)
}

// decode reads the arguments of a call.
func decode(args json.RawMessage, into any) error {
	if err := json.Unmarshal(args, into); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return chat.Errorf(chat.Invalid, "arguments_invalid", "%s is no %s.", kind.Field, kind.Value)
		}
		return chat.Errorf(chat.Invalid, "arguments_invalid", "The arguments are not what is asked for.")
	}
	return nil
}

// room finds a room by id or slug that the plugin may know of.
func (s *Service) room(ctx context.Context, c caller, ref string) (room chat.Room, err error) {
	if id, ok := chat.ParseRoomID(ref); ok {
		room, err = s.opts.Host.Room(ctx, id)
	} else {
		room, err = s.opts.Host.RoomBySlug(ctx, strings.TrimPrefix(ref, "#"))
	}
	if err == nil && (room.Encrypted || room.Type == chat.Direct && !c.manifest.may(ReadDirect)) {
		return chat.Room{}, chat.ErrRoomNotFound
	}
	return room, err
}

// message finds a message of a room that the plugin may know of.
func (s *Service) message(ctx context.Context, c caller, ref string) (*chat.Message, chat.Room, error) {
	id, ok := chat.ParseMessageID(ref)
	if !ok {
		return nil, chat.Room{}, chat.ErrMessageNotFound
	}
	m, err := s.opts.Host.Message(ctx, id)
	if err != nil {
		return nil, chat.Room{}, err
	}
	room, err := s.room(ctx, c, m.RoomID.String())
	if err != nil {
		return nil, chat.Room{}, chat.ErrMessageNotFound
	}
	return m, room, nil
}

// user finds somebody by id or name.
func (s *Service) user(ctx context.Context, ref string) (*chat.User, error) {
	if strings.Count(ref, "-") == 4 {
		return s.opts.Host.User(ctx, chat.UserID(ref))
	}
	return s.opts.Host.UserByName(ctx, strings.TrimPrefix(ref, "@"))
}

func (s *Service) callSend(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Room    *string           `json:"room"`
		ReplyTo string            `json:"reply_to"`
		Text    string            `json:"text"`
		Embeds  []json.RawMessage `json:"embeds"`
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	p := Post{Text: a.Text, Embeds: a.Embeds}
	var room chat.Room
	switch {
	case a.ReplyTo != "":
		m, in, err := s.message(ctx, c, a.ReplyTo)
		if err != nil {
			return nil, err
		}
		room, p.ReplyTo = in, m.ID
	case a.Room != nil:
		var err error
		if room, err = s.room(ctx, c, *a.Room); err != nil {
			return nil, err
		}
	default:
		return nil, chat.Errorf(chat.Invalid, "arguments_invalid", "Say where: a room, or a message to reply to.")
	}
	p.Room = room.ID
	m, err := s.opts.Host.Post(ctx, c.Identity, p)
	if err != nil {
		return nil, err
	}
	return messageObject(m, room), nil
}

func (s *Service) callReact(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	return s.react(ctx, c, args, true)
}

func (s *Service) callUnreact(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	return s.react(ctx, c, args, false)
}

func (s *Service) react(ctx context.Context, c caller, args json.RawMessage, give bool) (any, error) {
	var a struct{ Message, Emoji string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	m, _, err := s.message(ctx, c, a.Message)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Host.React(ctx, c.Identity, m.ID, a.Emoji, give)
}

func (s *Service) callDelete(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ Message string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	m, _, err := s.message(ctx, c, a.Message)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Host.Delete(ctx, c.Identity, m.ID)
}

func (s *Service) callMessage(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ Message string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	m, room, err := s.message(ctx, c, a.Message)
	if err != nil {
		return nil, err
	}
	return messageObject(m, room), nil
}

func (s *Service) callMessages(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Room  string
		Limit int
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	room, err := s.room(ctx, c, a.Room)
	if err != nil {
		return nil, err
	}
	if a.Limit == 0 {
		a.Limit = 50
	}
	list, err := s.opts.Host.Messages(ctx, room.ID, min(max(a.Limit, 1), 100))
	if err != nil {
		return nil, err
	}
	out := make([]object, len(list))
	for i := range list {
		out[i] = messageObject(&list[i], room)
	}
	return out, nil
}

func (s *Service) callRoom(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ Room string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	room, err := s.room(ctx, c, a.Room)
	return roomObject(room), err
}

func (s *Service) callRooms(ctx context.Context, _ caller, _ json.RawMessage) (any, error) {
	list, err := s.opts.Host.Rooms(ctx)
	out := make([]object, 0, len(list))
	for _, r := range list {
		if !r.Encrypted && r.Type != chat.Direct {
			out = append(out, roomObject(r))
		}
	}
	return out, err
}

func (s *Service) callUser(ctx context.Context, _ caller, args json.RawMessage) (any, error) {
	var a struct{ User string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	u, err := s.user(ctx, a.User)
	if err != nil {
		return nil, err
	}
	return userObject(u), nil
}

func (s *Service) callTimeout(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		User    string
		Seconds float64
		Reason  string
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	if !(a.Seconds >= 1 && a.Seconds <= maxTimeout.Seconds()) {
		return nil, chat.InvalidField("seconds", "until_invalid", "A timeout lasts from one second to a year.")
	}
	u, err := s.user(ctx, a.User)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Host.TimeOut(ctx, c.Identity, u.ID, time.Duration(a.Seconds*float64(time.Second)), a.Reason)
}

const maxTimeout = 365 * 24 * time.Hour

func (s *Service) callUntimeout(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ User string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	u, err := s.user(ctx, a.User)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Host.TimeOut(ctx, c.Identity, u.ID, 0, "")
}

// callCount charges a counter that all nodes share.
func (s *Service) callCount(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Key     string
		Most    int
		Seconds float64
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	if len(a.Key) > 200 || a.Most < 1 || a.Most > 10_000 || !(a.Seconds >= 1 && a.Seconds <= 24*3600) {
		return nil, chat.Errorf(chat.Invalid, "arguments_invalid", "Count by a key of at most 200 bytes, 1 to 10000 in 1 to 86400 seconds.")
	}
	ok, _, err := s.opts.Host.Allow(ctx, "plugin:count:"+c.ID+":"+a.Key, a.Most, time.Duration(a.Seconds*float64(time.Second)))
	return ok, err
}

func (s *Service) callBy(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Event string
		What  string
		Args  json.RawMessage
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	s.mu.Lock()
	by, ok := c.plugin.tokens[a.Event]
	s.mu.Unlock()
	if !ok || s.opts.Clock().After(by.until) {
		return nil, chat.Errorf(chat.Forbidden, "event_over", "One can act for a person only for a minute after what they did.")
	}
	return s.opts.Host.Act(ctx, c.Identity, by.user, a.What, a.Args)
}

// maxKey bounds the name of a stored value, in bytes.
const maxKey = 200

func storeKey(args json.RawMessage) (key string, value json.RawMessage, err error) {
	var a struct {
		Key   string
		Value json.RawMessage
	}
	if err := decode(args, &a); err != nil {
		return "", nil, err
	}
	if a.Key == "" || len(a.Key) > maxKey || !utf8.ValidString(a.Key) || strings.ContainsRune(a.Key, 0) {
		return "", nil, chat.InvalidField("key", "key_invalid", "A key has 1 to %d bytes.", maxKey)
	}
	return a.Key, a.Value, nil
}

func (s *Service) callStoreGet(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	key, _, err := storeKey(args)
	if err != nil {
		return nil, err
	}
	value, err := s.opts.Host.Value(ctx, c.ID, key)
	return value, err
}

func (s *Service) callStoreSet(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	key, value, err := storeKey(args)
	if err != nil {
		return nil, err
	}
	if len(value) == 0 || string(value) == "null" {
		return nil, s.opts.Host.DeleteValue(ctx, c.ID, key)
	}
	return nil, s.opts.Host.PutValue(ctx, c.ID, key, value)
}

func (s *Service) callStoreDelete(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	key, _, err := storeKey(args)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Host.DeleteValue(ctx, c.ID, key)
}

func (s *Service) callStoreKeys(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ Prefix string }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	keys, err := s.opts.Host.ValueKeys(ctx, c.ID, a.Prefix)
	if keys == nil {
		keys = []string{}
	}
	return keys, err
}

func (s *Service) callConfigure(ctx context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct{ Values Settings }
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	if _, switches := a.Values[SettingEnabled]; switches {
		return nil, chat.InvalidField(SettingEnabled, "setting_fixed", "A plugin does not switch itself on or off.")
	}
	st, err := s.Configure(ctx, chat.Actor{Operator: true, Plugin: c.ID}, c.ID, a.Values)
	if err != nil {
		return nil, err
	}
	return st.Settings, nil
}

func (s *Service) callEmit(_ context.Context, c caller, args json.RawMessage) (any, error) {
	var a struct {
		Event string
		Data  map[string]json.RawMessage
	}
	if err := decode(args, &a); err != nil {
		return nil, err
	}
	if a.Event != AutoModerate && !customEvent.MatchString(a.Event) {
		return nil, chat.InvalidField("event", "event_invalid", "A plugin tells of %s or %s… of its own.", AutoModerate, customPrefix)
	}
	if a.Data == nil {
		a.Data = make(map[string]json.RawMessage)
	}
	a.Data["plugin"] = json.RawMessage(`"` + c.ID + `"`) // of letters, digits and dashes
	delete(a.Data, "token")
	raw, err := json.Marshal(a.Data)
	if err != nil || len(raw) > maxEvent {
		return nil, chat.InvalidField("data", "too_large", "An event has at most %d KiB.", maxEvent>>10)
	}
	s.tell(a.Event, raw)
	return nil, nil
}

// setTimer has a program's own function run later.
func (s *Service) setTimer(p *plugin, call asked) {
	var a struct{ ID, MS int64 }
	if decode(call.Args, &a) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.gen != call.gen || len(p.timers) >= sandbox.MaxTimers {
		return
	}
	p.timers[a.ID] = time.AfterFunc(time.Duration(a.MS)*time.Millisecond, func() {
		s.mu.Lock()
		if p.gen == call.gen {
			delete(p.timers, a.ID)
		}
		s.mu.Unlock()
		s.input(p, call.gen, pipe.Input{Kind: pipe.Timer, ID: a.ID})
	})
}

// answerUse passes on what a slash command answered.
func (s *Service) answerUse(p *plugin, call asked) {
	var a struct {
		Call  int64
		Error string
		Body  *struct {
			Text   string
			Embeds []json.RawMessage
		}
	}
	if err := decode(call.Args, &a); err != nil {
		a.Error = "It answered what is no message: text, and embeds as a list."
		var only struct{ Call int64 }
		if decode(call.Args, &only) != nil {
			return
		}
		a.Call = only.Call
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answered, waits := p.uses[a.Call]
	if !waits || p.gen != call.gen {
		return
	}
	delete(p.uses, a.Call)
	r := commandResult{}
	if a.Error != "" {
		r.err = chat.Errorf(chat.Invalid, "command_failed", "%s", fmt.Sprint("The command failed: ", a.Error))
	} else if a.Body != nil {
		r.Answer = Answer{Text: a.Body.Text, Embeds: a.Body.Embeds}
	}
	answered <- r // there is room for the one answer
}
