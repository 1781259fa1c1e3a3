package corehost

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/plugin"
)

// wish is what acts can be told; each reads what it needs.
type wish struct {
	User        string
	Room        string
	Role        string
	Reason      string
	Name        string
	Description *string
	Topic       *string
	Form        string
	Type        string
	Color       *string
	Right       string
	Roles       []string
	Position    *int
	Count       int
}

// act is something that plugins can have done in a person's name.
type act func(h Host, ctx context.Context, by chat.Actor, w wish) (any, error)

// acts are the things that can be done in a person's name, with their rights, by name. They are in docs/plugins.md.
var acts = map[string]act{
	"ban": Host.ban, "unban": Host.unban, "bans": Host.bans, "users": Host.users, "rooms": Host.listRooms, "room": Host.oneRoom,
	"room_create": Host.createRoom, "room_delete": Host.deleteRoom, "room_update": Host.updateRoom, "room_rights": Host.roomRights,
	"roles": Host.listRoles, "role_create": Host.createRole, "role_delete": Host.deleteRole, "role_update": Host.updateRole,
	"role_give": Host.giveRole, "role_take": Host.takeRole, "purge": Host.purge,
}

// Act implements plugin.Host.
func (h Host) Act(ctx context.Context, as plugin.Identity, by chat.UserID, what string, args json.RawMessage) (any, error) {
	do, known := acts[what]
	if !known {
		return nil, chat.Errorf(chat.Invalid, "act_unknown", "There is nothing of the name %.50q to do for a person.", what)
	}
	var w wish
	if err := json.Unmarshal(args, &w); err != nil {
		return nil, chat.Errorf(chat.Invalid, "arguments_invalid", "The arguments are not what %s takes.", what)
	}
	return do(h, ctx, chat.Actor{UserID: by, Plugin: as.ID}, w)
}

func (h Host) person(ctx context.Context, name string) (*chat.User, error) {
	u, err := h.Core.UserByName(ctx, chat.Operator, strings.TrimPrefix(name, "@"))
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		u, err = h.Core.User(ctx, chat.Operator, chat.UserID(name))
	}
	return u, err
}

// place finds a room that the person may know of.
func (h Host) place(ctx context.Context, by chat.Actor, ref string) (chat.Room, error) {
	if id, ok := chat.ParseRoomID(ref); ok {
		v, err := h.Core.Room(ctx, by, id)
		return v.Room, err
	}
	v, err := h.Core.RoomBySlug(ctx, by, strings.TrimPrefix(ref, "#"))
	return v.Room, err
}

func (h Host) role(ctx context.Context, by chat.Actor, name string) (chat.Role, error) {
	roles, err := h.Core.Roles(ctx, by)
	if err != nil {
		return chat.Role{}, err
	}
	i := slices.IndexFunc(roles, func(r chat.Role) bool { return string(r.ID) == name || strings.EqualFold(r.Name, name) })
	if i < 0 {
		return chat.Role{}, chat.Errorf(chat.NotFound, "role_not_found", "There is no such role.")
	}
	return roles[i], nil
}

func (h Host) ban(ctx context.Context, by chat.Actor, w wish) (any, error) {
	u, err := h.person(ctx, w.User)
	if err != nil {
		return nil, err
	}
	_, err = h.Core.Sanction(ctx, by, core.Measure{Kind: chat.Ban, UserID: u.ID, Reason: w.Reason})
	return u.Username, err
}

func (h Host) unban(ctx context.Context, by chat.Actor, w wish) (any, error) {
	u, err := h.person(ctx, w.User)
	if err != nil {
		return nil, err
	}
	return u.Username, h.Core.Lift(ctx, by, chat.Ban, 0, u.ID, w.Reason)
}

func (h Host) bans(ctx context.Context, by chat.Actor, _ wish) (any, error) {
	f := chat.SanctionFilter{ServerOnly: true, Kind: chat.Ban, LiveAt: h.Core.Clock()}
	list, _, err := h.Core.Sanctions(ctx, by, f, chat.Page{Limit: 100})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, s := range list {
		if u, err := h.Core.User(ctx, chat.Operator, s.UserID); err == nil && !slices.Contains(names, u.Username) {
			names = append(names, u.Username)
		}
	}
	return names, nil
}

func (h Host) users(ctx context.Context, by chat.Actor, _ wish) (any, error) {
	list, next, err := h.Core.ListUsers(ctx, by, core.UserQuery{Page: chat.Page{Limit: 100}})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, u := range list {
		names = append(names, u.Username)
	}
	return map[string]any{"names": names, "more": next != ""}, nil
}

type roomView struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	Form        string `json:"form"`
	Topic       string `json:"topic"`
	Description string `json:"description"`
	Position    int    `json:"position"`
	Members     int    `json:"members"`
	Messages    int64  `json:"messages"`
}

func viewOf(r chat.Room) roomView {
	return roomView{r.ID.String(), r.Slug, r.Name, string(r.Type), string(r.Form), r.Topic, r.Description, r.Position, r.MemberCount, r.MessageCount}
}

func (h Host) listRooms(ctx context.Context, by chat.Actor, _ wish) (any, error) {
	list, _, err := h.Core.ListRooms(ctx, by, "", chat.Page{Limit: 100})
	views := []roomView{}
	for _, r := range list {
		if r.Type != chat.Direct {
			views = append(views, viewOf(r))
		}
	}
	return views, err
}

