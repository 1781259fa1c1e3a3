package core_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func (w *world) linkCode(by chat.Actor) string {
	w.Helper()
	made, err := w.MakeLinkCode(w.ctx, by)
	w.must(err)
	return made.Code
}

func actorOf(u *chat.User) chat.Actor { return chat.Actor{UserID: u.ID, Address: "192.0.2.9"} }

// ways lists an account's ways of logging in, as "provider name", with "!" for those that stay.
func (w *world) ways(by chat.Actor) (list []string) {
	w.Helper()
	ways, err := w.LoginWays(w.ctx, by)
	w.must(err)
	for _, l := range ways {
		s := l.Provider + " " + l.Name
		if l.Only {
			s += "!"
		}
		list = append(list, s)
	}
	return list
}

func TestLinkingAFreshAccountElsewhere(t *testing.T) {
	for _, shows := range []string{"the one with a password", "the one from elsewhere"} {
		t.Run(shows, func(t *testing.T) {
			w := newAccounts(t)
			ada := w.actor(w.register("ada"))
			rotur := w.external("USR:1", "ada_l").User
			from, to := ada, actorOf(rotur)
			if shows == "the one from elsewhere" {
				from, to = to, from
			}
			code := w.linkCode(from)
			plan, err := w.LinkAccounts(w.ctx, to, code, false)
			w.must(err)
			if plan.Done || plan.Kept.ID != ada.UserID || plan.Gone.ID != rotur.ID || !plan.Deletes || len(plan.Moved) != 1 || plan.Moved[0].Name != "ada_l" {
				t.Errorf("plan %+v", plan)
			}
			if got := w.ways(ada); !slices.Equal(got, []string{"password ada!"}) {
				t.Errorf("before it is confirmed: %v", got)
			}
			w.told()
			link, err := w.LinkAccounts(w.ctx, to, " "+code[:4]+"-"+code[4:]+" ", true)
			w.must(err)
			if !link.Done || link.Kept.ID != ada.UserID || link.Kept.ExternalName != "ada_l" {
				t.Errorf("link %+v", link)
			}
			if got := w.ways(ada); !slices.Equal(got, []string{"password ada!", "rotur ada_l"}) {
				t.Errorf("ways %v", got)
			}
			if _, err := w.User(w.ctx, chat.Operator, rotur.ID); chat.CodeOf(err) != "user_not_found" {
				t.Errorf("the fresh account is still there: %v", err)
			}
			var revoked, changed bool
			for _, ev := range w.told() {
				switch e := ev.(type) {
				case chat.SessionRevoked:
					revoked = revoked || e.UserID == rotur.ID
				case chat.UserChanged:
					changed = changed || e.User.ID == ada.UserID && e.User.ExternalName == "ada_l"
				}
			}
			if !revoked || !changed {
				t.Errorf("told: revoked %v, changed %v", revoked, changed)
			}
			if in := w.external("USR:1", "ada_l"); in.Created || in.User.ID != ada.UserID {
				t.Errorf("logging in elsewhere is %+v", in)
			}
			_, err = w.LinkAccounts(w.ctx, to, code, true)
			if chat.CodeOf(err) == "" {
				t.Error("the code could be used twice")
			}
			entries, _, err := w.Audit(w.ctx, chat.Operator, chat.AuditFilter{Action: "user.link"}, chat.Page{Limit: 10})
			w.must(err)
			if len(entries) != 1 || entries[0].TargetID != string(ada.UserID) {
				t.Errorf("audit %+v", entries)
			}
		})
	}
}

