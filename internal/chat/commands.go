package chat

import "encoding/json"

// Command is a slash command: something that people call by its name in a room, and that a bot, a plugin or the server answers.
type Command struct {
	Name        string          `json:"name"`        // without the slash; 1–32 letters, digits, "_" and "-"
	Description string          `json:"description"` // at most 200 characters
	Options     []CommandOption `json:"options,omitempty"`
	Whitelist   []string        `json:"whitelist,omitempty"` // names or ids of the server roles that may call it, any of them; nil: everybody
	Blacklist   []string        `json:"blacklist,omitempty"` // those that may not, whatever the whitelist says
	Ephemeral   bool            `json:"ephemeral,omitempty"` // a wish that the answer be shown to the caller alone; carried, without effect
	// RegisteredBy is the user whose connection answers it; empty for those of the server and its plugins.
	RegisteredBy UserID `json:"registered_by,omitempty"`
	Plugin       string `json:"plugin,omitempty"` // the plugin that answers it; empty: the server itself, or RegisteredBy
}

// CommandOption is one argument of a command. Required is the wire's default; see core.RegisterCommands.
type CommandOption struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Type        OptionType `json:"type"`
	Choices     []string   `json:"choices,omitempty"` // of an enum
	Required    bool       `json:"required"`
}

// OptionType says what an argument may be.
type OptionType string

// The types of argument.
const (
	StringOption OptionType = "str"
	IntOption    OptionType = "int"   // an integer, no boolean
	FloatOption  OptionType = "float" // any number, no boolean
	BoolOption   OptionType = "bool"
	EnumOption   OptionType = "enum" // one of Choices
)

// CommandsAdded says that commands can be called from now on; one of the same name replaces what it was.
type CommandsAdded struct{ Commands []Command }

// CommandsRemoved says that commands are gone.
type CommandsRemoved struct{ Names []string }

// CommandCalled gives a call to the connection that registered the command.
type CommandCalled struct {
	Registrant UserID // who registered it
	Connection string // where
	RoomID     RoomID
	Caller     UserID
	Name       string
	Args       json.RawMessage // an object, checked against the options
}

func (e CommandsAdded) Scope() Scope   { return Scope{Everyone: true} }
func (e CommandsRemoved) Scope() Scope { return Scope{Everyone: true} }
func (e CommandCalled) Scope() Scope   { return Scope{Users: []UserID{e.Registrant}} }

// To implements Addressed.
func (e CommandCalled) To() string { return e.Connection }
