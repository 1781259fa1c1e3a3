package core

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
)

// Bounds of slash commands.
const (
	maxCommands      = 100 // of one connection
	maxRegistrations = 200 // on the server
	maxOptions       = 25
	maxChoices       = 100
	maxCommandText   = 200 // of a description or a choice
	maxCommandRoles  = 50
	maxCommandArgs   = 32 << 10 // bytes
	maxCommandsBytes = 256 << 10
	callsPerWindow   = 20 // of commands that a bot answers, by one person
	callWindow       = 10 * time.Second
)

var commandName = regexp.MustCompile(`^[\p{L}\p{N}_-]{1,32}$`)

// registration are the commands of one bot's connection.
type registration struct {
	UserID   chat.UserID    `json:"user"`
	Commands []chat.Command `json:"commands"`
}

func (r registration) names() []string { return commandNames(r.Commands) }

func commandNames(commands []chat.Command) []string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name
	}
	return names
}

// CommandHandler answers a command in this process. What it returns is posted in the room as the server's, or the plugin's,
// answer; an answer without content and embeds posts nothing. An error is what the caller is told.
type CommandHandler func(ctx context.Context, call CommandCall) (CommandAnswer, error)

// CommandCall is one use of a command. Args have been checked against the options.
type CommandCall struct {
	By   chat.Actor
	User *chat.User // who called
	Room chat.Room  // where; its counters are not current
	Name string
	Args map[string]json.RawMessage
}

// Text returns the argument of an option of type str or enum, "" if it was not given.
func (call CommandCall) Text(option string) (s string) {
	_ = json.Unmarshal(call.Args[option], &s) // checked before
	return s
}

// Int returns the argument of an option of type int; given is false if there is none or it does not fit.
func (call CommandCall) Int(option string) (n int64, given bool) {
	raw := call.Args[option]
	return n, len(raw) > 0 && json.Unmarshal(raw, &n) == nil
}

// Bool returns the argument of an option of type bool.
func (call CommandCall) Bool(option string) (b bool) {
	_ = json.Unmarshal(call.Args[option], &b)
	return b
}

// CommandAnswer is what a command says.
type CommandAnswer struct {
	Content string
	Embeds  []json.RawMessage
	// AsCaller posts it as a message of the caller's own instead of the server's.
	AsCaller bool
	// Author is whose message it is else; nil: the server's, or the plugin's.
	Author *chat.Author
	// Private shows the content to the caller alone, who does not find it again: nothing is posted.
	Private bool
}

// innerCommand is one that this process answers.
type innerCommand struct {
	chat.Command
	handle CommandHandler
}

// innerCommands are in the order in which they were added; the server's own come first.
type innerCommands struct {
	mu   sync.RWMutex // taken by itself
	list []innerCommand
}

func (i *innerCommands) all() []innerCommand {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return slices.Clone(i.list)
}

// AddCommand makes a command that handle answers in this process, for plugins and for what other packages bring; each node
// adds its own. remove takes it back. Fails with command_invalid.
func (c *Core) AddCommand(command chat.Command, handle CommandHandler) (remove func(), err error) {
	if err := checkCommand(&command); err != nil {
		return nil, err
	}
	command.RegisteredBy = ""
	i := &c.inner
	i.mu.Lock()
	defer i.mu.Unlock()
	if slices.ContainsFunc(i.list, func(x innerCommand) bool { return x.Name == command.Name }) {
		return nil, errCommand("name '%s' is already in use", command.Name)
	}
	i.list = append(i.list, innerCommand{command, handle})
	c.deliver([]chat.Event{chat.CommandsAdded{Commands: []chat.Command{command}}})
	return func() {
		i.mu.Lock()
		i.list = slices.DeleteFunc(i.list, func(x innerCommand) bool { return x.Name == command.Name })
		i.mu.Unlock()
		c.deliver([]chat.Event{chat.CommandsRemoved{Names: []string{command.Name}}})
	}, nil
}

// Commands lists every command that can be called, those of the server first. Who may call one its role lists say.
func (c *Core) Commands(ctx context.Context, by chat.Actor) ([]chat.Command, error) {
	var list []chat.Command
	for _, x := range c.inner.all() {
		list = append(list, x.Command)
	}
	bots, err := c.commands.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range bots {
		list = append(list, x.Item.Commands...)
	}
	return list, nil
}

// Usable says of each of the commands whether the actor's roles may call it.
func (c *Core) Usable(ctx context.Context, by chat.Actor, list []chat.Command) ([]bool, error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, err
	}
	usable := make([]bool, len(list))
	for i, x := range list {
		usable[i] = holdsAny(table, user, x.Blacklist) == "" && needRole(table, user, x) == nil
	}
	return usable, nil
}

