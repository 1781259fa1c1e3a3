package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

var channelCommands = map[string]command{
	"channels_get":   channelsGet,
	"channel_create": channelCreate,
	"channel_update": channelUpdate,
	"channel_move":   channelMove,
	"channel_delete": channelDelete,
}

// roomExtra is what this protocol alone knows of a room: Room.Extra under "origin".
type roomExtra struct {
	Name      string   `json:"name,omitempty"` // where it is no slug
	Size      int      `json:"size,omitempty"` // of separators, in pixels
	Icon      string   `json:"icon,omitempty"`
	Wallpaper string   `json:"wallpaper,omitempty"`
	Unset     []string `json:"unset,omitempty"` // actions that nobody but owners may, because the permissions do not name them
}

func extraOf(r chat.Room) (x roomExtra) {
	var all struct {
		Origin roomExtra `json:"origin"`
	}
	if len(r.Extra) > 0 {
		_ = json.Unmarshal(r.Extra, &all) // what cannot be read is nothing
	}
	return all.Origin
}

// asExtra is what the core keeps with a room.
func (x roomExtra) asExtra() map[string]json.RawMessage {
	raw := jsontext.AppendValue(nil, x)
	if bytes.Equal(raw, []byte("{}")) {
		raw = []byte("null")
	}
	return map[string]json.RawMessage{"origin": raw}
}

// roomPrefix begins the names of rooms that have none of their own.
const roomPrefix = "room-"

// channelOf is a room's name on the wire.
func channelOf(r chat.Room) string {
	if x := extraOf(r); x.Name != "" {
		return x.Name
	}
	if r.Slug != "" {
		return r.Slug
	}
	return roomPrefix + r.ID.String()
}

// rooms are the channels of a person: the rooms that they may read and this protocol can show.
func (d *Dialect) rooms(ctx context.Context, by chat.Actor) ([]chat.Room, error) {
	return d.core.ServerRooms(ctx, by)
}

// channel finds a room that the person may read by its name; errNoChannel for all others, which they must not know of.
func (d *Dialect) channel(ctx context.Context, by chat.Actor, name string) (chat.Room, error) {
	rooms, err := d.rooms(ctx, by)
	if err != nil {
		return chat.Room{}, err
	}
	for _, r := range rooms {
		if channelOf(r) == name {
			return r, nil
		}
	}
	return chat.Room{}, chat.ErrRoomNotFound
}

// channelShown is a channel in lists (specs: originchats §6.3). The last four are there for some types only.
type channelShown struct {
	Name        string          `json:"name"`
	Type        chat.RoomForm   `json:"type"`
	Permissions written         `json:"permissions"`
	Description string          `json:"description,omitempty"`
	DisplayName string          `json:"display_name,omitempty"`
	Size        int             `json:"size,omitempty"`
	Icon        string          `json:"icon,omitempty"`
	Wallpaper   string          `json:"wallpaper,omitempty"`
	LastMessage json.RawMessage `json:"last_message,omitempty"`
	LastID      json.RawMessage `json:"last_message_id,omitempty"`
	VoiceState  *[]voiceShown   `json:"voice_state,omitempty"`
	Threads     json.RawMessage `json:"threads,omitempty"`
}

// voiceShown is a person in a voice channel, for those who only see it.
type voiceShown struct {
	Username string `json:"username"`
	Muted    bool   `json:"muted"`
}

// MarshalJSON implements json.Marshaler: it is JSON.
func (w written) MarshalJSON() ([]byte, error) { return w, nil }

// showChannel is what does not change with what is said in a channel.
func showChannel(table map[chat.RoleID]chat.Role, r chat.Room, lists []chat.RoleList) channelShown {
	x := extraOf(r)
	shown := channelShown{Name: channelOf(r), Type: r.Form, Permissions: showAccess(table, r, lists), Description: r.Description,
		Size: x.Size, Icon: x.Icon, Wallpaper: x.Wallpaper}
	if r.Name != shown.Name {
		shown.DisplayName = r.Name
	}
	return shown
}

