package core

import (
	"context"
	"time"

	"parley/internal/chat"
)

// Measure is a sanction to be made.
type Measure struct {
	Kind   chat.SanctionKind
	RoomID chat.RoomID // 0: the whole server
	UserID chat.UserID
	Reason string    // at most 500 characters
	Until  time.Time // zero: until lifted; a timeout needs one
}

const maxReason = 500

var (
	errUntilInvalid    = chat.InvalidField("until", "until_invalid", "The end must lie in the future; a timeout needs one.")
	errSanctionNotHere = chat.Errorf(chat.Forbidden, "sanction_not_here", "There are no sanctions in direct rooms. Block the person instead.")
)

// sanctionRanks says from which server rank a server-wide sanction may be made or lifted.
var sanctionRanks = map[chat.SanctionKind]chat.Rank{
	chat.Warning: chat.RankModerator, chat.Mute: chat.RankModerator, chat.Timeout: chat.RankModerator, chat.Ban: chat.RankAdmin,
}

// sanctionWords are the parts of audit actions and the notifications' texts.
var sanctionWords = map[chat.SanctionKind]struct {
	made, lifted, title, liftedTitle string
	severity                         chat.Severity
}{
	chat.Warning: {"user.warn", "user.unwarn", "You have received a warning", "A warning was taken back", chat.SeverityWarning},
	chat.Mute:    {"user.mute", "user.unmute", "You have been muted", "You can write again", chat.SeverityWarning},
	chat.Timeout: {"user.timeout", "user.untimeout", "You have been timed out", "Your timeout was lifted", chat.SeverityWarning},
	chat.Ban:     {"user.ban", "user.unban", "You have been banned", "Your ban was lifted", chat.SeverityDanger},
}

// Sanction makes a sanction. In a room it needs manage_members there and a standing above the target; on the server a rank
// of moderator (warn, mute, timeout) or admin (ban) above the target's. A ban ends the membership or, on the server, all
// sessions; a timeout ends connections; a warning notifies. A live sanction of the same kind is replaced, but warnings add
// up. Audited. Fails with kind_invalid, target_above, target_is_self, until_invalid, reason_too_long, sanction_not_here
// (direct rooms), permission_missing, user_not_found.
func (c *Core) Sanction(ctx context.Context, by chat.Actor, m Measure) (made chat.Sanction, err error) {
	words, ok := sanctionWords[m.Kind]
	if !ok {
		return chat.Sanction{}, errSanctionKind
	}
	if m.Reason, err = cleanText("reason", "reason", m.Reason, maxReason); err != nil {
		return chat.Sanction{}, err
	}
	now := c.now()
	if m.Until.IsZero() && m.Kind == chat.Timeout || !m.Until.IsZero() && !m.Until.After(now) {
		return chat.Sanction{}, errUntilInvalid
	}
	room, err := c.maySanction(ctx, by, m.Kind, m.RoomID, m.UserID)
	if err != nil {
		return chat.Sanction{}, err
	}
	err = c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
		if m.Kind != chat.Warning {
			replaced, err := tx.LiftSanctions(ctx, m.UserID, m.RoomID, m.Kind, by.UserID, "replaced", now)
			if err != nil {
				return nil, err
			}
			for _, s := range replaced {
				events = append(events, chat.SanctionChanged{Sanction: s})
			}
		}
		made, err = tx.CreateSanction(ctx, chat.Sanction{Kind: m.Kind, RoomID: m.RoomID, UserID: m.UserID, Reason: m.Reason, IssuedBy: by.UserID, CreatedAt: now, Until: m.Until})
		if err != nil {
			return nil, err
		}
		events = append(events, chat.SanctionChanged{Sanction: made})
		effects, err := c.enforce(ctx, tx, made)
		if err != nil {
			return nil, err
		}
		events = append(events, effects...)
		told, err := c.tell(ctx, tx, m.UserID, words.severity, titleIn(words.title, room), sanctionText(m), m.RoomID)
		if err != nil {
			return nil, err
		}
		details := map[string]any{"reason": m.Reason}
		if !m.Until.IsZero() {
			details["until"] = m.Until.UTC()
		}
		return append(events, told), tx.AddAudit(ctx, c.audit(by, words.made, "user", string(m.UserID), m.RoomID, details))
	})
	return made, err
}

var errSanctionKind = chat.InvalidField("kind", "kind_invalid", "A sanction is a ban, mute, timeout or warning.")

// maySanction says whether the actor may make or lift a sanction, and returns the room it is about, if any.
func (c *Core) maySanction(ctx context.Context, by chat.Actor, kind chat.SanctionKind, room chat.RoomID, target chat.UserID) (chat.Room, error) {
	if room != 0 {
		s, err := c.allow(ctx, by, chat.CanSee, room)
		if err != nil {
			return chat.Room{}, err
		}
		if s.room.Type == chat.Direct {
			return chat.Room{}, errSanctionNotHere
		}
		_, _, err = c.allowOn(ctx, by, chat.CanManageMembers, room, target)
		return s.room, err
	}
	actor, err := c.permitRank(ctx, by, sanctionRanks[kind])
	if err != nil {
		return chat.Room{}, err
	}
	user, err := c.user(ctx, target)
	if err != nil || actor == nil {
		return chat.Room{}, err
	}
	if actor.ID == user.ID {
		return chat.Room{}, chat.Errorf(chat.Invalid, "target_is_self", "You cannot do this to yourself.")
	}
	if !outranks(actor, user) {
		return chat.Room{}, errTargetAbove
	}
	return chat.Room{}, nil
}

