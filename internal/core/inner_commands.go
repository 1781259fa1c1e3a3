package core

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// The commands that every server has (specs: originchats, §12; join, leave and shrug are ours). They do what the core's other
// methods do, with the same rights; the role lists are a second gate.

// maxNickname is how long a nickname may be that is set by command.
const maxNickname = 20

var (
	adminsOnly = []string{string(chat.RoleAdmin), string(chat.RoleOwner)}
	ownersOnly = []string{string(chat.RoleOwner)}
)

func option(name, description string, kind chat.OptionType, required bool, choices ...string) chat.CommandOption {
	return chat.CommandOption{Name: name, Description: description, Type: kind, Required: required, Choices: choices}
}

// init adds the server's own commands.
func (i *innerCommands) init(c *Core) {
	target := option("username", "The person's name", chat.StringOption, true)
	reason := option("reason", "Why", chat.StringOption, false)
	add := func(handle CommandHandler, name, description string, whitelist []string, options ...chat.CommandOption) {
		i.list = append(i.list, innerCommand{chat.Command{Name: name, Description: description, Options: options, Whitelist: whitelist}, handle})
	}
	add(c.helpCommand, "help", "List the commands that you can use", nil)
	add(c.nickCommand, "nick", "Set your nickname, or remove it", nil, option("nickname", "The new nickname; none removes it", chat.StringOption, false))
	add(c.banCommand, "ban", "Ban a person from the server", adminsOnly, target, reason)
	add(c.unbanCommand, "unban", "Lift a person's ban", adminsOnly, target)
	add(c.muteCommand, "mute", "Mute a person for some time", adminsOnly, target, option("duration", "For how many seconds", chat.IntOption, true), reason)
	add(c.unmuteCommand, "unmute", "Lift a person's mute", adminsOnly, target)
	add(c.roleCommand, "role", "Give a role to a person, or take it", ownersOnly,
		option("action", "What to do", chat.EnumOption, true, "add", "remove"), target, option("role", "The role's name", chat.StringOption, true))
	add(c.channelCommand, "channel", "Create or delete a room of the server", ownersOnly,
		option("action", "What to do", chat.EnumOption, true, "create", "delete"), option("name", "The room's name", chat.StringOption, true),
		option("type", "What the room is for", chat.EnumOption, false, string(chat.Text), string(chat.Voice)))
	add(c.joinCommand, "join", "Become a member of a public room", nil, option("room", "The room's short name", chat.StringOption, true))
	add(c.leaveCommand, "leave", "Leave a room; without a name, this one", nil, option("room", "The room's short name", chat.StringOption, false))
	add(c.linkCommand, "link", "Make one account of yours here and another one", nil,
		option("code", "As the other account shows it; without it, this one shows a code", chat.StringOption, false),
		option("confirm", "Whether to do it after reading what it does", chat.EnumOption, false, "yes"))
	add(c.shrugCommand, "shrug", `Say something with a ¯\_(ツ)_/¯`, nil, option("text", "What to say before it", chat.StringOption, false))
}

func declined(format string, args ...any) (CommandAnswer, error) {
	return CommandAnswer{}, chat.Errorf(chat.Invalid, "command_failed", format, args...)
}

func answer(parts ...string) (CommandAnswer, error) {
	return CommandAnswer{Content: strings.Join(parts, "")}, nil
}

// named finds the person that an argument names, as people of any dialect may write the name. Fails with command_failed.
func (c *Core) named(ctx context.Context, call CommandCall) (user *chat.User, shown string, err error) {
	name := strings.TrimPrefix(strings.TrimSpace(call.Text("username")), "@")
	if name == "" {
		_, err := declined("Username is required")
		return nil, "", err
	}
	user, err = c.Store.UserByExternalName(ctx, name)
	if err != nil && chat.AsError(err).Kind == chat.NotFound {
		user, err = c.Store.UserByName(ctx, name)
	}
	if bare, local := strings.CutPrefix(strings.ToLower(name), "usr:local_"); local && err != nil && chat.AsError(err).Kind == chat.NotFound {
		user, err = c.Store.UserByName(ctx, bare) // how OriginChats names accounts made here
	}
	if err != nil {
		if chat.AsError(err).Kind == chat.NotFound {
			_, err = declined("User '%s' not found", short(name))
		}
		return nil, "", err
	}
	shown = user.ExternalName
	if shown == "" {
		shown = user.Username
	}
	return user, shown, nil
}

