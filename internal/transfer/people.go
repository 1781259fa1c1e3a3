package transfer

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"parley/internal/chat"
	"parley/internal/core"
)

// people finds or makes the accounts of those who wait. Who has the same username is the same person; the others get a
// disabled account without a way to log in, which an operator can hand to them.
func (r *run) people() error {
	fresh := r.waiting
	r.waiting = nil
	names := make([]string, 0, len(fresh))
	byName := make(map[string]*User, len(fresh))
	for _, u := range fresh {
		if u.ID == "" || r.users[u.ID] != "" {
			continue
		}
		name := r.freeName(u.Username)
		names = append(names, name)
		byName[strings.ToLower(name)] = u
	}
	if len(names) == 0 {
		return nil
	}
	here, err := r.Store.UsersByName(r.ctx, names)
	if err != nil {
		return err
	}
	for _, u := range here {
		r.users[byName[strings.ToLower(u.Username)].ID] = u.ID
		r.report.Matched++
	}
	var drafts []*chat.User
	for _, name := range names {
		if slices.ContainsFunc(here, func(u *chat.User) bool { return strings.EqualFold(u.Username, name) }) {
			continue
		}
		u, err := r.draft(name, byName[strings.ToLower(name)])
		if err != nil {
			return err
		}
		drafts = append(drafts, u)
		r.users[byName[strings.ToLower(name)].ID] = u.ID
	}
	r.report.Created += len(drafts)
	if len(drafts) == 0 || r.opts.DryRun {
		return nil
	}
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		var events []chat.Event
		for _, u := range drafts {
			made, err := tx.CreateUser(r.ctx, u)
			if err != nil {
				return nil, err
			}
			events = append(events, chat.UserChanged{User: made})
		}
		return events, nil
	})
}

// freeName makes a username that nobody else in this import has. Whether somebody on the server has it does not matter
// here, so that a second try gives everyone the same name again.
func (r *run) freeName(wish string) string {
	base := username(wish)
	name := base
	for n := 2; r.names[strings.ToLower(name)]; n++ {
		end := "_" + strconv.Itoa(n)
		name = base[:min(len(base), maxUsername-len(end))] + end
	}
	r.names[strings.ToLower(name)] = true
	return name
}

// draft is the account of somebody who had none here.
func (r *run) draft(name string, u *User) (*chat.User, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	now := r.Now().UTC()
	d := &chat.User{
		ID: chat.UserID(id.String()), Username: name, DisplayName: line(u.DisplayName, maxDisplayName), Kind: userKind(u.Kind), Bio: text(u.Bio, maxBio),
		Email: line(u.Email, maxEmail), AvatarURL: address(u.AvatarURL), Status: chat.Online, StatusMessage: line(u.StatusMessage, maxStatusMessage),
		Roles: []chat.RoleID{chat.RoleUser}, CreatedAt: past(u.CreatedAt, now), LastSeenAt: maybePast(u.LastSeenAt, now), DisabledAt: now,
	}
	if d.DisplayName == "" {
		d.DisplayName = name
	}
	if len(u.Settings) <= maxSettings && json.Valid(u.Settings) {
		d.Settings = u.Settings
	}
	for _, role := range u.Roles {
		if role != string(chat.RoleUser) {
			r.note("%s was %q elsewhere; roles are not taken over", name, line(role, 40))
		}
	}
	return d, nil
}
