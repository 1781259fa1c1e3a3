package sqlstore_test

import (
	"log/slog"
	"reflect"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/store/storetest"
)

var discard = slog.New(slog.DiscardHandler)

// serves fails the test unless a store has what fill put into it, and goes on from there.
func serves(t *testing.T, s core.Store) {
	t.Helper()
	ctx, at := t.Context(), storetest.Start
	page := chat.Page{Limit: 100}
	is := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	u, err := s.UserByName(ctx, "ADA")
	ok(err)
	is("ada", []any{u.ID, u.Number, u.DisplayName, u.Rank, string(u.Settings)}, []any{ada, int64(1), "Ada Lovelace", chat.RankOwner, `{"theme":"dark"}`})
	found, err := s.SearchUsers(ctx, "love", 10)
	ok(err)
	is("people found by a word", len(found), 1)
	painter, _, err := s.ListUsers(ctx, core.UserQuery{Rank: "01950000-0000-7000-9000-000000000001", Page: page})
	ok(err)
	is("painters", len(painter), 1)
	identity, err := s.Identity(ctx, chat.ProviderPassword, "ada")
	ok(err)
	is("secret", identity.Secret, "$argon2id$frozen")
	sessions, err := s.SessionsOf(ctx, ada, at)
	ok(err)
	is("sessions", len(sessions), 1)
	roles, err := s.Roles(ctx)
	ok(err)
	is("roles", len(roles), 5)

	lab, err := s.RoomBySlug(ctx, "lab")
	ok(err)
	is("lab", []any{lab.Name, lab.OwnerID, lab.MemberCount, lab.MessageCount}, []any{"The Lab", ada, 2, int64(5)})
	direct, err := s.DirectRoom(ctx, bob, ada)
	ok(err)
	receipts, err := s.Receipts(ctx, direct.ID, 1, 10)
	ok(err)
	is("who read it", len(receipts), 2)
	views, err := s.RoomsOf(ctx, bob)
	ok(err)
	is("bob's rooms", len(views), 2)
	me, err := s.Member(ctx, lab.ID, bob)
	ok(err)
	is("bob in the lab", []any{me.Role, me.Notify, me.Muted, me.MutedUntil}, []any{chat.RoomMember, chat.NotifyMentions, true, at.Add(time.Hour)})
	unread, mentions, err := s.Unread(ctx, lab.ID, bob)
	ok(err)
	is("unread", []int64{unread, mentions}, []int64{1, 0})
	lists, err := s.RoleLists(ctx, lab.ID)
	ok(err)
	is("role lists", len(lists), 1)
	grants, err := s.Grants(ctx, lab.ID, bob)
	ok(err)
	is("grants", len(grants), 1)

	messages, err := s.Messages(ctx, lab.ID, chat.MessagesQuery{Limit: 100})
	ok(err)
	var contents []string
	for _, m := range messages.Messages {
		contents = append(contents, m.Content)
	}
	is("messages", contents, []string{"hello frozen world", "a better answer", "look @bob", chat.DeletedContent, "the end"})
	first, last := messages.Messages[0], messages.Messages[4]
	is("the first one", []any{first.Pinned, first.ReplyCount, len(first.Reactions), len(first.Attachments)}, []any{true, 1, 1, 1})
	is("links", messages.Messages[2].Links, []chat.Link{{URL: "https://example.org/", Title: "Example"}})
	is("payload", last.Payload, &chat.Payload{Kind: "session", Data: []byte{0, 1, 2}})
	changes, err := s.ChangesSince(ctx, lab.ID, 0, 100)
	ok(err)
	is("changes", len(changes.Messages), 5)
	used, err := s.BlobInUse(ctx, "frozenhash")
	ok(err)
	is("blob in use", used, true)
	hits := func(word string) int {
		t.Helper()
		result, err := s.Search(ctx, chat.SearchQuery{Reader: ada, Terms: words(word), Limit: 10})
		ok(err)
		return len(result.Hits)
	}
	is("hits", []int{hits("frozen"), hits("better"), hits("mistake"), hits("psst")}, []int{1, 1, 0, 1})

	live, err := s.LiveSanctions(ctx, eve, 0, at)
	ok(err)
	is("sanctions", len(live), 1)
	blocked, err := s.Blocked(ctx, eve, bob)
	ok(err)
	is("blocked", blocked, true)
	reports, _, err := s.Reports(ctx, chat.ReportOpen, page)
	ok(err)
	is("reports", len(reports), 1)
	entries, _, err := s.Audit(ctx, chat.AuditFilter{Action: "user."}, page)
	ok(err)
	is("audit", len(entries), 1)
	count, err := s.UnreadNotifications(ctx, bob, at)
	ok(err)
	is("notifications", count, 1)
	push, err := s.PushSubscriptions(ctx, ada)
	ok(err)
	is("push", len(push), 1)
	name, err := s.Setting(ctx, "server.name")
	ok(err)
	is("setting", string(name), `"Frozen"`)

	same, created, err := s.Append(ctx, chat.Draft{RoomID: lab.ID, SenderID: ada, Type: chat.TextMessage, Content: "the end", Nonce: "frozen", At: at})
	ok(err)
	is("a repeated send", []any{same.ID, created}, []any{last.ID, false})

	// It goes on: ids, places and times continue, and what is new is found beside what is old.
	next, created, err := s.Append(ctx, chat.Draft{RoomID: lab.ID, SenderID: bob, Type: chat.TextMessage, Content: "thawed frozen", Search: "thawed frozen", At: at})
	ok(err)
	if !created || next.ID <= last.ID || next.Seq != changes.LastSeq+1 || !next.CreatedAt.After(last.CreatedAt) || next.Ordinal != last.Ordinal+1 {
		t.Errorf("the next message %+v does not follow %+v", next, last)
	}
	is("hits", hits("frozen"), 2)
	ok(s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		zoe, err := tx.CreateUser(ctx, &chat.User{ID: "01950000-0000-7000-8000-0000000000ff", Username: "zoe", DisplayName: "Zoë", Kind: chat.Person, Status: chat.Online, CreatedAt: at})
		if err != nil {
			return nil, err
		}
		is("zoe's number", zoe.Number, int64(4))
		if _, err := tx.PutMember(ctx, chat.Member{RoomID: lab.ID, UserID: zoe.ID, Role: chat.RoomMember, JoinedAt: at}); err != nil {
			return nil, err
		}
		used, err := tx.UseInvite(ctx, "ABCDEFGHJK", at)
		is("the invite was used", used, true)
		return nil, err
	}))
	ok(s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		blobs, err := tx.DeleteRoom(ctx, lab.ID)
		is("blobs of the lab", blobs, []string{"frozenhash"})
		return nil, err
	}))
	is("hits without the lab", []int{hits("frozen"), hits("psst")}, []int{0, 1})
}
