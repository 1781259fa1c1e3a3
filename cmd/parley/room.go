package main

import (
	"cmp"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	register("room", groupPeople, "Make and list rooms, and put people into them.", func() any { return &roomCommands{} })
}

type roomCommands struct {
	Create       roomCreate       `cmd:"" help:"Make a room."`
	List         roomList         `cmd:"" help:"List rooms."`
	Delete       roomDelete       `cmd:"" help:"Remove a room with everything in it."`
	AddMember    roomAddMember    `cmd:"" help:"Put someone into a room."`
	RemoveMember roomRemoveMember `cmd:"" help:"Take someone out of a room."`
}

type roomCreate struct {
	Name        string `arg:"" help:"Up to 100 characters."`
	Slug        string `placeholder:"SLUG" help:"Short name in links; by default made from the name if the room is public."`
	Type        string `default:"public" enum:"public,private" help:"${enum}."`
	Form        string `default:"text" enum:"text,voice,forum,separator" help:"${enum}."`
	Description string `placeholder:"TEXT" help:"Up to 1,000 characters."`
	Owner       string `placeholder:"USERNAME" help:"Who owns it; without one it belongs to the server."`
	Encrypted   bool   `help:"End-to-end encrypted: only clients that can encrypt see it."`
	JSON        bool   `name:"json" help:"Print the room as JSON."`
}

// Run makes the room.
func (c *roomCreate) Run(env *Env) error {
	var owner *chat.User
	if c.Owner != "" {
		var err error
		if owner, err = env.userNamed(c.Owner); err != nil {
			return err
		}
	}
	view, err := env.Core.CreateRoom(env.Context, chat.Operator, core.NewRoom{
		Name: c.Name, Slug: c.Slug, Description: c.Description, Type: chat.RoomType(c.Type), Form: chat.RoomForm(c.Form), Encrypted: c.Encrypted,
		Official: owner == nil && c.Type == string(chat.Public),
	})
	if err != nil {
		return err
	}
	r := view.Room
	if owner != nil {
		if _, err := env.Core.AddMember(env.Context, chat.Operator, r.ID, owner.ID, chat.RoomOwner); err != nil {
			return err
		}
		if r, err = env.Store.Room(env.Context, r.ID); err != nil {
			return err
		}
	}
	if c.JSON {
		return env.json(roomJSON(r))
	}
	return env.say("Made the room %s (id %s)", roomLabel(r), r.ID)
}

// roomLabel is how people call a room.
func roomLabel(r chat.Room) string {
	if r.Slug != "" {
		return "#" + r.Slug
	}
	return cmp.Or(plain(r.Name), r.ID.String())
}

func roomJSON(r chat.Room) any {
	return struct {
		ID           string        `json:"id"`
		Slug         string        `json:"slug"`
		Name         string        `json:"name"`
		Type         chat.RoomType `json:"type"`
		Form         chat.RoomForm `json:"form"`
		Encrypted    bool          `json:"encrypted"`
		Official     bool          `json:"official"`
		Archived     bool          `json:"archived"`
		OwnerID      chat.UserID   `json:"owner_id,omitempty"`
		MemberCount  int           `json:"member_count"`
		MessageCount int64         `json:"message_count"`
		CreatedAt    *string       `json:"created_at"`
	}{r.ID.String(), r.Slug, r.Name, r.Type, r.Form, r.Encrypted, r.Official, r.Archived, r.OwnerID, r.MemberCount, r.MessageCount, stamp(r.CreatedAt)}
}

type roomList struct {
	Search string `placeholder:"TEXT" help:"Only names with this."`
	JSON   bool   `name:"json" help:"As JSON."`
}

// Run lists rooms.
func (c *roomList) Run(env *Env) error {
	var rooms []chat.Room
	for cursor := ""; ; {
		page, next, err := env.Core.ListRooms(env.Context, chat.Operator, c.Search, chat.Page{Limit: pageSize, Cursor: cursor})
		if err != nil {
			return err
		}
		rooms = append(rooms, page...)
		if cursor = next; next == "" {
			break
		}
	}
	if c.JSON {
		out := make([]any, len(rooms))
		for i, r := range rooms {
			out[i] = roomJSON(r)
		}
		return env.json(out)
	}
	owners, err := usernames(env, rooms, func(r chat.Room) chat.UserID { return r.OwnerID })
	if err != nil {
		return err
	}
	rows := make([][]string, len(rooms))
	for i, r := range rooms {
		state := "open"
		if r.Archived {
			state = "archived"
		}
		rows[i] = []string{r.ID.String(), r.Slug, r.Name, string(r.Type), string(r.Form), state, owners[r.OwnerID],
			strconv.Itoa(r.MemberCount), strconv.FormatInt(r.MessageCount, 10), clock(r.LastMessageAt)}
	}
	return env.table("ID SLUG NAME TYPE FORM STATE OWNER MEMBERS MESSAGES LAST", rows)
}

type roomDelete struct {
	Room string `arg:"" help:"Slug or id."`
	Yes  bool   `help:"Do it."`
}

// Run removes the room.
func (c *roomDelete) Run(env *Env) error {
	r, err := env.roomNamed(c.Room)
	if err != nil {
		return err
	}
	if err := confirmed(c.Yes, "removes the room "+roomLabel(r)+" with its "+strconv.FormatInt(r.MessageCount, 10)+" messages"); err != nil {
		return err
	}
	if err := env.Core.RemoveRoom(env.Context, chat.Operator, r.ID); err != nil {
		return err
	}
	return env.say("The room %s is deleted", roomLabel(r))
}

type roomAddMember struct {
	Room     string `arg:"" help:"Slug or id."`
	Username string `arg:"" help:"Who."`
	Role     string `default:"member" enum:"member,admin,owner" help:"${enum}."`
}

// Run puts someone into the room.
func (c *roomAddMember) Run(env *Env) error {
	r, err := env.roomNamed(c.Room)
	if err != nil {
		return err
	}
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	m, err := env.Core.AddMember(env.Context, chat.Operator, r.ID, u.ID, chat.RoomRole(c.Role))
	if err != nil {
		return err
	}
	return env.say("%s is in %s as %s", u.Username, roomLabel(r), m.Role)
}

type roomRemoveMember struct {
	Room     string `arg:"" help:"Slug or id."`
	Username string `arg:"" help:"Who."`
}

// Run takes someone out of the room.
func (c *roomRemoveMember) Run(env *Env) error {
	r, err := env.roomNamed(c.Room)
	if err != nil {
		return err
	}
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	if err := env.Core.RemoveMember(env.Context, chat.Operator, r.ID, u.ID); err != nil {
		return err
	}
	return env.say("%s is no longer in %s", u.Username, roomLabel(r))
}
