package storetest

import (
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("sessions",
		story{"a session is read back, also once it has ended", sessionReadBack},
		story{"live sessions are listed by newest use", sessionList},
		story{"a use moves the time forward only and keeps a known address", sessionTouch},
		story{"one session is revoked", sessionRevokeOne},
		story{"all sessions but one are revoked", sessionRevokeOthers},
		story{"sessions need a user", sessionUnknown},
	)
}

// login is a session that lives for a day.
func login(id chat.SessionID, user chat.UserID) chat.Session {
	return chat.Session{ID: id, UserID: user, Device: "Browser/1", Address: "192.0.2.1", CreatedAt: Start, LastUsedAt: Start, ExpiresAt: Start.Add(24 * time.Hour)}
}

func (w *world) addSessions(sessions ...chat.Session) {
	w.Helper()
	w.change(func(tx core.Tx) error {
		for _, s := range sessions {
			if err := tx.CreateSession(w.ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) sessionsOf(user chat.UserID, at time.Time) []chat.SessionID {
	w.Helper()
	return pick(must(w.SessionsOf(w.ctx, user, at)), func(s chat.Session) chat.SessionID { return s.ID })
}

func sessionReadBack(w *world) {
	live := login("live", w.addUser("ada"))
	ended := live
	ended.ID, ended.RevokedAt = "ended", Start.Add(time.Second)
	w.addSessions(live, ended)
	same(w, "live", must(w.Session(w.ctx, "live")), live)
	same(w, "ended", must(w.Session(w.ctx, "ended")), ended)
	for _, id := range []chat.SessionID{"", "LIVE", "other"} {
		_, err := w.Session(w.ctx, id)
		w.wantCode(err, "not_found")
	}
}

func sessionList(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	at := func(id chat.SessionID, used time.Duration) chat.Session {
		s := login(id, ada)
		s.LastUsedAt = Start.Add(used)
		return s
	}
	expired, revoked := at("expired", 9), at("revoked", 8)
	expired.ExpiresAt, revoked.RevokedAt = Start.Add(time.Hour), Start
	w.addSessions(at("old", time.Minute), at("new", time.Hour), at("middle", 30*time.Minute), expired, revoked, login("bobs", bob))
	same(w, "at first", w.sessionsOf(ada, Start), []chat.SessionID{"new", "middle", "old", "expired"})
	same(w, "at the expiry of one", w.sessionsOf(ada, Start.Add(time.Hour)), []chat.SessionID{"new", "middle", "old"})
	same(w, "after a day", len(w.sessionsOf(ada, Start.Add(24*time.Hour))), 0)
	same(w, "of nobody", len(w.sessionsOf("nobody", Start)), 0)
}

func sessionTouch(w *world) {
	w.addSessions(login("s", w.addUser("ada")))
	touch := func(at time.Time, address string) chat.Session {
		w.change(func(tx core.Tx) error { return tx.TouchSession(w.ctx, "s", at, address) })
		return must(w.Session(w.ctx, "s"))
	}
	s := touch(Start.Add(time.Minute), "2001:db8::1")
	same(w, "used", s.LastUsedAt, Start.Add(time.Minute))
	same(w, "address", s.Address, "2001:db8::1")
	s = touch(Start.Add(time.Second), "")
	same(w, "used", s.LastUsedAt, Start.Add(time.Minute))
	same(w, "address", s.Address, "2001:db8::1")
	w.refused("not_found", func(tx core.Tx) error { return tx.TouchSession(w.ctx, "other", Start, "") })
}

func (w *world) revoke(user chat.UserID, only, except chat.SessionID, at time.Time) (n int) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		n, err = tx.RevokeSessions(w.ctx, user, only, except, at)
		return err
	})
	return n
}

func sessionRevokeOne(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	w.addSessions(login("a", ada), login("b", ada), login("c", bob))
	at := Start.Add(time.Minute)
	same(w, "revoked", w.revoke(ada, "a", "", at), 1)
	same(w, "revoked again", w.revoke(ada, "a", "", at.Add(time.Minute)), 0)
	same(w, "revoked at", must(w.Session(w.ctx, "a")).RevokedAt, at)
	same(w, "somebody else's", w.revoke(ada, "c", "", at), 0)
	same(w, "unknown", w.revoke(ada, "x", "", at), 0)
	same(w, "left to ada", w.sessionsOf(ada, at), []chat.SessionID{"b"})
	same(w, "left to bob", w.sessionsOf(bob, at), []chat.SessionID{"c"})
}

func sessionRevokeOthers(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	expired := login("expired", ada)
	expired.ExpiresAt = Start.Add(time.Second)
	w.addSessions(login("a", ada), login("b", ada), login("c", ada), expired, login("d", bob))
	at := Start.Add(time.Minute)
	same(w, "all but one", w.revoke(ada, "", "b", at), 2)
	same(w, "left", w.sessionsOf(ada, at), []chat.SessionID{"b"})
	same(w, "all", w.revoke(ada, "", "", at), 1)
	same(w, "left", len(w.sessionsOf(ada, at)), 0)
	same(w, "left to bob", w.sessionsOf(bob, at), []chat.SessionID{"d"})
}

func sessionUnknown(w *world) {
	w.refused("user_not_found", func(tx core.Tx) error { return tx.CreateSession(w.ctx, login("s", "nobody")) })
}