// The actions of channels in the order in which they are shown, and the rights that they stand for. The first four have no
// default of their own: where permissions do not name them, only owners may (specs: originchats §7.2).
var channelActions = []struct {
	name   string
	rights []chat.Right
	closed bool
}{
	{"view", []chat.Right{chat.CanSee, chat.CanRead}, true}, {"send", []chat.Right{chat.CanSend}, true}, {"delete", []chat.Right{chat.CanDelete}, true},
	{"create_thread", []chat.Right{chat.CanCreateThread}, true}, {"delete_own", []chat.Right{chat.CanDeleteOwn}, false},
	{"edit_own", []chat.Right{chat.CanEditOwn}, false}, {"react", []chat.Right{chat.CanReact}, false}, {"pin", []chat.Right{chat.CanPin}, false},
}

// openTo are the roles that may do what a room's lists do not name, where the protocol has no such default.
var openTo = map[string][]chat.RoleID{"view": {chat.RoleUser}, "send": {chat.RoleUser}, "delete": {chat.RoleAdmin, chat.RoleModerator}, "create_thread": {chat.RoleUser}}

// showAccess are a channel's permissions.
func showAccess(table map[chat.RoleID]chat.Role, r chat.Room, lists []chat.RoleList) written {
	p, unset := chat.RoomPermissions{Lists: lists}, extraOf(r).Unset
	b := []byte("{")
	put := func(name string, values []string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, name), ':')
		b = jsontext.AppendValue(b, values)
	}
	for _, a := range channelActions {
		var names []string
		entries := p.List(a.rights[len(a.rights)-1])
		for _, e := range entries {
			role, known := table[e.RoleID]
			switch {
			case known && e.Deny:
				names = append(names, "!"+role.Name)
			case known:
				names = append(names, role.Name)
			}
		}
		switch {
		case slices.Contains(unset, a.name) && slices.Equal(entries, ownersAlone):
		case len(names) > 0:
			put(a.name, names)
		case a.closed:
			for _, id := range openTo[a.name] {
				names = append(names, table[id].Name)
			}
			put(a.name, names)
		}
	}
	if len(r.Denied) > 0 {
		names := make([]string, len(r.Denied))
		for i, p := range r.Denied {
			names[i] = permissionOnWire(p)
		}
		put("deny", names)
	}
	return append(b, '}')
}

// ownersAlone lets nobody but owners.
var ownersAlone = []chat.RoleEntry{{RoleID: chat.RoleOwner}}

// readAccess reads a channel's permissions, and which actions they do not name. nil stands for those of a channel that is made
// without (specs: originchats §7.2 DEFAULTS). ok is false for what is none.
func readAccess(table map[chat.RoleID]chat.Role, fields map[string]json.RawMessage) (p chat.RoomPermissions, unset []string, ok bool) {
	lists := make(map[string][]string)
	if len(fields) == 0 {
		lists = map[string][]string{"view": {"owner"}, "send": {"owner"}, "delete": {"owner"}, "pin": {"owner"}, "create_thread": {"owner"},
			"delete_own": {"user"}, "edit_own": {"user"}, "react": {"user"}}
	}
	for name, raw := range fields {
		var names []string
		if kindOf(raw) != "list" || json.Unmarshal(raw, &names) != nil {
			return p, nil, false
		}
		if len(names) > 0 {
			lists[name] = names
		}
	}
	for _, a := range channelActions {
		names, given := lists[a.name]
		var entries []chat.RoleEntry
		for _, n := range names {
			plain, deny := strings.CutPrefix(n, "!")
			r, known := roleNamed(table, plain)
			if known && !(deny && !a.closed) && !slices.ContainsFunc(entries, func(e chat.RoleEntry) bool { return e.RoleID == r.ID }) {
				entries = append(entries, chat.RoleEntry{RoleID: r.ID, Deny: deny})
			}
		}
		if entries == nil && (given || a.closed) {
			entries = ownersAlone // also where it names roles that there are not
		}
		if !given && a.closed {
			unset = append(unset, a.name)
		}
		if entries == nil {
			continue
		}
		for _, right := range a.rights {
			p.Lists = append(p.Lists, chat.RoleList{Right: right, Roles: entries})
		}
	}
	for _, name := range lists["deny"] {
		p.Denied = append(p.Denied, permissionOffWire(name))
	}
	return p, unset, true
}

