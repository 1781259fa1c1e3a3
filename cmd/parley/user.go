package main

import (
	"crypto/rand"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	register("user", groupPeople, "Make, list and change accounts.", func() any { return &userCommands{} })
}

type userCommands struct {
	Create      userCreate      `cmd:"" help:"Make an account."`
	List        userList        `cmd:"" help:"List accounts."`
	SetPassword userSetPassword `cmd:"" help:"Give someone a new password; ends their sessions."`
	Rank        userRank        `cmd:"" help:"Make someone a member, moderator, admin or owner of the server."`
	Disable     userDisable     `cmd:"" help:"Shut an account; ends its sessions."`
	Enable      userEnable      `cmd:"" help:"Open an account again."`
	ResetTOTP   userResetTOTP   `cmd:"" name:"reset-totp" help:"Switch someone's second factor off."`
	Delete      userDelete      `cmd:"" help:"Remove an account; its messages stay, without a name."`
}

type userCreate struct {
	Username      string `required:"" placeholder:"NAME" help:"3 to 20 letters, digits and underscores."`
	DisplayName   string `placeholder:"NAME" help:"Name that others see; by default the username."`
	Rank          string `default:"member" enum:"member,moderator,admin,owner" help:"${enum}."`
	PasswordStdin bool   `help:"Read the password, one line, from standard input; without it one is made and printed."`
}

// Run makes the account.
func (c *userCreate) Run(env *Env) error {
	password, made, err := env.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	rank, _ := chat.ParseRank(c.Rank) // kong has checked it
	u, err := env.Core.CreateUser(env.Context, chat.Operator, core.Registering{Username: c.Username, Password: password, DisplayName: c.DisplayName}, rank)
	if err != nil {
		return err
	}
	if made {
		return env.say("Made %s (%s), rank %s, password %s", u.Username, u.ID, u.Rank, password)
	}
	return env.say("Made %s (%s), rank %s", u.Username, u.ID, u.Rank)
}

// password reads one from standard input, or makes one.
func (e *Env) password(stdin bool) (password string, made bool, err error) {
	if stdin {
		password, err = e.firstLine()
		return password, false, err
	}
	return strings.ToLower(rand.Text()[:20]), true, nil // 100 bits
}

type userList struct {
	Search   string `placeholder:"TEXT" help:"Only names with this."`
	Rank     string `placeholder:"RANK" enum:",member,moderator,admin,owner" default:"" help:"Only this rank."`
	Disabled bool   `help:"Only shut accounts."`
	JSON     bool   `name:"json" help:"As JSON."`
}

// Run lists accounts.
func (c *userList) Run(env *Env) error {
	q := core.UserQuery{Text: c.Search, Rank: c.Rank, Page: chat.Page{Limit: pageSize}}
	if c.Rank == chat.RankMember.String() {
		q.Rank = string(chat.RoleUser)
	}
	if c.Disabled {
		q.Disabled = &c.Disabled
	}
	var users []*chat.User
	for {
		page, next, err := env.Core.ListUsers(env.Context, chat.Operator, q)
		if err != nil {
			return err
		}
		for _, u := range page {
			if c.Rank == "" || u.Rank.String() == c.Rank {
				users = append(users, u)
			}
		}
		if q.Page.Cursor = next; next == "" {
			break
		}
	}
	if c.JSON {
		type user struct {
			ID          chat.UserID   `json:"id"`
			Username    string        `json:"username"`
			DisplayName string        `json:"display_name"`
			Rank        string        `json:"rank"`
			Kind        chat.UserKind `json:"kind"`
			Roles       []chat.RoleID `json:"roles"`
			CreatedAt   *string       `json:"created_at"`
			LastSeenAt  *string       `json:"last_seen_at"`
			DisabledAt  *string       `json:"disabled_at"`
		}
		out := make([]user, len(users))
		for i, u := range users {
			out[i] = user{u.ID, u.Username, u.DisplayName, u.Rank.String(), u.Kind, u.Roles, stamp(u.CreatedAt), stamp(u.LastSeenAt), stamp(u.DisabledAt)}
		}
		return env.json(out)
	}
	rows := make([][]string, len(users))
	for i, u := range users {
		state := "active"
		if !u.DisabledAt.IsZero() {
			state = "disabled"
		}
		rows[i] = []string{u.Username, u.DisplayName, u.Rank.String(), string(u.Kind), state, day(u.CreatedAt), day(u.LastSeenAt), string(u.ID)}
	}
	return env.table("USERNAME NAME RANK KIND STATE MADE SEEN ID", rows)
}

type userSetPassword struct {
	Username      string `arg:"" help:"Whose."`
	PasswordStdin bool   `help:"Read the password, one line, from standard input; without it one is made and printed."`
}

// Run sets the password.
func (c *userSetPassword) Run(env *Env) error {
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	password, made, err := env.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	if err := env.Core.SetPassword(env.Context, chat.Operator, u.ID, password); err != nil {
		return err
	}
	if made {
		return env.say("%s has the password %s and must log in again", u.Username, password)
	}
	return env.say("%s has a new password and must log in again", u.Username)
}

type userRank struct {
	Username string `arg:"" help:"Whose."`
	Rank     string `arg:"" enum:"member,moderator,admin,owner" help:"${enum}."`
}

// Run gives the rank.
func (c *userRank) Run(env *Env) error {
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	rank, _ := chat.ParseRank(c.Rank) // kong has checked it
	if u, err = env.Core.SetRank(env.Context, chat.Operator, u.ID, rank); err != nil {
		return err
	}
	return env.say("%s has the rank %s", u.Username, u.Rank)
}

type userDisable struct {
	Username string `arg:"" help:"Whose account."`
}

// Run shuts the account.
func (c *userDisable) Run(env *Env) error { return env.setDisabled(c.Username, true) }

type userEnable struct {
	Username string `arg:"" help:"Whose account."`
}

// Run opens the account.
func (c *userEnable) Run(env *Env) error { return env.setDisabled(c.Username, false) }

func (e *Env) setDisabled(name string, disabled bool) error {
	u, err := e.userNamed(name)
	if err != nil {
		return err
	}
	if err := e.Core.SetDisabled(e.Context, chat.Operator, u.ID, disabled); err != nil {
		return err
	}
	if disabled {
		return e.say("%s is disabled", u.Username)
	}
	return e.say("%s is enabled", u.Username)
}

type userResetTOTP struct {
	Username string `arg:"" help:"Whose second factor."`
}

// Run switches the second factor off.
func (c *userResetTOTP) Run(env *Env) error {
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	if err := env.Core.ResetTOTP(env.Context, chat.Operator, u.ID); err != nil {
		return err
	}
	return env.say("%s logs in by password alone", u.Username)
}

type userDelete struct {
	Username string `arg:"" help:"Whose account."`
	Yes      bool   `help:"Do it."`
}

// Run removes the account.
func (c *userDelete) Run(env *Env) error {
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	if err := confirmed(c.Yes, "removes the account "+u.Username+" for good"); err != nil {
		return err
	}
	if err := env.Core.DeleteUser(env.Context, chat.Operator, u.ID); err != nil {
		return err
	}
	return env.say("%s is deleted", u.Username)
}