func errCommand(format string, args ...any) *chat.Error {
	return chat.InvalidField("commands", "command_invalid", format, args...)
}

// checkCommand refuses what cannot be called or shown.
func checkCommand(c *chat.Command) error {
	if !utf8.ValidString(c.Name) || !commandName.MatchString(c.Name) {
		return errCommand("a name has 1 to 32 letters, digits, '_' and '-'")
	}
	var err error
	if c.Description, err = cleanLine("commands", "description", c.Description, maxCommandText); err != nil {
		return errCommand("command '%s': a description has at most %d characters and no control characters", c.Name, maxCommandText)
	}
	if len(c.Options) > maxOptions {
		return errCommand("command '%s': at most %d options", c.Name, maxOptions)
	}
	if len(c.Whitelist)+len(c.Blacklist) > maxCommandRoles {
		return errCommand("command '%s': at most %d roles", c.Name, maxCommandRoles)
	}
	for i := range c.Options {
		o := &c.Options[i]
		if !utf8.ValidString(o.Name) || !commandName.MatchString(o.Name) {
			return errCommand("command '%s': an option's name has 1 to 32 letters, digits, '_' and '-'", c.Name)
		}
		if slices.ContainsFunc(c.Options[:i], func(x chat.CommandOption) bool { return x.Name == o.Name }) {
			return errCommand("command '%s': two options are called '%s'", c.Name, o.Name)
		}
		if o.Description, err = cleanLine("commands", "description", o.Description, maxCommandText); err != nil {
			return errCommand("option '%s': a description has at most %d characters and no control characters", o.Name, maxCommandText)
		}
		switch o.Type {
		case chat.StringOption, chat.IntOption, chat.FloatOption, chat.BoolOption:
		case chat.EnumOption:
			if len(o.Choices) == 0 {
				return errCommand("option '%s': an enum needs choices", o.Name)
			}
		default:
			return errCommand("option '%s': type must be str, int, float, bool or enum", o.Name)
		}
		if len(o.Choices) > maxChoices || slices.ContainsFunc(o.Choices, func(s string) bool {
			return s == "" || utf8.RuneCountInString(s) > maxCommandText || strings.ContainsFunc(s, isControl)
		}) {
			return errCommand("option '%s': at most %d choices of 1 to %d characters", o.Name, maxChoices, maxCommandText)
		}
	}
	return nil
}

// mayAnswerCommands says whether the actor may register commands: administrators, and whom the operator named.
func (c *Core) mayAnswerCommands(ctx context.Context, by chat.Actor) error {
	user, err := c.person(ctx, by)
	if err != nil {
		return err
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return err
	}
	if user.Rank >= chat.RankAdmin || has(table, user.Roles, chat.Administrator) || holdsAny(table, user, c.CommandRoles) != "" {
		return nil
	}
	return chat.Errorf(chat.Forbidden, "commands_forbidden", "Only owners, administrators and roles that the operator named may register commands.")
}

// holdsAny returns the first of the roles, given by name or id, that a person has; "" for none.
func holdsAny(table map[chat.RoleID]chat.Role, user *chat.User, roles []string) string {
	for _, want := range roles {
		for _, id := range user.Roles {
			if string(id) == want || table[id].Name == want {
				return want
			}
		}
	}
	return ""
}

