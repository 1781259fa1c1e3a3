package origin

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/jsontext"
)

var slashCommands = map[string]command{
	"slash_register": slashRegister, "slash_list": slashList, "slash_call": slashCall, "slash_response": slashResponse,
}

// slashShown is a command in lists (specs: originchats §6.11).
type slashShown struct {
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Options      []json.RawMessage `json:"options"`
	Whitelist    []string          `json:"whitelistRoles"`
	Blacklist    []string          `json:"blacklistRoles"`
	Ephemeral    bool              `json:"ephemeral"`
	RegisteredBy string            `json:"registeredBy"`
}

// slashOption is an argument of a command; those of the server's own say nothing of choices where there are none.
type slashOption struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        chat.OptionType `json:"type"`
	Choices     json.RawMessage `json:"choices,omitempty"`
	Required    bool            `json:"required"`
}

func (d *Dialect) slashShown(ctx context.Context, c chat.Command) slashShown {
	shown := slashShown{Name: c.Name, Description: c.Description, Options: make([]json.RawMessage, 0, len(c.Options)), Whitelist: c.Whitelist, Blacklist: c.Blacklist,
		Ephemeral: c.Ephemeral, RegisteredBy: serverName}
	if c.RegisteredBy != "" {
		shown.RegisteredBy = d.nameByID(ctx, c.RegisteredBy)
	}
	for _, o := range c.Options {
		option := slashOption{Name: o.Name, Description: o.Description, Type: o.Type, Required: o.Required}
		if o.Choices != nil || c.RegisteredBy != "" {
			option.Choices = jsontext.AppendValue(nil, o.Choices)
		}
		shown.Options = append(shown.Options, jsontext.AppendValue(nil, option))
	}
	return shown
}

type slashListPacket struct {
	Cmd      string       `json:"cmd"`
	Commands []slashShown `json:"commands"`
}

func (d *Dialect) slashPacket(ctx context.Context, cmd string, list []chat.Command) any {
	p := slashListPacket{cmd, make([]slashShown, len(list))}
	for i, c := range list {
		p.Commands[i] = d.slashShown(ctx, c)
	}
	return p
}

type slashRemovePacket struct {
	Cmd      string   `json:"cmd"`
	Commands []string `json:"commands"`
}

// slashCallPacket is a call, for the bot that answers it and for its caller (specs: originchats §12).
type slashCallPacket struct {
	Cmd      string   `json:"cmd"`
	Val      slashUse `json:"val"`
	Invoker  string   `json:"invoker"`
	Username string   `json:"invokerUsername"`
	Channel  string   `json:"channel"`
}

type slashUse struct {
	Command   string          `json:"command"`
	Args      json.RawMessage `json:"args"`
	Commander string          `json:"commander"`
}

// called is a call as a packet.
func (d *Dialect) called(ctx context.Context, e chat.CommandCalled) any {
	caller := d.user(ctx, e.Caller)
	if caller == nil {
		return nil
	}
	return slashCallPacket{"slash_call", slashUse{e.Name, e.Args, d.nameByID(ctx, e.Registrant)}, d.idOf(ctx, caller), nameOf(caller), d.channelName(ctx, e.RoomID)}
}

func slashList(ctx context.Context, s *socket, q *request) (any, error) {
	list, err := s.dialect.core.Commands(ctx, s.actor)
	if err != nil {
		return nil, err
	}
	return s.dialect.slashPacket(ctx, q.cmd, list), nil
}

// slashAsked is a command as a client registers it.
type slashAsked struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Whitelist   []string `json:"whitelistRoles"`
	Blacklist   []string `json:"blacklistRoles"`
	Ephemeral   bool     `json:"ephemeral"`
	Options     []struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Type        chat.OptionType `json:"type"`
		Choices     []string        `json:"choices"`
		Required    *bool           `json:"required"`
	} `json:"options"`
}

// slashRegister makes this connection answer commands (specs: originchats-commands §9).
func slashRegister(ctx context.Context, s *socket, q *request) (any, error) {
	list, err := q.list("commands")
	if err != nil || len(list) == 0 {
		return nil, refuse(q.cmd, "Commands must be provided as a list")
	}
	commands := make([]chat.Command, len(list))
	for i, raw := range list {
		var asked slashAsked
		if json.Unmarshal(raw, &asked) != nil {
			return nil, refusef(q.cmd, "Invalid command schema: command %d has a field of another type", i)
		}
		c := chat.Command{Name: asked.Name, Description: asked.Description, Whitelist: asked.Whitelist, Blacklist: asked.Blacklist, Ephemeral: asked.Ephemeral}
		for _, o := range asked.Options {
			c.Options = append(c.Options, chat.CommandOption{Name: o.Name, Description: o.Description, Type: o.Type, Choices: o.Choices, Required: o.Required == nil || *o.Required})
		}
		commands[i] = c
	}
	if err := s.dialect.core.RegisterCommands(ctx, s.actor, commands); err != nil {
		switch e := chat.AsError(err); e.Code {
		case "commands_forbidden":
			return nil, errOwnerOnly
		case "command_invalid":
			return nil, refuse(q.cmd, "Invalid command schema: "+e.Text)
		}
		return nil, err
	}
	s.dialect.hub.Flush(ctx, chat.Scope{Everyone: true})
	return written(jsontext.AppendValue(nil, pongPacket{q.cmd, strconv.Itoa(len(commands)) + " commands registered successfully"})), nil
}

