package main

import (
	"slices"
	"strconv"
	"strings"

	"parley/internal/chat"
)

func init() {
	register("role", groupPeople, "Make server roles and give them to people.", func() any { return &roleCommands{} })
}

type roleCommands struct {
	List   roleList   `cmd:"" help:"List roles, highest first."`
	Create roleCreate `cmd:"" help:"Make a role below the present ones."`
	Delete roleDelete `cmd:"" help:"Remove a role from the server and from everyone."`
	Grant  roleGrant  `cmd:"" help:"Give someone a role."`
	Revoke roleRevoke `cmd:"" help:"Take a role from someone."`
}

type roleList struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run lists roles.
func (c *roleList) Run(env *Env) error {
	roles, err := env.Core.Roles(env.Context, chat.Operator)
	if err != nil {
		return err
	}
	if c.JSON {
		type role struct {
			ID             chat.RoleID       `json:"id"`
			Name           string            `json:"name"`
			Position       int               `json:"position"`
			System         bool              `json:"system"`
			Color          string            `json:"color"`
			MessagesPer10s int               `json:"messages_per_10s"`
			Permissions    []chat.Permission `json:"permissions"`
		}
		out := make([]role, len(roles))
		for i, r := range roles {
			out[i] = role{r.ID, r.Name, r.Position, r.System, r.Color, r.MessagesPer10s, append([]chat.Permission{}, r.Permissions...)}
		}
		return env.json(out)
	}
	rows := make([][]string, len(roles))
	for i, r := range roles {
		kind := "custom"
		if r.System {
			kind = "system"
		}
		var permissions []string
		for _, p := range r.Permissions {
			permissions = append(permissions, string(p))
		}
		limit := ""
		if r.MessagesPer10s != 0 {
			limit = strconv.Itoa(r.MessagesPer10s)
		}
		rows[i] = []string{r.Name, kind, r.Color, limit, strings.Join(permissions, ","), string(r.ID)}
	}
	return env.table("NAME KIND COLOR MESSAGES/10S PERMISSIONS ID", rows)
}

type roleCreate struct {
	Name           string   `arg:"" help:"Up to 50 characters."`
	Description    string   `placeholder:"TEXT" help:"What it is for."`
	Color          string   `placeholder:"#RRGGBB" help:"Colour of the names of those who have it."`
	Permission     []string `placeholder:"NAME,…" help:"What those who have it may do, such as manage_messages. May be repeated."`
	SelfAssignable bool     `help:"Anyone may take it."`
	Hoisted        bool     `help:"Shown as a group of its own."`
	MessagesPer10s int      `name:"messages-per-10s" placeholder:"N" help:"Send limit instead of the server's; -1 for none."`
}

// Run makes the role.
func (c *roleCreate) Run(env *Env) error {
	r := chat.Role{Name: c.Name, Description: c.Description, Color: c.Color, SelfAssignable: c.SelfAssignable, Hoisted: c.Hoisted, MessagesPer10s: c.MessagesPer10s}
	for _, p := range c.Permission {
		r.Permissions = append(r.Permissions, chat.Permission(p))
	}
	r, err := env.Core.PutRole(env.Context, chat.Operator, r)
	if err != nil {
		return err
	}
	return env.say("Made the role %s (%s)", r.Name, r.ID)
}

type roleDelete struct {
	Role string `arg:"" help:"Name or id."`
	Yes  bool   `help:"Do it."`
}

// Run removes the role.
func (c *roleDelete) Run(env *Env) error {
	r, err := env.roleNamed(c.Role)
	if err != nil {
		return err
	}
	if err := confirmed(c.Yes, "removes the role "+r.Name+" from the server and from everyone"); err != nil {
		return err
	}
	if err := env.Core.DeleteRole(env.Context, chat.Operator, r.ID); err != nil {
		return err
	}
	return env.say("The role %s is deleted", r.Name)
}

type roleGrant struct {
	Username string `arg:"" help:"To whom."`
	Role     string `arg:"" help:"Name or id."`
}

// Run gives the role.
func (c *roleGrant) Run(env *Env) error {
	return env.changeRoles(c.Username, c.Role, func(roles []chat.RoleID, id chat.RoleID) []chat.RoleID {
		if slices.Contains(roles, id) {
			return roles
		}
		return append(slices.Clone(roles), id)
	})
}

type roleRevoke struct {
	Username string `arg:"" help:"From whom."`
	Role     string `arg:"" help:"Name or id."`
}

// Run takes the role.
func (c *roleRevoke) Run(env *Env) error {
	return env.changeRoles(c.Username, c.Role, func(roles []chat.RoleID, id chat.RoleID) []chat.RoleID {
		return slices.DeleteFunc(slices.Clone(roles), func(r chat.RoleID) bool { return r == id })
	})
}

func (e *Env) changeRoles(name, role string, change func([]chat.RoleID, chat.RoleID) []chat.RoleID) error {
	u, err := e.userNamed(name)
	if err != nil {
		return err
	}
	r, err := e.roleNamed(role)
	if err != nil {
		return err
	}
	if u, err = e.Core.SetUserRoles(e.Context, chat.Operator, u.ID, change(u.Roles, r.ID)); err != nil {
		return err
	}
	all, err := e.Core.Roles(e.Context, chat.Operator)
	if err != nil {
		return err
	}
	var names []string
	for _, r := range all {
		if slices.Contains(u.Roles, r.ID) {
			names = append(names, r.Name)
		}
	}
	return e.say("%s has the roles %s", u.Username, strings.Join(names, ", "))
}