func (h Host) oneRoom(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.place(ctx, by, w.Room)
	if err != nil {
		return nil, err
	}
	return viewOf(r), nil
}

func (h Host) createRoom(ctx context.Context, by chat.Actor, w wish) (any, error) {
	n := core.NewRoom{Name: w.Name, Slug: w.Name, Type: chat.Public, Form: chat.RoomForm(w.Form), Official: true}
	if w.Description != nil {
		n.Description = *w.Description
	}
	v, err := h.Core.CreateRoom(ctx, by, n)
	return viewOf(v.Room), err
}

func (h Host) deleteRoom(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.place(ctx, by, w.Room)
	if err != nil {
		return nil, err
	}
	return viewOf(r), h.Core.RemoveRoom(ctx, by, r.ID)
}

func (h Host) updateRoom(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.place(ctx, by, w.Room)
	if err != nil {
		return nil, err
	}
	ch := core.RoomChange{Description: w.Description, Topic: w.Topic, Position: w.Position}
	if w.Name != "" {
		ch.Name = &w.Name
	}
	v, err := h.Core.UpdateRoom(ctx, by, r.ID, ch)
	return viewOf(v.Room), err
}

func (h Host) roomRights(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.place(ctx, by, w.Room)
	if err != nil {
		return nil, err
	}
	l := chat.RoleList{RoomID: r.ID, Right: chat.Right(w.Right)}
	for _, name := range w.Roles {
		role, err := h.role(ctx, by, name)
		if err != nil {
			return nil, err
		}
		l.Roles = append(l.Roles, chat.RoleEntry{RoleID: role.ID})
	}
	return viewOf(r), h.Core.SetRoleList(ctx, by, l)
}

type roleView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"`
}

func (h Host) listRoles(ctx context.Context, by chat.Actor, _ wish) (any, error) {
	list, err := h.Core.Roles(ctx, by)
	views := []roleView{}
	for _, r := range list {
		views = append(views, roleView{string(r.ID), r.Name, r.Color})
	}
	return views, err
}

func (h Host) createRole(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r := chat.Role{Name: w.Name}
	if w.Color != nil {
		r.Color = *w.Color
	}
	if w.Description != nil {
		r.Description = *w.Description
	}
	r, err := h.Core.PutRole(ctx, by, r)
	return roleView{string(r.ID), r.Name, r.Color}, err
}

func (h Host) updateRole(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.role(ctx, by, w.Role)
	if err != nil {
		return nil, err
	}
	if w.Color != nil {
		r.Color = *w.Color
	}
	r, err = h.Core.PutRole(ctx, by, r)
	return roleView{string(r.ID), r.Name, r.Color}, err
}

func (h Host) deleteRole(ctx context.Context, by chat.Actor, w wish) (any, error) {
	r, err := h.role(ctx, by, w.Role)
	if err != nil {
		return nil, err
	}
	return r.Name, h.Core.DeleteRole(ctx, by, r.ID)
}

func (h Host) giveRole(ctx context.Context, by chat.Actor, w wish) (any, error) {
	return h.changeRoles(ctx, by, w, func(roles []chat.RoleID, id chat.RoleID) []chat.RoleID {
		if slices.Contains(roles, id) {
			return roles
		}
		return append(slices.Clone(roles), id)
	})
}

func (h Host) takeRole(ctx context.Context, by chat.Actor, w wish) (any, error) {
	return h.changeRoles(ctx, by, w, func(roles []chat.RoleID, id chat.RoleID) []chat.RoleID {
		return slices.DeleteFunc(slices.Clone(roles), func(r chat.RoleID) bool { return r == id })
	})
}

func (h Host) changeRoles(ctx context.Context, by chat.Actor, w wish, change func([]chat.RoleID, chat.RoleID) []chat.RoleID) (any, error) {
	u, err := h.person(ctx, w.User)
	if err != nil {
		return nil, err
	}
	r, err := h.role(ctx, by, w.Role)
	if err != nil {
		return nil, err
	}
	_, err = h.Core.SetUserRoles(ctx, by, u.ID, change(u.Roles, r.ID))
	return map[string]string{"user": u.Username, "role": r.Name}, err
}

// maxPurge is how many messages can be deleted at once.
const maxPurge = 100

func (h Host) purge(ctx context.Context, by chat.Actor, w wish) (any, error) {
	if w.Count < 1 || w.Count > maxPurge {
		return nil, chat.InvalidField("count", "arguments_invalid", "At most %d messages at once, and at least one.", maxPurge)
	}
	r, err := h.place(ctx, by, w.Room)
	if err != nil {
		return nil, err
	}
	page, err := h.Core.Messages(ctx, by, r.ID, chat.MessagesQuery{Limit: 100})
	if err != nil {
		return nil, err
	}
	deleted := 0
	for _, m := range slices.Backward(page.Messages) {
		if deleted == w.Count {
			break
		}
		if m.Deleted || m.Type == chat.SystemMessage {
			continue
		}
		if _, err := h.Core.DeleteMessage(ctx, by, m.ID); err != nil {
			return nil, err
		}
		deleted++
	}
	return deleted, nil
}