// RegisterCommands makes the actor's connection answer commands: calls come to it as CommandCalled, and it answers with
// RespondCommand. They replace those that it registered before, and end with the connection; everyone is told. All of them are
// registered, or none. Fails with commands_forbidden, command_invalid (a text after which "commands" can be corrected, a name
// that is taken included), commands_elsewhere (another connection of the person's has commands), connection_needed, unavailable.
func (c *Core) RegisterCommands(ctx context.Context, by chat.Actor, commands []chat.Command) error {
	if by.Connection == "" {
		return errNoConnection
	}
	if err := c.mayAnswerCommands(ctx, by); err != nil {
		return err
	}
	if len(commands) == 0 || len(commands) > maxCommands {
		return errCommand("give 1 to %d commands", maxCommands)
	}
	commands = slices.Clone(commands)
	for i := range commands {
		x := &commands[i]
		x.Options = slices.Clone(x.Options)
		if err := checkCommand(x); err != nil {
			return err
		}
		if slices.ContainsFunc(commands[:i], func(y chat.Command) bool { return y.Name == x.Name }) {
			return errCommand("two commands are called '%s'", x.Name)
		}
		x.RegisteredBy, x.Plugin = by.UserID, ""
	}
	if size, err := json.Marshal(commands); err != nil || len(size) > maxCommandsBytes {
		return errCommand("all commands together have at most %d KiB", maxCommandsBytes>>10)
	}
	return c.locked(ctx, "commands", func() error {
		bots, err := c.commands.all(ctx)
		if err != nil {
			return err
		}
		var before []string
		for _, x := range bots {
			if x.Item.UserID != by.UserID {
				continue
			}
			if x.Connection != by.Connection {
				return chat.Errorf(chat.Conflict, "commands_elsewhere", "You already have slash commands registered from another session")
			}
			before = x.Item.names()
		}
		if before == nil && len(bots) >= maxRegistrations {
			return chat.Errorf(chat.Conflict, "too_many_registrations", "No more bots can register commands.")
		}
		for _, x := range commands {
			taken := slices.ContainsFunc(c.inner.all(), func(y innerCommand) bool { return y.Name == x.Name })
			for _, bot := range bots {
				taken = taken || bot.Item.UserID != by.UserID && slices.Contains(bot.Item.names(), x.Name)
			}
			if taken {
				return errCommand("name '%s' is already in use", x.Name)
			}
		}
		err = c.commands.put(ctx, lease[registration]{Key: string(by.UserID), Connection: by.Connection, Since: c.now(),
			Item: registration{UserID: by.UserID, Commands: commands}})
		if err != nil {
			return err
		}
		var events []chat.Event
		if gone := slices.DeleteFunc(before, func(name string) bool { return slices.Contains(commandNames(commands), name) }); len(gone) > 0 {
			events = append(events, chat.CommandsRemoved{Names: gone})
		}
		c.emit(append(events, chat.CommandsAdded{Commands: commands}))
		return nil
	})
}

// DropCommands takes back what the actor's connection registered; having nothing is fine.
func (c *Core) DropCommands(ctx context.Context, by chat.Actor) error {
	if by.Connection == "" {
		return errNoConnection
	}
	return c.dropCommands(ctx, by.UserID, by.Connection)
}

func (c *Core) dropCommands(ctx context.Context, user chat.UserID, connection string) error {
	return c.locked(ctx, "commands", func() error {
		x, dropped, err := c.commands.drop(ctx, string(user), connection)
		if dropped {
			c.emit([]chat.Event{chat.CommandsRemoved{Names: x.Item.names()}})
		}
		return err
	})
}

// recheckCommands takes back the commands of those on this node who may not register any more.
func (c *Core) recheckCommands(ctx context.Context) error {
	for _, x := range c.commands.mine() {
		err := c.mayAnswerCommands(ctx, chat.Actor{UserID: x.Item.UserID})
		if err == nil {
			continue
		}
		if k := chat.AsError(err).Kind; k == chat.Internal || k == chat.Unavailable {
			return err
		}
		if err := c.dropCommands(ctx, x.Item.UserID, x.Connection); err != nil {
			return err
		}
	}
	return nil
}

// CommandRequest asks for a command.
type CommandRequest struct {
	RoomID chat.RoomID
	Name   string
	Args   json.RawMessage // an object; empty: no arguments
}

// CommandResult is what became of a call.
type CommandResult struct {
	Message *chat.Message   // the answer; nil if a bot was asked, or there is none
	Args    json.RawMessage // as they were checked, an object
	Command chat.Command
	// Silent: the command had no answer to post.
	Silent bool
	// Private is what only the caller is shown, by the connection that called; nothing of it is kept. Silent is true then.
	Private string
}

// Delivered reports whether the call was given to a bot, which answers by itself.
func (r CommandResult) Delivered() bool { return r.Message == nil && !r.Silent }

// CallCommand runs a command in a text room in which the actor may write. One that this process answers has answered when it
// returns; one of a bot has been delivered to its connection, whichever node that is on. Fails with the refusals of sending,
// command_not_here (forums, voice rooms, direct and encrypted rooms), command_unknown, command_role_forbidden and
// command_role_needed (the role lists), args_invalid, argument_unknown, argument_missing, argument_invalid,
// command_unreachable (the bot is gone, or cannot see the room), rate_limited, unavailable, and with what the command itself
// refuses.
func (c *Core) CallCommand(ctx context.Context, by chat.Actor, r CommandRequest) (res CommandResult, err error) {
	s, err := c.allow(ctx, by, chat.CanSend, r.RoomID)
	if err != nil {
		return res, err
	}
	if s.user == nil {
		_, err := c.person(ctx, by)
		return res, err
	}
	if s.room.Form != chat.Text || s.room.Encrypted || s.room.Type == chat.Direct {
		return res, chat.Errorf(chat.Forbidden, "command_not_here", "Commands cannot be used in this room.")
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return res, err
	}
	defer func() {
		if host, _ := c.plugins.get(); host != nil && err == nil {
			host.CommandCalled(r.Name, r.RoomID, by.UserID, res.Args)
		}
	}()
	for _, x := range c.inner.all() {
		if x.Name == r.Name {
			return c.callInner(ctx, by, s, table, x, r)
		}
	}
	bots, err := c.commands.all(ctx)
	if err != nil {
		return res, err
	}
	for _, bot := range bots {
		for _, x := range bot.Item.Commands {
			if x.Name == r.Name {
				return c.callBot(ctx, by, s, table, bot.Connection, x, r)
			}
		}
	}
	return res, chat.Errorf(chat.NotFound, "command_unknown", "Unknown slash command: /%s", short(r.Name))
}

