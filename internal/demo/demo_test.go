package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/media"
	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

var (
	ctx = context.Background()
	end = time.Date(2026, 5, 14, 16, 30, 0, 0, time.UTC)
)

func options(dir string) Options {
	return Options{Dir: dir, Database: filepath.Join(dir, "chat.db"), Blobs: filepath.Join(dir, "blobs"), Temp: filepath.Join(dir, "tmp"), Seed: 1, Now: end}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fill(t testing.TB, o Options) (Result, *sqlstore.Store) {
	t.Helper()
	made, err := Fill(ctx, o)
	must(t, err)
	return made, reopen(t, o)
}

func reopen(t testing.TB, o Options) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(ctx, sqlstore.Options{Path: o.Database, Clock: func() time.Time { return end }})
	must(t, err)
	t.Cleanup(func() { must(t, store.Stop(ctx)) })
	return store
}

// tale tells everything that was said, with names in place of ids.
func tale(t testing.TB, store *sqlstore.Store) (lines []string) {
	t.Helper()
	names := map[chat.UserID]string{}
	users, _, err := store.ListUsers(ctx, core.UserQuery{Page: chat.Page{Limit: 100}})
	must(t, err)
	for _, u := range users {
		names[u.ID] = u.Username
		lines = append(lines, fmt.Sprint(u.Username, u.DisplayName, u.Bio, u.AvatarURL, u.Rank, u.LastSeenAt))
	}
	must(t, store.EachMessage(ctx, 0, "", func(m *chat.Message) error {
		l := fmt.Sprint(m.ID, m.RoomID, m.CreatedAt, names[m.SenderID], m.Content, m.ParentID, m.ThreadID, m.EditedAt, m.Deleted, m.PinnedAt)
		for _, r := range m.Reactions {
			l += r.Emoji
			for _, u := range r.Users {
				l += names[u]
			}
		}
		for _, a := range m.Attachments {
			l += a.Hash
		}
		lines = append(lines, l)
		return nil
	}))
	return lines
}

func TestTheCommunityIsWhole(t *testing.T) {
	o := options(t.TempDir())
	o.part = fraction
	made, store := fill(t, o)
	if all := fraction * made.Messages; len(made.Accounts) != 12 || made.Rooms < 8 || all < 2700 || all > 3900 || fraction*made.Reactions < 500 ||
		fraction*made.Files < 40 || fraction*made.Edits < 10 || made.Deletions < 1 || made.Pins < 3 {
		t.Errorf("made %+v", made)
	}
	if made.Accounts[0] != (Account{"mara", "Mara Lindqvist", chat.RankOwner}) {
		t.Errorf("first account %+v", made.Accounts[0])
	}
	var first, last time.Time
	threads, answers, mentions, links, code, tables, german, bad := 0, 0, 0, 0, 0, 0, 0, 0
	must(t, store.EachMessage(ctx, 0, "", func(m *chat.Message) error {
		if first.IsZero() || m.CreatedAt.Before(first) {
			first = m.CreatedAt
		}
		if m.CreatedAt.After(last) {
			last = m.CreatedAt
		}
		threads += min(m.ReplyCount, 1)
		answers += min(int(m.ParentID), 1)
		mentions += len(m.Mentions)
		links += len(m.Links)
		code += strings.Count(m.Content, "```\n")
		tables += strings.Count(m.Content, "| --- |")
		german += strings.Count(m.Content, "Stammtisch")
		if strings.Contains(m.Content, "=>") || slot.MatchString(m.Content) || strings.Contains(m.Content, `\n`) {
			bad++
			t.Errorf("a line of the script shows through: %q", m.Content)
		}
		return nil
	}))
	for what, n := range map[string]int{"threads": threads, "answers": answers, "mentions": mentions, "links": links, "code blocks": code, "tables": tables, "German": german} {
		if fraction*n < 5 {
			t.Errorf("%d %s", n, what)
		}
	}
	if first.Before(end.AddDate(0, 0, -Days-1)) || last.After(end) || end.Sub(last) > fraction*30*time.Minute {
		t.Errorf("from %s to %s", first, last)
	}

	mara, err := store.UserByName(ctx, "mara")
	must(t, err)
	views, err := store.RoomsOf(ctx, mara.ID)
	must(t, err)
	types := map[chat.RoomType]int{}
	for _, v := range views {
		types[v.Room.Type]++
	}
	if types[chat.Public] < 3 || types[chat.Private] < 2 || types[chat.Direct] < 1 {
		t.Errorf("rooms of mara: %v", types)
	}
	nora, err := store.UserByName(ctx, "nora")
	must(t, err)
	views, err = store.RoomsOf(ctx, nora.ID)
	must(t, err)
	if !slices.ContainsFunc(views, func(v chat.RoomView) bool { return v.UnreadCount > 0 }) {
		t.Error("nora has nothing to read after her holiday")
	}
	reports, _, err := store.Reports(ctx, chat.ReportOpen, chat.Page{Limit: 10})
	if err != nil || len(reports) != 2 {
		t.Errorf("%d open reports, %v", len(reports), err)
	}
	sanctions, _, err := store.Sanctions(ctx, chat.SanctionFilter{Kind: chat.Mute, LiveAt: end}, chat.Page{Limit: 10})
	if err != nil || len(sanctions) != 1 {
		t.Errorf("%d live mutes, %v", len(sanctions), err)
	}
	if n, err := store.UnreadNotifications(ctx, nora.ID, end); err != nil || n == 0 {
		t.Errorf("%d notifications, %v", n, err)
	}
	if invites, err := store.Invites(ctx, 0); err != nil || len(invites) != 1 {
		t.Errorf("%d invites, %v", len(invites), err)
	}
	if !strings.HasPrefix(mara.AvatarURL, core.AvatarPath) || mara.LastSeenAt.IsZero() || mara.Bio == "" {
		t.Errorf("mara %+v", mara)
	}
}