func TestLinkingAnAccountThatWroteKeepsWhatItWrote(t *testing.T) {
	w := newAccounts(t)
	ada := w.actor(w.register("ada"))
	rotur := w.external("USR:1", "bob").User
	room := w.room("Lab", chat.Public, ada, actorOf(rotur))
	msg := w.say(actorOf(rotur), room, "I was here")
	code := w.linkCode(ada)
	plan, err := w.LinkAccounts(w.ctx, actorOf(rotur), code, false)
	w.must(err)
	if plan.Deletes {
		t.Error("an account that wrote would be deleted")
	}
	_, err = w.LinkAccounts(w.ctx, actorOf(rotur), code, true)
	w.must(err)
	old, err := w.User(w.ctx, chat.Operator, rotur.ID)
	w.must(err)
	if old.DisabledAt.IsZero() || old.ExternalName != "" {
		t.Errorf("the old account: %+v", old)
	}
	now, err := w.Message(w.ctx, ada, msg.ID)
	w.must(err)
	if now.SenderID != rotur.ID {
		t.Errorf("the message is %q's now", now.SenderID)
	}
	if in := w.external("USR:1", "bob"); in.User.ID != ada.UserID {
		t.Errorf("logging in elsewhere is %+v", in.User)
	}
}

func TestTwoAccountsWithoutAPassword(t *testing.T) {
	w := newAccounts(t)
	a := w.external("USR:1", "anna").User
	in, err := w.LogInExternal(w.ctx, core.Arrival{Address: "", Device: "OriginChats"}, core.External{Provider: "session", Subject: "05ab", Name: "05ab"})
	w.must(err)
	link, err := w.LinkAccounts(w.ctx, actorOf(in.User), w.linkCode(actorOf(a)), true)
	w.must(err)
	if link.Kept.ID != a.ID {
		t.Error("the account that showed the code is not the one that was kept")
	}
	if got := w.ways(actorOf(a)); !slices.Equal(got, []string{"rotur anna", "session 05ab"}) {
		t.Errorf("ways %v", got)
	}
}

func TestWhatCannotBeLinked(t *testing.T) {
	w := newAccounts(t)
	ada, olga := w.actor(w.register("ada")), w.actor(w.register("olga"))
	bob, eve := w.external("USR:1", "bob").User, w.external("USR:2", "eve").User
	link := func(by chat.Actor, code string) error {
		_, err := w.LinkAccounts(w.ctx, by, code, true)
		return err
	}
	w.want(link(ada, "nonsense"), "link_code_invalid")
	w.want(link(ada, ""), "link_code_invalid")
	own := w.linkCode(ada)
	w.want(link(ada, own), "link_same_account")
	w.want(link(olga, own), "link_passwords")
	w.want(link(actorOf(eve), w.linkCode(actorOf(bob))), "link_provider_taken")

	stale := w.linkCode(ada)
	fresh := w.linkCode(ada)
	w.want(link(actorOf(bob), stale), "link_code_invalid") // only the newest is good
	w.wait(11 * time.Minute)
	w.want(link(actorOf(bob), fresh), "link_code_invalid")

	_, err := w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Mute, UserID: bob.ID})
	w.must(err)
	w.want(link(actorOf(bob), w.linkCode(ada)), "link_sanctioned")
	_, err = w.SetRank(w.ctx, chat.Operator, eve.ID, chat.RankAdmin)
	w.must(err)
	w.want(link(actorOf(eve), w.linkCode(ada)), "link_rank")

	code := w.linkCode(ada)
	_, err = w.Sanction(w.ctx, chat.Operator, core.Measure{Kind: chat.Ban, UserID: ada.UserID})
	w.must(err)
	w.want(link(olga, code), "link_code_invalid") // who is banned has nothing to show
	_, err = w.MakeLinkCode(w.ctx, ada)
	w.want(err, "banned")
}

func TestCodesCannotBeGuessed(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) { o.Limits.LoginPerMinute = 1000 })
	ada := w.actor(w.register("ada"))
	for i := range 10 {
		if _, err := w.LinkAccounts(w.ctx, ada, "abcdefgh", true); chat.CodeOf(err) != "link_code_invalid" {
			t.Errorf("try %d: %v", i, err)
		}
	}
	_, err := w.LinkAccounts(w.ctx, ada, "abcdefgh", true)
	w.want(err, "rate_limited")
	olga := w.actor(w.register("olga"))
	for range 10 {
		_, err = w.MakeLinkCode(w.ctx, olga)
		w.must(err)
	}
	_, err = w.MakeLinkCode(w.ctx, olga)
	w.want(err, "rate_limited")
}