type channelsPacket struct {
	Cmd string         `json:"cmd"`
	Val []channelShown `json:"val"`
}

func channelsGet(ctx context.Context, s *socket, _ *request) (any, error) {
	list, err := s.dialect.core.ServerDirectory(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	text, err := s.dialect.channelsText(ctx, s.actor, list)
	return written(text), err
}

// channelsText is channels_get with all that there is to show of the rooms.
func (d *Dialect) channelsText(ctx context.Context, by chat.Actor, list []core.ServerRoom) ([]byte, error) {
	table := d.roleTable(ctx)
	packet := channelsPacket{"channels_get", make([]channelShown, len(list))}
	var forums, voice []chat.RoomID
	for i, r := range list {
		packet.Val[i] = showChannel(table, r.Room, r.Lists)
		switch r.Room.Form {
		case chat.Text:
			packet.Val[i].LastMessage, packet.Val[i].LastID = json.RawMessage("null"), json.RawMessage("null")
			if r.Newest.MessageID != 0 {
				packet.Val[i].LastMessage = appendSeconds(nil, r.Newest.At)
				packet.Val[i].LastID = append(d.ids.append([]byte{'"'}, messageKind, int64(r.Newest.MessageID)), '"')
			}
		case chat.Voice:
			voice = append(voice, r.Room.ID)
		case chat.Forum:
			forums = append(forums, r.Room.ID)
		}
	}
	inVoice, err := d.core.VoiceRooms(ctx, voice)
	if err != nil {
		return nil, err
	}
	threads, err := d.core.ThreadsOf(ctx, by, forums)
	if err != nil {
		return nil, err
	}
	for i, r := range list {
		switch r.Room.Form {
		case chat.Voice:
			people := make([]voiceShown, 0, len(inVoice[r.Room.ID]))
			for _, p := range inVoice[r.Room.ID] {
				if p.User != nil {
					people = append(people, voiceShown{nameOf(p.User), p.Muted})
				}
			}
			packet.Val[i].VoiceState = &people
		case chat.Forum:
			packet.Val[i].Threads = d.threadList(ctx, packet.Val[i].Name, threads[r.Room.ID])
		}
	}
	return packetText(packet), nil
}

// sendChannels sends a connection its list of channels, if it knows of others. Two at the same time do not overtake each other.
func (d *Dialect) sendChannels(ctx context.Context, s *socket) error {
	at := s.listed.begun.Add(1)
	list, err := d.core.ServerDirectory(ctx, s.actor)
	if err != nil {
		return err
	}
	outline := d.outline(ctx, list)
	if s.listed.has(outline) {
		return nil
	}
	text, err := d.channelsText(ctx, s.actor, list)
	if err != nil {
		return err
	}
	s.listed.news(at, outline, func() { d.hub.Send(s.live, text) })
	return nil
}

// outline is what a list of channels says that does not change by what is said in them.
func (d *Dialect) outline(ctx context.Context, list []core.ServerRoom) []byte {
	table := d.roleTable(ctx)
	var b []byte
	for _, r := range list {
		b = jsontext.AppendValue(b, showChannel(table, r.Room, r.Lists))
	}
	return b
}

// relist sends a connection its list of channels, if that is another one, before what is sent next.
func (s *socket) relist(ctx context.Context) {
	if err := s.dialect.pushList(ctx, s); err != nil {
		s.dialect.log.Warn("a channel list could not be sent", "error", err)
	}
}

// maxChannelName is how long the name of a channel may be, in characters.
const maxChannelName = 100

// checkName reads the name of a channel that a request makes.
func (q *request) checkName(field, name string) error {
	if utf8.RuneCountInString(name) > maxChannelName || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == '\\' }) {
		return q.wrongType(field)
	}
	return nil
}