func TestTheSameSeedGivesTheSameCommunity(t *testing.T) {
	tell := func(seed uint64) []string {
		o := options(t.TempDir())
		o.Seed, o.part = seed, 8*fraction
		_, store := fill(t, o)
		return tale(t, store)
	}
	one, same, other := tell(7), tell(7), tell(8)
	if !slices.Equal(one, same) {
		for i := range one {
			if i >= len(same) || one[i] != same[i] {
				t.Fatalf("line %d: %s\n%s", i, one[i], same[min(i, len(same)-1)])
			}
		}
		t.Fatalf("%d and %d lines", len(one), len(same))
	}
	if slices.Equal(one, other) {
		t.Error("another seed changes nothing")
	}
}

func TestPeopleAreNotMixedUnlessForced(t *testing.T) {
	o := options(t.TempDir())
	o.part = 20
	_, err := Fill(ctx, o)
	must(t, err)
	if _, err := Fill(ctx, o); !errors.Is(err, ErrPeople) {
		t.Errorf("got %v", err)
	}
	o.Force = true
	made, err := Fill(ctx, o)
	must(t, err)
	if made.Accounts[0].Username != "mara2" {
		t.Errorf("accounts %+v", made.Accounts)
	}
	lock, err := datalock.Acquire(o.Dir)
	must(t, err)
	defer func() { must(t, lock.Release()) }()
	var held *datalock.HeldError
	if _, err := Fill(ctx, o); !errors.As(err, &held) {
		t.Errorf("beside a server: %v", err)
	}
}

func TestGivingUpEndsTheStory(t *testing.T) {
	o := options(t.TempDir())
	o.part = 20
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Fill(done, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	lock, err := datalock.Acquire(o.Dir)
	must(t, err)
	must(t, lock.Release())
}

func TestEveryPlaceHasAScriptAndEveryScriptAPicture(t *testing.T) {
	for _, p := range places {
		b, err := readBook(p.book)
		if err != nil {
			t.Error(err)
			continue
		}
		people := len(p.people)
		if people == 0 {
			people = len(cast)
		}
		for i, s := range b.scenes {
			if s.roles > people {
				t.Errorf("%s: scene %d takes %d people, the room has %d", p.key, i+1, s.roles, people)
			}
			for _, st := range s.steps {
				if _, ok := pictures[st.picture]; st.picture != "" && !ok {
					t.Errorf("%s: there is no picture %q", p.book, st.picture)
				}
			}
		}
	}
}

func TestScriptsAreChecked(t *testing.T) {
	const head = "filler = a | b | c\n---\n"
	for _, c := range []struct{ name, text string }{
		{"nothing", ""},
		{"no fillers", "word = a | b | c\n---\nA: hello"},
		{"a scene without words", head + "..."},
		{"a list that is not there", head + "A: {word}"},
		{"an answer to nothing", head + "A>1: hello"},
		{"a reaction to nothing", head + "A: hello\n+2 👍 B"},
		{"a slip that is nowhere", head + "A: hello\n!edit 1 helo=>hullo"},
		{"a line of no kind", head + "hello"},
		{"a range that goes back", head + "A: {n:9-3}"},
		{"an unknown order", head + "A: hello\n!burn 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseBook(c.text); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestPicturesAreWhatTheyAreCalled(t *testing.T) {
	for kind := range pictures {
		name, content, err := paint(kind, newRand(1))
		must(t, err)
		info, err := media.Probe(ctx, bytes.NewReader(content), int64(len(content)), media.DefaultLimits())
		if err != nil || info.Width != 960 || info.Height != 600 || !strings.HasSuffix(name, map[media.Format]string{media.JPEG: ".jpg", media.PNG: ".png"}[info.Format]) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		_, again, err := paint(kind, newRand(1))
		if err != nil || !bytes.Equal(content, again) {
			t.Errorf("%s is another one each time", name)
		}
	}
	face, err := avatar(newRand(1))
	must(t, err)
	if img, _, err := image.Decode(bytes.NewReader(face)); err != nil || img.Bounds().Dx() != 256 {
		t.Errorf("avatar: %v", err)
	}
}

func FuzzScript(f *testing.F) {
	f.Add("filler = a | b | c\nword = x | y | z\n---\nA: {word} {n:1-3} {@B}\nB>1[sea]: yes\\nno\n+1 👍 A?\n!edit 1 a=>b\n!pin 1\n...\n!delete 2\n---\nA: x")
	for _, p := range places {
		raw, err := scripts.ReadFile("scenes/" + p.book + ".txt")
		must(f, err)
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parseBook(text)
		if err != nil {
			return
		}
		for _, s := range b.scenes {
			turns := 0
			for _, st := range s.steps {
				if st.verb == say {
					turns++
				}
				if st.turn >= turns {
					t.Fatalf("%+v is about a text that comes later", st)
				}
			}
		}
	})
}
