package native

import (
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// Command is a slash command.
	Command struct {
		Name        string          `json:"name" doc:"Without the slash." example:"roll"`
		Description string          `json:"description" example:"Roll dice"`
		Options     []CommandOption `json:"options" doc:"Its arguments, in the order in which they are shown."`
		Roles       []string        `json:"roles" doc:"Names or ids of the server roles that may call it, any of them; empty: everybody."`
		DeniedRoles []string        `json:"denied_roles" doc:"Those that may not."`
		Ephemeral   bool            `json:"ephemeral" doc:"The bot asks that the answer be shown to the caller alone."`
		User        *UserSummary    `json:"user" doc:"The bot that answers; null for commands of the server and its plugins."`
		Plugin      *string         `json:"plugin" doc:"The plugin that answers." example:"welcome"`
		Usable      *bool           `json:"usable,omitempty" doc:"Whether the caller's roles may call it; only in lists."`
	}
	// CommandOption is one argument of a command.
	CommandOption struct {
		Name        string   `json:"name" example:"sides"`
		Description string   `json:"description" example:"How many sides the dice have"`
		Type        string   `json:"type" enum:"str,int,float,bool,enum" example:"int"`
		Choices     []string `json:"choices,omitempty" doc:"Of an enum."`
		Required    bool     `json:"required"`
	}
	commandList struct {
		Commands []Command `json:"commands"`
	}
	commandRequest struct {
		Command string `json:"command" example:"roll"`
		Args    opaque `json:"args" required:"false" doc:"An object with an argument for each option."`
	}
	commandResult struct {
		Message   *Message `json:"message" doc:"The answer; null if a bot was asked, which answers by itself, or if there is nothing to say."`
		Delivered bool     `json:"delivered" doc:"The call was given to a bot."`
		Private   *string  `json:"private" doc:"What is said to the caller alone; it is not kept."`
	}
	// commandFrame is a command as a bot registers it.
	commandFrame struct {
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Roles       []string `json:"roles"`
		DeniedRoles []string `json:"denied_roles"`
		Ephemeral   bool     `json:"ephemeral"`
		Options     []struct {
			Name        string   `json:"name"`
			Description string   `json:"description"`
			Type        string   `json:"type"`
			Choices     []string `json:"choices"`
			Required    *bool    `json:"required"` // true if it is not given
		} `json:"options"`
	}
	commandsFrame struct { // commands_added
		Type     string    `json:"type"`
		Commands []Command `json:"commands"`
	}
	commandNamesFrame struct { // commands_removed
		Type  string   `json:"type"`
		Names []string `json:"names"`
	}
	commandCalledFrame struct {
		Type    string      `json:"type"`
		Command string      `json:"command"`
		Args    opaque      `json:"args"`
		RoomID  string      `json:"room_id"`
		User    UserSummary `json:"user"`
	}
	commandAnswerFrame struct { // ok of call_command
		Type      string   `json:"type"`
		Ref       string   `json:"ref"`
		Message   *Message `json:"message"`
		Delivered bool     `json:"delivered"`
		Private   *string  `json:"private"`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Command) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "user")
}

// TransformSchema implements huma.SchemaTransformer.
func (*commandResult) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "message")
}

const commandFaults = "room_not_found not_a_member send_forbidden muted room_archived command_not_here command_unknown command_role_needed command_role_forbidden " +
	"args_invalid argument_unknown argument_missing argument_invalid command_unreachable command_failed permission_missing target_above target_is_self " +
	"content_too_long display_name_invalid room_name_invalid slug_taken role_not_found role_protected last_owner owner_must_transfer join_forbidden confirm_needed"