var channelForms = []chat.RoomForm{chat.Text, chat.Voice, chat.Separator, chat.Forum}

// taken refuses a name that another channel has.
func taken(name string, refused error) core.Fits {
	return func(others []chat.Room) error {
		for _, r := range others {
			if channelOf(r) == name {
				return refused
			}
		}
		return nil
	}
}

type channelCreated struct {
	Cmd         string       `json:"cmd"`
	Channel     channelShown `json:"channel"`
	CurrentName string       `json:"current_name,omitempty"`
	Created     bool         `json:"created,omitempty"`
	Updated     bool         `json:"updated,omitempty"`
}

func channelCreate(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if err := s.require(ctx, q, chat.ManageRooms); err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Channel name is required")
	}
	form, err := q.text("type")
	if err != nil {
		return nil, err
	}
	switch {
	case form == "":
		return nil, refuse(q.cmd, "Channel type is required (text, voice, or separator)")
	case !slices.Contains(channelForms, chat.RoomForm(form)):
		return nil, refuse(q.cmd, "Invalid channel type, must be text, voice, or separator")
	}
	exists := refuse(q.cmd, "Channel already exists")
	all, err := d.core.AllServerRooms(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all, func(r core.ServerRoom) bool { return channelOf(r.Room) == name }) {
		return nil, exists
	}
	if err := q.checkName("name", name); err != nil {
		return nil, err
	}
	n := core.NewRoom{Name: name, Slug: name, Type: chat.Public, Form: chat.RoomForm(form), Official: true, Fits: taken(name, exists)}
	var x roomExtra
	if err := s.readChannel(ctx, q, &n, &x); err != nil {
		return nil, err
	}
	view, err := d.underName(name, &x, func(slug string, extra map[string]json.RawMessage) (chat.RoomView, error) {
		n.Slug, n.Extra = slug, extra
		return d.core.CreateRoom(ctx, s.actor, n)
	})
	if err != nil {
		return nil, channelWords(q, err, "Failed to create channel")
	}
	s.relist(ctx)
	return d.channelReply(ctx, s, channelCreated{Cmd: q.cmd, Created: true}, view.Room)
}

// readChannel reads what a channel is made with beside its name and type.
func (s *socket) readChannel(ctx context.Context, q *request, n *core.NewRoom, x *roomExtra) error {
	shown, err := q.text("display_name")
	if err != nil {
		return err
	}
	if shown != "" {
		n.Name = shown
	}
	if n.Description, err = q.text("description"); err != nil {
		return err
	}
	if x.Icon, err = q.text("icon"); err != nil {
		return err
	}
	if x.Wallpaper, err = q.text("wallpaper"); err != nil {
		return err
	}
	size, err := q.whole("size", 0)
	if err != nil {
		return err
	}
	if size < 0 || size > maxSeparator {
		return q.wrongType("size")
	}
	if n.Form == chat.Separator {
		x.Size = int(size)
	}
	fields, err := q.object("permissions")
	if err != nil {
		return err
	}
	p, unset, ok := readAccess(s.dialect.roleTable(ctx), fields)
	if !ok {
		return q.wrongType("permissions")
	}
	n.Permissions, x.Unset = &p, unset
	return nil
}

// maxSeparator is how high a separator may be, in pixels.
const maxSeparator = 10_000

// underName makes a room bear a name on the wire: as its slug if it can be one that nobody has, else beside it.
func (d *Dialect) underName(name string, x *roomExtra, do func(slug string, extra map[string]json.RawMessage) (chat.RoomView, error)) (chat.RoomView, error) {
	x.Name = ""
	if name == strings.ToLower(name) {
		view, err := do(name, x.asExtra())
		if code := chat.CodeOf(err); code != "slug_taken" && code != "slug_invalid" {
			return view, err
		}
	}
	x.Name = name
	return do("", x.asExtra())
}