// callInner runs a command of this process and posts its answer.
func (c *Core) callInner(ctx context.Context, by chat.Actor, s *seat, table map[chat.RoleID]chat.Role, x innerCommand, r CommandRequest) (res CommandResult, err error) {
	if holdsAny(table, s.user, x.Blacklist) != "" {
		return res, chat.Errorf(chat.Forbidden, "command_role_forbidden", "Access denied: forbidden roles")
	}
	if err := needRole(table, s.user, x.Command); err != nil {
		return res, err
	}
	res.Command = x.Command
	values, err := checkArgs(x.Command, r.Args, &res.Args)
	if err != nil {
		return res, err
	}
	if err := c.allowSend(ctx, by); err != nil {
		return res, err
	}
	answer, err := x.handle(ctx, CommandCall{By: by, User: s.user, Room: s.room, Name: x.Name, Args: values})
	if err != nil {
		return res, err
	}
	if answer.Content == "" && len(answer.Embeds) == 0 {
		res.Silent = true
		return res, nil
	}
	if answer.Private {
		res.Silent, res.Private = true, answer.Content
		return res, nil
	}
	use := &chat.CommandUse{Name: x.Name, UserID: by.UserID}
	if answer.AsCaller {
		res.Message, _, err = c.SendMessage(ctx, by, NewMessage{RoomID: r.RoomID, Content: answer.Content, Embeds: answer.Embeds, Command: use})
		return res, err
	}
	author := chat.Author{Kind: chat.PluginAuthor, ID: x.Plugin, Name: x.Plugin}
	if x.Plugin == "" {
		server, err := c.Server(ctx)
		if err != nil {
			return res, err
		}
		author = chat.Author{Kind: chat.ServerAuthor, Name: cmp.Or(server.Name, "Server")}
	}
	if answer.Author != nil {
		author = *answer.Author
	}
	res.Message, err = c.PostMessage(ctx, Post{RoomID: r.RoomID, Author: author, Content: answer.Content, Embeds: answer.Embeds, Command: use})
	return res, err
}

// callBot delivers a call to the connection that registered the command.
func (c *Core) callBot(ctx context.Context, by chat.Actor, s *seat, table map[chat.RoleID]chat.Role, connection string, x chat.Command, r CommandRequest) (res CommandResult, err error) {
	if role := holdsAny(table, s.user, x.Blacklist); role != "" {
		return res, chat.Errorf(chat.Forbidden, "command_role_forbidden", "Access denied: '%s' role is forbidden", role)
	}
	if err := needRole(table, s.user, x); err != nil {
		return res, err
	}
	res.Command = x
	if _, err := checkArgs(x, r.Args, &res.Args); err != nil {
		return res, err
	}
	if _, err := c.allow(ctx, chat.Actor{UserID: x.RegisteredBy}, chat.CanRead, r.RoomID); err != nil { // it must not learn of the room
		if k := chat.AsError(err).Kind; k == chat.Internal || k == chat.Unavailable {
			return res, err
		}
		return res, chat.Errorf(chat.Unavailable, "command_unreachable", "Command handler for /%s is not currently connected", x.Name)
	}
	if err := c.charge(ctx, "command:"+string(by.UserID), callsPerWindow, callWindow, "You are calling commands too fast."); err != nil {
		return res, err
	}
	c.emit([]chat.Event{chat.CommandCalled{Registrant: x.RegisteredBy, Connection: connection, RoomID: r.RoomID, Caller: by.UserID, Name: x.Name, Args: res.Args}})
	return res, nil
}