func (d *Dialect) registerCommands() {
	const tag = "Commands"
	handle(d, "GET /commands", endpoint{id: "list-commands", tag: tag, summary: "List slash commands", description: "Those of the server first, then those of bots that are connected."},
		func(ctx context.Context, by chat.Actor, _ *noInput) (*reply[commandList], error) {
			list, err := d.core.Commands(ctx, by)
			if err != nil {
				return nil, err
			}
			usable, err := d.core.Usable(ctx, by, list)
			if err != nil {
				return nil, err
			}
			shown := d.commands(ctx, list)
			for i := range shown {
				shown[i].Usable = &usable[i]
			}
			return ok(commandList{shown}), nil
		})
	handle(d, "POST /rooms/{id}/commands", endpoint{
		id: "call-command", tag: tag, summary: "Call a slash command",
		description: "In a text room in which the caller may write. A command of the server has answered when this returns; a bot's answer comes as a message of the bot, with the field command.",
		codes:       commandFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body commandRequest
	}) (*reply[commandResult], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		res, err := d.core.CallCommand(ctx, by, core.CommandRequest{RoomID: id, Name: in.Body.Command, Args: json.RawMessage(in.Body.Args)})
		if err != nil {
			return nil, err
		}
		return ok(commandResult{d.answerOf(res, by), res.Delivered(), orNil(res.Private)}), nil
	})
}

func (d *Dialect) answerOf(res core.CommandResult, by chat.Actor) *Message {
	if res.Message == nil {
		return nil
	}
	m := d.message(res.Message, by.UserID)
	return &m
}

// commands shows commands with those who answer them.
func (d *Dialect) commands(ctx context.Context, list []chat.Command) []Command {
	bots := make(map[chat.UserID]*UserSummary)
	return convert(list, func(c chat.Command) Command {
		shown := Command{Name: c.Name, Description: c.Description, Roles: orEmpty(c.Whitelist), DeniedRoles: orEmpty(c.Blacklist), Ephemeral: c.Ephemeral, Plugin: orNil(c.Plugin),
			Options: convert(c.Options, func(o chat.CommandOption) CommandOption {
				return CommandOption{o.Name, o.Description, string(o.Type), o.Choices, o.Required}
			})}
		if c.RegisteredBy != "" {
			bot, known := bots[c.RegisteredBy]
			if u, err := d.core.User(ctx, chat.Operator, c.RegisteredBy); !known && err == nil {
				s := d.summary(u)
				bot, bots[c.RegisteredBy] = &s, &s
			}
			shown.User = bot
		}
		return shown
	})
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// command is what a bot registers, in the core's words.
func (f commandFrame) command() chat.Command {
	c := chat.Command{Name: f.Name, Description: f.Description, Whitelist: f.Roles, Blacklist: f.DeniedRoles, Ephemeral: f.Ephemeral}
	for _, o := range f.Options {
		c.Options = append(c.Options, chat.CommandOption{Name: o.Name, Description: o.Description, Type: chat.OptionType(o.Type), Choices: o.Choices,
			Required: o.Required == nil || *o.Required})
	}
	return c
}

// commandClientFrames are the frames of a client that are about commands.
var commandClientFrames = map[string]frameHandler{
	"register_commands": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		return nil, s.dialect.core.RegisterCommands(ctx, s.actor, convert(f.Commands, commandFrame.command))
	},
	"drop_commands": func(ctx context.Context, s *socket, _ *clientFrame) (any, error) {
		return nil, s.dialect.core.DropCommands(ctx, s.actor)
	},
	"call_command": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		res, err := s.dialect.core.CallCommand(ctx, s.actor, core.CommandRequest{RoomID: room, Name: f.Command, Args: f.Args})
		if err != nil || f.Ref == "" {
			return answered, err
		}
		return commandAnswerFrame{"ok", f.Ref, s.dialect.answerOf(res, s.actor), res.Delivered(), orNil(res.Private)}, nil
	},
	"respond_command": func(ctx context.Context, s *socket, f *clientFrame) (any, error) {
		room, err := f.room()
		if err != nil {
			return nil, err
		}
		msg, err := s.dialect.core.RespondCommand(ctx, s.actor, core.CommandResponse{RoomID: room, Content: f.Content, Command: f.Command, Invoker: chat.UserID(f.UserID), Nonce: f.Nonce})
		return s.withMessage(f, msg, err)
	},
}

// calledFrame is a call as the bot gets it.
func (d *Dialect) calledFrame(ctx context.Context, e chat.CommandCalled) any {
	f := commandCalledFrame{"command_called", e.Name, opaque(e.Args), e.RoomID.String(), UserSummary{ID: string(e.Caller)}}
	if u, err := d.core.User(ctx, chat.Operator, e.Caller); err == nil {
		f.User = d.summary(u)
	}
	return f
}