// channelWords are refusals of changes of channels.
func channelWords(q *request, err error, otherwise string) error {
	e := chat.AsError(err)
	if own, ok := err.(*refusal); ok {
		return own
	}
	switch {
	case e.Code == "room_form_invalid":
		return refuse(q.cmd, "Invalid channel type")
	case e.Kind == chat.NotFound && e.Code == chat.ErrRoomNotFound.Code:
		return refuse(q.cmd, "Channel not found")
	case e.Kind == chat.Invalid && e.Field != "":
		return q.wrongType(wireFields[e.Field])
	case e.Kind == chat.Internal, e.Code == "rate_limited":
		return err
	}
	return refuse(q.cmd, otherwise)
}

// wireFields are fields of rooms by the names that requests have for them.
var wireFields = map[string]string{"name": "display_name", "description": "description", "roles": "permissions", "permissions": "permissions", "right": "permissions",
	"lists": "permissions", "extra": "icon", "slug": "name"}

// channelReply completes the answer to a change of a channel.
func (d *Dialect) channelReply(ctx context.Context, s *socket, reply channelCreated, room chat.Room) (any, error) {
	p, err := d.core.RoomPermissions(ctx, chat.Operator, room.ID)
	if err != nil {
		return nil, err
	}
	reply.Channel = showChannel(d.roleTable(ctx), room, p.Lists)
	return reply, nil
}

// managed finds a channel of the server by its exact name, and says where it stands. errs are the core's.
func (s *socket) managed(ctx context.Context, name string) (core.ServerRoom, error) {
	all, err := s.dialect.core.AllServerRooms(ctx, s.actor)
	if err != nil {
		return core.ServerRoom{}, err
	}
	for _, r := range all {
		if channelOf(r.Room) == name {
			return r, nil
		}
	}
	return core.ServerRoom{}, chat.ErrRoomNotFound
}

// channelFields are what an update may hold.
var channelFields = []string{"name", "display_name", "description", "type", "permissions", "size", "icon", "wallpaper"}

func channelUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if err := s.require(ctx, q, chat.ManageRooms); err != nil {
		return nil, err
	}
	current, err := q.text("current_name")
	if err != nil {
		return nil, err
	}
	if current == "" {
		return nil, refuse(q.cmd, "current_name is required")
	}
	updates, err := q.object("updates")
	if err != nil || len(updates) == 0 {
		return nil, refuse(q.cmd, "updates object is required")
	}
	at, err := s.managed(ctx, current)
	if err != nil {
		return nil, channelWords(q, err, "Failed to update channel")
	}
	in := &request{cmd: q.cmd, fields: updates}
	for field := range updates {
		if !slices.Contains(channelFields, field) {
			return nil, in.wrongType(clip(field))
		}
	}
	ch, x, name, err := s.readUpdate(ctx, in, at)
	if err != nil {
		return nil, err
	}
	var view chat.RoomView
	if name == current {
		ch.Extra = x.asExtra()
		view, err = d.core.UpdateRoom(ctx, s.actor, at.Room.ID, ch)
	} else {
		ch.Fits = taken(name, refuse(q.cmd, "Channel with new name already exists"))
		view, err = d.underName(name, &x, func(slug string, extra map[string]json.RawMessage) (chat.RoomView, error) {
			ch.Slug, ch.Extra = nil, extra
			if slug != "" {
				ch.Slug = &slug
			}
			return d.core.UpdateRoom(ctx, s.actor, at.Room.ID, ch)
		})
	}
	if err != nil {
		return nil, channelWords(q, err, "Failed to update channel")
	}
	s.relist(ctx)
	return d.channelReply(ctx, s, channelCreated{Cmd: q.cmd, CurrentName: current, Updated: true}, view.Room)
}