func (c *Core) helpCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	all, err := c.Commands(ctx, call.By)
	if err != nil {
		return CommandAnswer{}, err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return CommandAnswer{}, err
	}
	slices.SortFunc(all, func(a, b chat.Command) int { return strings.Compare(a.Name, b.Name) })
	var text strings.Builder
	text.WriteString("**Available Commands:**")
	for _, x := range all {
		if holdsAny(table, call.User, x.Blacklist) != "" || needRole(table, call.User, x) != nil {
			continue
		}
		line := "\n• `/" + x.Name + "` - " + x.Description
		if utf8.RuneCountInString(text.String()+line) > MaxContent {
			break
		}
		text.WriteString(line)
	}
	return answer(text.String())
}

// ownName is what a person is called who has no nickname.
func ownName(u *chat.User) string {
	if u.ExternalName != "" {
		return u.ExternalName
	}
	return u.Username
}

func (c *Core) nickCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	nick, own := strings.TrimSpace(call.Text("nickname")), ownName(call.User)
	switch {
	case nick == "" && call.User.DisplayName == own:
		return answer("You don't have a nickname set. Use `/nick <name>` to set one.")
	case utf8.RuneCountInString(nick) > maxNickname:
		return declined("Nickname too long (max %d characters)", maxNickname)
	}
	text := "Nickname set to **" + nick + "**"
	if nick == "" {
		nick, text = own, "Nickname cleared"
	}
	if _, err := c.UpdateProfile(ctx, call.By, Profile{DisplayName: &nick}); err != nil {
		return CommandAnswer{}, err
	}
	return answer(text)
}

// reasonOf is the reason that was given, or that there is none.
func reasonOf(call CommandCall) string {
	if reason := strings.TrimSpace(call.Text("reason")); reason != "" {
		return reason
	}
	return "No reason provided"
}

// sanctioned says whether a person has a live sanction of the whole server.
func (c *Core) sanctioned(ctx context.Context, user chat.UserID, kind chat.SanctionKind) (bool, error) {
	live, err := c.Store.LiveSanctions(ctx, user, 0, c.now())
	return slices.ContainsFunc(live, func(s chat.Sanction) bool { return s.Kind == kind }), err
}

func (c *Core) banCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	user, name, err := c.named(ctx, call)
	if err != nil {
		return CommandAnswer{}, err
	}
	if user.Rank == chat.RankOwner {
		return declined("Cannot ban the server owner")
	}
	if banned, err := c.sanctioned(ctx, user.ID, chat.Ban); err != nil {
		return CommandAnswer{}, err
	} else if banned {
		return declined("User '%s' is already banned", name)
	}
	if _, err := c.Sanction(ctx, call.By, Measure{Kind: chat.Ban, UserID: user.ID, Reason: strings.TrimSpace(call.Text("reason"))}); err != nil {
		return CommandAnswer{}, err
	}
	return answer("🚫 **", name, "** has been banned.\n**Reason:** ", reasonOf(call))
}

func (c *Core) unbanCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	user, name, err := c.named(ctx, call)
	if err != nil {
		return CommandAnswer{}, err
	}
	err = c.Lift(ctx, call.By, chat.Ban, 0, user.ID, "")
	if chat.CodeOf(err) == "sanction_not_found" {
		return declined("User '%s' is not banned", name)
	} else if err != nil {
		return CommandAnswer{}, err
	}
	return answer("✅ **", name, "** has been unbanned.")
}

func (c *Core) muteCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	user, name, err := c.named(ctx, call)
	if err != nil {
		return CommandAnswer{}, err
	}
	if user.Rank == chat.RankOwner {
		return declined("Cannot mute the server owner")
	}
	seconds, fits := call.Int("duration")
	switch {
	case !fits || seconds > int64(100*365*24*time.Hour/time.Second):
		return declined("Duration must be a valid number")
	case seconds <= 0:
		return declined("Duration must be a positive number")
	}
	until := c.now().Add(time.Duration(seconds) * time.Second)
	if _, err := c.Sanction(ctx, call.By, Measure{Kind: chat.Mute, UserID: user.ID, Reason: strings.TrimSpace(call.Text("reason")), Until: until}); err != nil {
		return CommandAnswer{}, err
	}
	return answer("🔇 **", name, "** has been muted for ", strconv.FormatInt(seconds, 10), " seconds.\n**Reason:** ", reasonOf(call))
}

func (c *Core) unmuteCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	user, name, err := c.named(ctx, call)
	if err != nil {
		return CommandAnswer{}, err
	}
	if err := c.Lift(ctx, call.By, chat.Mute, 0, user.ID, ""); err != nil && chat.CodeOf(err) != "sanction_not_found" {
		return CommandAnswer{}, err
	}
	c.forgivePace(ctx, user.ID)
	return answer("🔊 **", name, "** has been unmuted.")
}

