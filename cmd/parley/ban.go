package main

import (
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	register("ban", groupPeople, "Ban, mute, time out or warn people, in a room or on the whole server.", func() any { return &banCommands{} })
}

type banCommands struct {
	Add  banAdd  `cmd:"" help:"Make a sanction; a live one of the same kind is replaced."`
	List banList `cmd:"" help:"List sanctions, newest first."`
	Lift banLift `cmd:"" help:"End a sanction."`
}

type banAdd struct {
	Username string        `arg:"" help:"Against whom."`
	Kind     string        `default:"ban" enum:"ban,mute,timeout,warning" help:"${enum}."`
	Room     string        `placeholder:"ROOM" help:"Slug or id; without it the whole server."`
	For      time.Duration `placeholder:"DURATION" help:"How long, such as 30m or 72h; without it until lifted."`
	Until    time.Time     `placeholder:"TIME" help:"Until when, such as 2027-01-31T12:00:00Z."`
	Reason   string        `placeholder:"TEXT" help:"Told to the person; up to 500 characters."`
}

// Run makes the sanction.
func (c *banAdd) Run(env *Env) error {
	if c.For != 0 && !c.Until.IsZero() {
		return usageError("Give only one of --for and --until.")
	}
	if c.For < 0 {
		return usageError("--for must be a time to come, such as 30m.")
	}
	kind := chat.SanctionKind(c.Kind)
	until := c.Until
	if c.For > 0 {
		until = time.Now().Add(c.For)
	}
	if kind == chat.Timeout && until.IsZero() {
		return usageError("A timeout needs an end: add --for or --until, or use --kind ban.")
	}
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	r, err := env.maybeRoom(c.Room)
	if err != nil {
		return err
	}
	s, err := env.Core.Sanction(env.Context, chat.Operator, core.Measure{Kind: kind, RoomID: r.ID, UserID: u.ID, Reason: c.Reason, Until: until})
	if err != nil {
		return err
	}
	end := "until it is lifted"
	if !s.Until.IsZero() {
		end = "until " + clock(s.Until)
	}
	if kind == chat.Warning {
		return env.say("Warned %s %s", u.Username, where(r))
	}
	return env.say("%s: %s %s %s", u.Username, kind, where(r), end)
}

func where(r chat.Room) string {
	if r.ID == 0 {
		return "on the server"
	}
	return "in " + roomLabel(r)
}

type banList struct {
	User string `placeholder:"USERNAME" help:"Only against this person."`
	Room string `placeholder:"ROOM" help:"Only in this room."`
	Kind string `default:"" enum:",ban,mute,timeout,warning" placeholder:"KIND" help:"Only of this kind: ban, mute, timeout or warning."`
	All  bool   `help:"Also what is over or lifted."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run lists sanctions.
func (c *banList) Run(env *Env) error {
	f := chat.SanctionFilter{Kind: chat.SanctionKind(c.Kind)}
	if !c.All {
		f.LiveAt = time.Now()
	}
	if c.User != "" {
		u, err := env.userNamed(c.User)
		if err != nil {
			return err
		}
		f.UserID = u.ID
	}
	r, err := env.maybeRoom(c.Room)
	if err != nil {
		return err
	}
	f.RoomID = r.ID
	var list []chat.Sanction
	for cursor := ""; ; {
		page, next, err := env.Core.Sanctions(env.Context, chat.Operator, f, chat.Page{Limit: pageSize, Cursor: cursor})
		if err != nil {
			return err
		}
		list = append(list, page...)
		if cursor = next; next == "" {
			break
		}
	}
	names, err := usernames(env, list, func(s chat.Sanction) chat.UserID { return s.UserID })
	if err != nil {
		return err
	}
	if c.JSON {
		type sanction struct {
			ID        int64             `json:"id"`
			Kind      chat.SanctionKind `json:"kind"`
			RoomID    string            `json:"room_id,omitempty"`
			UserID    chat.UserID       `json:"user_id"`
			Username  string            `json:"username"`
			Reason    string            `json:"reason"`
			CreatedAt *string           `json:"created_at"`
			Until     *string           `json:"until"`
			LiftedAt  *string           `json:"lifted_at"`
		}
		out := make([]sanction, len(list))
		for i, s := range list {
			out[i] = sanction{ID: s.ID, Kind: s.Kind, UserID: s.UserID, Username: names[s.UserID], Reason: s.Reason,
				CreatedAt: stamp(s.CreatedAt), Until: stamp(s.Until), LiftedAt: stamp(s.LiftedAt)}
			if s.RoomID != 0 {
				out[i].RoomID = s.RoomID.String()
			}
		}
		return env.json(out)
	}
	rows := make([][]string, len(list))
	for i, s := range list {
		place := "server"
		if s.RoomID != 0 {
			place = "room " + s.RoomID.String()
		}
		rows[i] = []string{strconv.FormatInt(s.ID, 10), names[s.UserID], string(s.Kind), place, clock(s.CreatedAt), clock(s.Until), clock(s.LiftedAt), s.Reason}
	}
	return env.table("ID USERNAME KIND WHERE MADE UNTIL LIFTED REASON", rows)
}

type banLift struct {
	Username string `arg:"" help:"Whose."`
	Kind     string `default:"ban" enum:"ban,mute,timeout,warning" help:"${enum}."`
	Room     string `placeholder:"ROOM" help:"Slug or id; without it the whole server."`
	Reason   string `placeholder:"TEXT" help:"For the audit log."`
}

// Run lifts the sanction.
func (c *banLift) Run(env *Env) error {
	u, err := env.userNamed(c.Username)
	if err != nil {
		return err
	}
	r, err := env.maybeRoom(c.Room)
	if err != nil {
		return err
	}
	if err := env.Core.Lift(env.Context, chat.Operator, chat.SanctionKind(c.Kind), r.ID, u.ID, c.Reason); err != nil {
		return err
	}
	return env.say("%s: %s %s lifted", u.Username, c.Kind, where(r))
}