// enforce does at once what a new sanction means for what the person has and is connected to.
func (c *Core) enforce(ctx context.Context, tx Tx, s chat.Sanction) ([]chat.Event, error) {
	switch {
	case s.Kind == chat.Ban && s.RoomID == 0:
		_, ev, err := endSessions(ctx, tx, s.UserID, "", "", "banned", s.CreatedAt)
		return []chat.Event{ev}, err
	case s.Kind == chat.Timeout && s.RoomID == 0: // the sessions survive: they work again when it is over
		return []chat.Event{chat.SessionRevoked{UserID: s.UserID, Reason: "timed_out"}}, nil
	case s.Kind == chat.Ban:
		room, err := tx.Room(ctx, s.RoomID)
		if err != nil {
			return nil, err
		}
		if room.OwnerID == s.UserID { // for the operator, and if it was handed over a moment ago
			return nil, chat.Errorf(chat.Forbidden, "target_above", "Hand the room over first: its owner cannot be banned from it.")
		}
		return c.expel(ctx, tx, room, s.UserID, chat.Banned)
	case s.Kind == chat.Mute && s.RoomID != 0:
		return memberChanged(ctx, tx, s.RoomID, s.UserID)
	}
	return nil, nil
}

// memberChanged is the event of a member whose mute changed; none for someone who is not a member.
func memberChanged(ctx context.Context, tx Tx, room chat.RoomID, user chat.UserID) ([]chat.Event, error) {
	m, err := tx.Member(ctx, room, user)
	if chat.CodeOf(err) == chat.ErrMemberNotFound.Code {
		return nil, nil
	}
	return []chat.Event{chat.MemberChanged{Member: m}}, err
}

// titleIn adds the room to a notification's title.
func titleIn(title string, room chat.Room) string {
	if room.Name == "" {
		return title
	}
	return title + " in " + room.Name
}

func sanctionText(m Measure) string {
	text := ""
	if !m.Until.IsZero() {
		text = "Until " + m.Until.UTC().Format("2006-01-02 15:04 UTC") + ". "
	}
	if m.Reason != "" {
		text += "Reason: " + m.Reason
	}
	if text == "" {
		return "No reason was given."
	}
	return text
}

// Lift ends the live sanctions of a kind against a person in a room (0: on the server). It needs what making one needs.
// Fails with sanction_not_found and the refusals of Sanction.
func (c *Core) Lift(ctx context.Context, by chat.Actor, kind chat.SanctionKind, room chat.RoomID, user chat.UserID, reason string) error {
	words, ok := sanctionWords[kind]
	if !ok {
		return errSanctionKind
	}
	reason, err := cleanText("reason", "reason", reason, maxReason)
	if err != nil {
		return err
	}
	where, err := c.maySanction(ctx, by, kind, room, user)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
		lifted, err := tx.LiftSanctions(ctx, user, room, kind, by.UserID, reason, c.now())
		if err != nil {
			return nil, err
		}
		if len(lifted) == 0 {
			return nil, chat.Errorf(chat.NotFound, "sanction_not_found", "There is no such sanction against this person.")
		}
		for _, s := range lifted {
			events = append(events, chat.SanctionChanged{Sanction: s})
		}
		if kind == chat.Mute && room != 0 {
			changed, err := memberChanged(ctx, tx, room, user)
			if err != nil {
				return nil, err
			}
			events = append(events, changed...)
		}
		told, err := c.tell(ctx, tx, user, chat.SeveritySuccess, titleIn(words.liftedTitle, where), reason, room)
		if err != nil {
			return nil, err
		}
		details := map[string]any{"reason": reason}
		return append(events, told), tx.AddAudit(ctx, c.audit(by, words.lifted, "user", string(user), room, details))
	})
}

// ServerMute returns the mute that keeps a person from writing anywhere on the server now, the one of several that lasts longest;
// nil if there is none.
func (c *Core) ServerMute(ctx context.Context, user chat.UserID) (*chat.Sanction, error) {
	now := c.now()
	list, err := c.Store.LiveSanctions(ctx, user, 0, now)
	return lasting(list, chat.Mute, now), err
}

// Sanctions lists sanctions, newest first: of a room for those who manage its members, of the server for moderators, of all
// rooms for admins, their own for everybody.
func (c *Core) Sanctions(ctx context.Context, by chat.Actor, f chat.SanctionFilter, page chat.Page) ([]chat.Sanction, string, error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	switch {
	case by.UserID != "" && f.UserID == by.UserID:
	case f.RoomID != 0:
		if _, err := c.allow(ctx, by, chat.CanManageMembers, f.RoomID); err != nil {
			return nil, "", err
		}
	default:
		actor, err := c.permitRank(ctx, by, chat.RankModerator)
		if err != nil {
			return nil, "", err
		}
		if actor != nil && actor.Rank < chat.RankAdmin {
			f.ServerOnly = true
		}
	}
	return c.Store.Sanctions(ctx, f, page)
}

// tell stores a notification of the server's to one person and returns its event.
func (c *Core) tell(ctx context.Context, tx Tx, user chat.UserID, severity chat.Severity, title, text string, room chat.RoomID) (chat.Event, error) {
	now := c.now()
	n, err := tx.CreateNotification(ctx, chat.Notification{UserID: user, Type: chat.NotifySystem, Title: title, Content: text, RoomID: room, Severity: severity,
		CreatedAt: now, ExpiresAt: c.notificationExpiry(now)})
	return chat.Notified{Notification: n}, err
}