func TestOneCodeLinksOnce(t *testing.T) {
	w := newAccounts(t)
	ada := w.actor(w.register("ada"))
	code := w.linkCode(ada)
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		by := actorOf(w.external("USR:"+string(rune('a'+i)), "user"+string(rune('a'+i))).User)
		wg.Go(func() {
			if _, err := w.LinkAccounts(w.ctx, by, code, true); err == nil {
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if done.Load() != 1 {
		t.Errorf("%d accounts were linked by one code", done.Load())
	}
}

func TestUnlinking(t *testing.T) {
	w := newAccounts(t)
	l := w.register("ada")
	ada := w.actor(l)
	rotur := w.external("USR:1", "bob").User
	_, err := w.LinkAccounts(w.ctx, ada, w.linkCode(actorOf(rotur)), true)
	w.must(err)
	ways, err := w.LoginWays(w.ctx, ada)
	w.must(err)
	w.want(w.UnlinkAccount(w.ctx, ada, "nothing"), "login_way_not_found")
	w.want(w.UnlinkAccount(w.ctx, ada, ways[0].ID), "login_way_needed") // the password
	w.must(w.UnlinkAccount(w.ctx, ada, ways[1].ID))
	if got := w.ways(ada); !slices.Equal(got, []string{"password ada!"}) {
		t.Errorf("ways %v", got)
	}
	if _, err := w.Authenticate(w.ctx, l.Token, ""); err != nil {
		t.Errorf("the session in which it was done has ended: %v", err)
	}
	if me, err := w.Me(w.ctx, ada); err != nil || me.ExternalName != "" {
		t.Errorf("the name elsewhere is still there: %+v, %v", me, err)
	}
	again := w.external("USR:1", "bob")
	if !again.Created || again.User.ID == ada.UserID {
		t.Errorf("after that, logging in elsewhere is %+v", again)
	}
	only, err := w.LoginWays(w.ctx, actorOf(again.User))
	w.must(err)
	if len(only) != 1 || !only[0].Only {
		t.Errorf("the only way: %+v", only)
	}
	w.want(w.UnlinkAccount(w.ctx, actorOf(again.User), only[0].ID), "login_way_needed")
}

func TestTheLinkCommand(t *testing.T) {
	w := newAccounts(t)
	ada := w.actor(w.register("ada"))
	rotur := actorOf(w.external("USR:1", "bob").User)
	room := w.room("Lab", chat.Public, ada, rotur)
	run := func(by chat.Actor, args string) string {
		t.Helper()
		res, err := w.CallCommand(w.ctx, by, core.CommandRequest{RoomID: room, Name: "link", Args: []byte(args)})
		w.must(err)
		if res.Message != nil || !res.Silent {
			t.Errorf("an answer was posted: %+v", res)
		}
		return res.Private
	}
	if got := run(ada, `{}`); !strings.Contains(got, "has a password") {
		t.Errorf("with a password: %s", got)
	}
	shown := regexp.MustCompile(`\*\*([a-z2-9]{8})\*\*`).FindStringSubmatch(run(rotur, `{}`))
	if shown == nil {
		t.Fatal("no code is shown")
	}
	plan, err := w.LinkAccounts(w.ctx, ada, shown[1], false)
	w.must(err)
	if plan.Gone.ID != rotur.UserID {
		t.Errorf("plan %+v", plan)
	}
	code := w.linkCode(ada)
	if got := run(rotur, `{"code":"`+code+`"}`); !strings.Contains(got, "confirm: yes") {
		t.Errorf("before it is confirmed: %s", got)
	}
	if got := run(rotur, `{"code":"`+code+`","confirm":"yes"}`); !strings.Contains(got, "**ada** from now on") {
		t.Errorf("done: %s", got)
	}
	if in := w.external("USR:1", "bob"); in.User.ID != ada.UserID {
		t.Errorf("bob comes in as %s", in.User.Username)
	}
}