func (c *Core) roleCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	user, name, err := c.named(ctx, call)
	if err != nil {
		return CommandAnswer{}, err
	}
	wanted := strings.TrimSpace(call.Text("role"))
	roles, err := c.Roles(ctx, call.By)
	if err != nil {
		return CommandAnswer{}, err
	}
	i := slices.IndexFunc(roles, func(r chat.Role) bool { return strings.EqualFold(r.Name, wanted) || string(r.ID) == wanted })
	if i < 0 {
		return declined("Role '%s' not found", short(wanted))
	}
	role, done := roles[i], "added to"
	next := append(slices.DeleteFunc(slices.Clone(user.Roles), func(id chat.RoleID) bool { return id == role.ID }), role.ID)
	if slices.Contains(user.Roles, role.ID) {
		next = user.Roles
	}
	if call.Text("action") == "remove" {
		done = "removed from"
		next = slices.DeleteFunc(slices.Clone(user.Roles), func(id chat.RoleID) bool { return id == role.ID })
	}
	if _, err := c.SetUserRoles(ctx, call.By, user.ID, next); err != nil {
		return CommandAnswer{}, err
	}
	return answer("✅ Role **", role.Name, "** ", done, " **", name, "**.")
}

func (c *Core) channelCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	name := strings.TrimPrefix(strings.TrimSpace(call.Text("name")), "#")
	if call.Text("action") == "delete" {
		room, err := c.namedRoom(ctx, call, name)
		switch {
		case err != nil:
			return CommandAnswer{}, err
		case !room.Official:
			return declined("Channel '%s' not found", short(name))
		case room.ID == call.Room.ID:
			return declined("Delete this channel from another one")
		}
		if err := c.DeleteRoom(ctx, call.By, room.ID, room.ID.String()); err != nil {
			return CommandAnswer{}, err
		}
		return answer("✅ Channel **#", name, "** deleted.")
	}
	form := chat.RoomForm(call.Text("type"))
	if form == "" {
		form = chat.Text
	}
	if _, err := c.CreateRoom(ctx, call.By, NewRoom{Name: name, Type: chat.Public, Form: form, Official: true}); err != nil {
		return CommandAnswer{}, err
	}
	return answer("✅ Channel **#", name, "** (", string(form), ") created.")
}

// namedRoom finds a room that the caller sees by its slug, or its name in OriginChats.
func (c *Core) namedRoom(ctx context.Context, call CommandCall, name string) (chat.Room, error) {
	view, err := c.RoomBySlug(ctx, call.By, name)
	if err == nil || chat.AsError(err).Kind != chat.NotFound {
		return view.Room, err
	}
	rooms, err := c.Store.OfficialRooms(ctx)
	if err != nil {
		return chat.Room{}, err
	}
	for _, room := range rooms {
		var extra struct {
			Origin struct {
				Name string `json:"name"`
			} `json:"origin"`
		}
		_ = json.Unmarshal(room.Extra, &extra) // none is none
		if name == "" || room.Name != name && extra.Origin.Name != name {
			continue
		}
		if _, err := c.allow(ctx, call.By, chat.CanSee, room.ID); err == nil {
			return room, nil
		}
	}
	_, err = declined("Channel '%s' not found", short(name))
	return chat.Room{}, err
}

func (c *Core) joinCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	name := strings.TrimPrefix(strings.TrimSpace(call.Text("room")), "#")
	room, err := c.namedRoom(ctx, call, name)
	if err != nil {
		return CommandAnswer{}, err
	}
	_, err = c.Join(ctx, call.By, room.ID)
	return CommandAnswer{}, err
}

func (c *Core) leaveCommand(ctx context.Context, call CommandCall) (CommandAnswer, error) {
	room := call.Room
	if name := strings.TrimPrefix(strings.TrimSpace(call.Text("room")), "#"); name != "" {
		var err error
		if room, err = c.namedRoom(ctx, call, name); err != nil {
			return CommandAnswer{}, err
		}
	}
	return CommandAnswer{}, c.Leave(ctx, call.By, room.ID)
}

func (c *Core) shrugCommand(_ context.Context, call CommandCall) (CommandAnswer, error) {
	text := strings.TrimSpace(call.Text("text") + ` ¯\\\_(ツ)\_/¯`) // as markdown
	return CommandAnswer{Content: text, AsCaller: true}, nil
}