// readUpdate reads what an update changes of a channel. Null takes away, but not name and type.
func (s *socket) readUpdate(ctx context.Context, in *request, at core.ServerRoom) (ch core.RoomChange, x roomExtra, name string, err error) {
	x, name = extraOf(at.Room), channelOf(at.Room)
	current := name
	if in.null("name") || in.null("type") {
		return ch, x, name, in.wrongType("name")
	}
	if in.given("type") {
		form, err := in.text("type")
		if err != nil {
			return ch, x, name, err
		}
		if f := chat.RoomForm(form); f != at.Room.Form {
			if !slices.Contains(channelForms, f) || f == chat.Forum || at.Room.Form == chat.Forum {
				return ch, x, name, refuse(in.cmd, "Invalid channel type")
			}
			ch.Form = &f
		}
	}
	if in.given("name") {
		if name, err = in.text("name"); err != nil {
			return ch, x, name, err
		}
		if name == "" {
			return ch, x, name, in.wrongType("name")
		}
		if err := in.checkName("name", name); err != nil {
			return ch, x, name, err
		}
	}
	shown := at.Room.Name
	if shown == current {
		shown = name
	}
	if _, there := in.fields["display_name"]; there {
		if shown, err = in.text("display_name"); err != nil {
			return ch, x, name, err
		}
		if shown == "" {
			shown = name
		}
	}
	ch.Name = &shown
	for field, to := range map[string]*string{"icon": &x.Icon, "wallpaper": &x.Wallpaper} {
		if _, there := in.fields[field]; there {
			if *to, err = in.text(field); err != nil {
				return ch, x, name, err
			}
		}
	}
	if _, there := in.fields["description"]; there {
		text, err := in.text("description")
		if err != nil {
			return ch, x, name, err
		}
		ch.Description = &text
	}
	if _, there := in.fields["size"]; there {
		size, err := in.whole("size", 0)
		if err != nil || size < 0 || size > maxSeparator {
			return ch, x, name, in.wrongType("size")
		}
		x.Size = int(size)
	}
	if _, there := in.fields["permissions"]; there {
		fields, err := in.object("permissions")
		if err != nil {
			return ch, x, name, err
		}
		p, unset, ok := readAccess(s.dialect.roleTable(ctx), fields)
		if !ok {
			return ch, x, name, in.wrongType("permissions")
		}
		ch.Permissions, x.Unset = &p, unset
	}
	return ch, x, name, nil
}

type channelMoved struct {
	Cmd      string          `json:"cmd"`
	Name     string          `json:"name"`
	Position json.RawMessage `json:"position"`
	Moved    bool            `json:"moved"`
}

func channelMove(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRooms); err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Channel name is required")
	}
	if !q.given("position") {
		return nil, refuse(q.cmd, "Position is required")
	}
	place, err := q.whole("position", 0)
	if err != nil || place < 0 {
		return nil, refuse(q.cmd, "Position must be a non-negative integer")
	}
	at, err := s.managed(ctx, name)
	if err == nil {
		err = s.dialect.core.MoveRoom(ctx, s.actor, at.Room.ID, int(min(place, 1<<20)))
	}
	if err != nil && chat.CodeOf(err) != chat.ErrRoomNotFound.Code {
		return nil, err
	}
	s.relist(ctx)
	return channelMoved{q.cmd, name, q.fields["position"], err == nil}, nil
}

type channelDeleted struct {
	Cmd     string `json:"cmd"`
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

func channelDelete(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageRooms); err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "Channel name is required")
	}
	all, err := s.dialect.core.AllServerRooms(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(r core.ServerRoom) bool { return channelOf(r.Room) == name })
	if i < 0 {
		i = slices.IndexFunc(all, func(r core.ServerRoom) bool { return strings.EqualFold(channelOf(r.Room), name) })
	}
	if i < 0 {
		return nil, refuse(q.cmd, "Channel not found")
	}
	id := all[i].Room.ID
	if err := s.dialect.core.DeleteRoom(ctx, s.actor, id, id.String()); err != nil {
		return nil, channelWords(q, err, "Failed to delete channel")
	}
	s.relist(ctx)
	return channelDeleted{q.cmd, channelOf(all[i].Room), true}, nil
}

// threadList are the threads of a forum in lists of channels (specs: originchats §6.7).
func (d *Dialect) threadList(ctx context.Context, channel string, threads []chat.Thread) json.RawMessage {
	list := make([]*threadView, len(threads))
	for i := range threads {
		list[i] = d.threadShown(ctx, &threads[i])
		list[i].ParentChannel = channel
	}
	return jsontext.AppendValue(nil, list)
}