// needRole refuses who has none of the roles that may call a command.
func needRole(table map[chat.RoleID]chat.Role, user *chat.User, x chat.Command) error {
	if len(x.Whitelist) > 0 && holdsAny(table, user, x.Whitelist) == "" {
		return chat.Errorf(chat.Forbidden, "command_role_needed", "Access denied: '%s' role required", x.Whitelist[0])
	}
	return nil
}

// CommandResponse is what a bot answers.
type CommandResponse struct {
	RoomID  chat.RoomID
	Content string
	Embeds  []json.RawMessage
	Command string      // the command's name
	Invoker chat.UserID // who had called it; empty if that is not to be said
	Nonce   string
}

// RespondCommand stores a bot's answer as a message of the bot's own, which says what it answers. Fails as SendMessage does,
// and with command_unknown (no name) or user_not_found (the invoker).
func (c *Core) RespondCommand(ctx context.Context, by chat.Actor, r CommandResponse) (*chat.Message, error) {
	if !commandName.MatchString(r.Command) {
		return nil, chat.InvalidField("command", "command_unknown", "Name the command that is answered.")
	}
	if r.Invoker != "" {
		if _, err := c.user(ctx, r.Invoker); err != nil {
			return nil, err
		}
	}
	msg, _, err := c.SendMessage(ctx, by, NewMessage{RoomID: r.RoomID, Content: r.Content, Embeds: r.Embeds, Nonce: r.Nonce,
		Command: &chat.CommandUse{Name: r.Command, UserID: r.Invoker}})
	return msg, err
}

// checkArgs checks the arguments of a call and returns them by name; whole is set to the object as it is delivered.
func checkArgs(command chat.Command, raw json.RawMessage, whole *json.RawMessage) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	names, values, ok := members(raw)
	if !ok || len(raw) > maxCommandArgs {
		return nil, chat.InvalidField("args", "args_invalid", "Command args must be an object")
	}
	refuse := func(code, format string, args ...any) (map[string]json.RawMessage, error) {
		return nil, chat.InvalidField("args", code, format, args...)
	}
	for _, name := range names {
		if !slices.ContainsFunc(command.Options, func(o chat.CommandOption) bool { return o.Name == name }) {
			return refuse("argument_unknown", "Unknown argument: %s", short(name))
		}
	}
	for _, o := range command.Options {
		if _, given := values[o.Name]; !given && o.Required {
			return refuse("argument_missing", "Missing required argument: %s", o.Name)
		}
	}
	for _, o := range command.Options {
		value, given := values[o.Name]
		if !given {
			continue
		}
		got, fits := kindOf(value), false
		switch o.Type {
		case chat.StringOption, chat.EnumOption:
			fits = got == "str"
		case chat.IntOption:
			fits = got == "int"
		case chat.FloatOption:
			fits = got == "int" || got == "float"
		case chat.BoolOption:
			fits = got == "bool"
		}
		switch {
		case o.Type == chat.EnumOption && len(o.Choices) == 0:
			return refuse("argument_invalid", "Enum argument '%s' has no choices configured", o.Name)
		case o.Type == chat.EnumOption && !(fits && slices.Contains(o.Choices, textOf(value))):
			return refuse("argument_invalid", "Invalid value for argument '%s': expected one of [%s], got '%s'", o.Name, strings.Join(o.Choices, ", "), short(textOf(value)))
		case !fits:
			return refuse("argument_invalid", "Invalid type for argument '%s': expected %s, got %s", o.Name, o.Type, got)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		*whole = compact.Bytes()
	}
	return values, nil
}

// members takes a JSON object apart, names in their order; of a name that stands there twice the last value counts.
func members(raw json.RawMessage) (names []string, values map[string]json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	values = make(map[string]json.RawMessage)
	for d.More() {
		t, err := d.Token()
		name, isName := t.(string)
		var value json.RawMessage
		if err != nil || !isName || d.Decode(&value) != nil {
			return nil, nil, false
		}
		if _, again := values[name]; !again {
			names = append(names, name)
		}
		values[name] = value
	}
	if _, err := d.Token(); err != nil || d.More() {
		return nil, nil, false
	}
	return names, values, true
}

// kindOf names what a JSON value is, in the words of the contract (specs: originchats, §12).
func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return "str"
	case '{':
		return "dict"
	case '[':
		return "list"
	case 't', 'f':
		return "bool"
	case 'n':
		return "NoneType"
	}
	if bytes.ContainsAny(raw, ".eE") {
		return "float"
	}
	return "int"
}

// textOf is how a value is shown to a person: a string without its quotes.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// short cuts what somebody sent to what an error text may repeat.
func short(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "\ufffd")); len(r) > 60 {
		return string(r[:60]) + "…"
	} else {
		return string(r)
	}
}