// slashCall runs a command, or hands it to the bot that answers it.
func slashCall(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil || channel == "" {
		return nil, refuse(q.cmd, "Channel parameter is required for slash commands")
	}
	args := json.RawMessage("{}")
	if q.given("args") {
		if kindOf(q.fields["args"]) != "dict" {
			return nil, plain("Command args must be an object")
		}
		args = q.fields["args"]
	}
	if kindOf(q.fields["command"]) != "str" {
		return nil, refuse(q.cmd, "Command name must be a string")
	}
	name, err := q.text("command")
	if err != nil {
		return nil, err
	}
	name = strings.TrimPrefix(name, "/")
	room, err := s.anyChannel(ctx, channel)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
	}
	var res core.CommandResult
	answered, err := s.answering(ctx, q, room.ID, func(ctx context.Context) (string, error) {
		var err error
		if res, err = d.core.CallCommand(ctx, s.actor, core.CommandRequest{RoomID: room.ID, Name: name, Args: args}); err != nil || res.Message == nil {
			return "", err
		}
		return res.Message.Mark, nil
	})
	switch {
	case err != nil:
		return nil, d.slashRefused(ctx, s, q, name, err)
	case answered:
		return nil, nil
	case res.Message != nil:
		return written(d.messageCreated(ctx, res.Message)), nil
	case res.Private != "":
		return d.whisper(ctx, room.ID, res.Command.Name, s.actor.UserID, res.Private), nil
	case res.Silent:
		return nil, nil
	}
	return d.called(ctx, chat.CommandCalled{Registrant: res.Command.RegisteredBy, RoomID: room.ID, Caller: s.actor.UserID, Name: res.Command.Name, Args: res.Args}), nil
}

// slashRefused says why a command was not run. What is wrong with arguments, and what the roles of a bot's command refuse, does
// not name the command that was sent.
func (d *Dialect) slashRefused(ctx context.Context, s *socket, q *request, name string, err error) error {
	e := chat.AsError(err)
	switch e.Code {
	case "argument_unknown", "argument_missing", "argument_invalid":
		return plain(e.Text)
	case "args_invalid":
		return plain("Command args must be an object")
	case "command_role_needed", "command_role_forbidden":
		list, err := d.core.Commands(ctx, s.actor)
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.RegisteredBy != "" && c.Name == name {
				return plain(e.Text)
			}
		}
		return refuse(q.cmd, e.Text)
	case "command_not_here":
		return refuse(q.cmd, "Cannot send messages in this channel type")
	}
	return inWords(err, q.cmd, sayWords(place{}))
}

// whisper is an answer that the caller alone is shown: a message that is nowhere else.
func (d *Dialect) whisper(ctx context.Context, room chat.RoomID, name string, caller chat.UserID, text string) any {
	m := &chat.Message{RoomID: room, Type: chat.TextMessage, Content: text, CreatedAt: d.core.Clock(),
		Extras: &chat.Extras{Author: &chat.Author{Kind: chat.ServerAuthor, Name: serverName}, Command: &chat.CommandUse{Name: name, UserID: caller}}}
	b := d.appendMessage(ctx, []byte(`{"cmd":"message_new","message":`), m, true)
	b = []byte(strings.Replace(string(b), d.ids.message(0), uuid.NewString(), 1)) // it has no number
	return written(append(d.appendPlace(ctx, b, m), `,"global":true}`...))
}

// slashResponse is a bot's answer to a call: a message of its own (specs: originchats-commands §9). Its refusals do not name the
// command that was sent.
func slashResponse(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil || channel == "" {
		return nil, plain("Channel parameter is required for slash commands")
	}
	if !q.given("response") && !q.given("embeds") {
		return nil, plain("Slash response must have content or embeds")
	}
	text, err := q.text("response")
	if err != nil {
		return nil, plain("Slash response must be a string")
	}
	embeds, err := q.embeds()
	if err != nil {
		return nil, plain(err.Error())
	}
	name, err := q.text("command")
	if err != nil || name == "" {
		return nil, plain("Command parameter is required for slash responses")
	}
	invoker, err := q.text("invoker")
	if err != nil {
		return nil, err
	}
	r := core.CommandResponse{Command: name, Content: text, Embeds: embeds}
	if invoker != "" {
		user, err := d.userNamed(ctx, invoker)
		if err != nil {
			return nil, inWords(err, "", map[string]string{chat.ErrUserNotFound.Code: "User not found"})
		}
		r.Invoker = user.ID
	}
	p, err := s.sayPlace(ctx, &request{}, channel, "")
	if err != nil {
		return nil, err
	}
	r.RoomID = p.room.ID
	var msg *chat.Message
	answered, err := s.answering(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
		var err error
		if msg, err = d.core.RespondCommand(ctx, s.actor, r); err != nil {
			return "", err
		}
		return msg.Mark, nil
	})
	if err != nil {
		return nil, inWords(err, "", sayWords(p))
	}
	if answered {
		return nil, nil
	}
	return written(d.messageCreated(ctx, msg)), nil
}
