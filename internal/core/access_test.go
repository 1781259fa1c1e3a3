package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// matrix says for each room and actor which rights there are; what a line does not list is refused. "members" and the like
// stand for the groups below.
const matrix = `
public       stranger        see join
public       invited         see join
public       member          see join + members
public       admin           see join + members admins
public       owner           see join + members admins owners
public       server-mod      see join read delete pin manage_threads manage_members
public       server-admin    see join read delete pin manage_threads manage_members manage_room invite set_roles mention_all
public       server-owner    see join read delete manage_threads pin manage_members manage_room invite set_roles mention_all transfer delete_room
public       mod-member      see join + members delete manage_threads pin manage_members

of-an-admin  stranger        see join
of-an-admin  member          see join + members
of-an-admin  admin           see join + members admins
of-an-admin  server-mod      see join
of-an-admin  server-admin    see join
of-an-admin  server-owner    see join read delete manage_threads pin manage_members manage_room invite set_roles mention_all transfer delete_room
of-an-admin  mod-member      see join + members

of-server    stranger        see join + members
of-server    member          see join + members
of-server    admin           see join + members admins
of-server    server-mod      see join + members delete pin manage_threads manage_members
of-server    server-admin    see join + members delete pin manage_threads manage_members manage_room invite set_roles mention_all
of-server    server-owner    see join + members admins owners

private      stranger
private      invited         see join
private      member          see + members
private      admin           see + members admins
private      owner           see + members admins owners
private      server-mod
private      server-admin
private      server-owner
private      mod-member      see + members

direct       stranger
direct       member          see + members pin
direct       server-mod
direct       server-admin
direct       server-owner
direct       mod-member      see + members pin

archived     stranger        see
archived     invited         see join
archived     member          see + kept
archived     admin           see + kept delete manage_threads invite manage_members manage_room
archived     owner           see + kept delete manage_threads invite manage_members manage_room owners
archived     server-mod      see read delete manage_threads manage_members
archived     server-admin    see join read delete manage_threads manage_members manage_room invite set_roles
archived     server-owner    see join read delete manage_threads manage_members manage_room invite set_roles transfer delete_room

separator    stranger        see join
separator    member          see join + kept
separator    owner           see join + kept delete manage_threads invite manage_members manage_room owners
`

var rightGroups = map[string]string{
	"+":       "",
	"members": "read send react attach report edit delete_own create_thread",
	"kept":    "read report delete_own", // of what members may, where nothing can be said
	"admins":  "delete pin manage_threads invite manage_members manage_room mention_all",
	"owners":  "set_roles transfer delete_room",
}

// seatFor makes the snapshot that the rules would read of an actor in a room of the matrix.
func seatFor(room, actor string) *seat {
	s := &seat{user: &chat.User{ID: "actor", Roles: []chat.RoleID{chat.RoleUser}}}
	switch room {
	case "public":
		s.room = chat.Room{ID: 1, Type: chat.Public, OwnerID: "owner"}
		s.owner = &chat.User{ID: "owner"}
	case "of-an-admin":
		s.room = chat.Room{ID: 1, Type: chat.Public, OwnerID: "owner"}
		s.owner = &chat.User{ID: "owner", Rank: chat.RankAdmin}
	case "of-server":
		s.room = chat.Room{ID: 1, Type: chat.Public, Official: true}
	case "private":
		s.room = chat.Room{ID: 1, Type: chat.Private, OwnerID: "owner"}
		s.owner = &chat.User{ID: "owner"}
	case "direct":
		s.room = chat.Room{ID: 1, Type: chat.Direct, DirectPair: [2]chat.UserID{"actor", "other"}}
	case "archived":
		s.room = chat.Room{ID: 1, Type: chat.Public, OwnerID: "owner", Archived: true}
		s.owner = &chat.User{ID: "owner"}
	case "separator":
		s.room = chat.Room{ID: 1, Type: chat.Public, OwnerID: "owner", Form: chat.Separator}
		s.owner = &chat.User{ID: "owner"}
	}
	rank, ranked := map[string]chat.Rank{
		"server-mod": chat.RankModerator, "mod-member": chat.RankModerator, "server-admin": chat.RankAdmin, "server-owner": chat.RankOwner,
	}[actor]
	if ranked {
		s.user.Rank = rank
	}
	role := map[string]chat.RoomRole{"member": chat.RoomMember, "mod-member": chat.RoomMember, "admin": chat.RoomAdmin, "owner": chat.RoomOwner}[actor]
	if role != chat.RoomNone {
		s.member = &chat.Member{RoomID: 1, UserID: "actor", Role: role}
	}
	if role == chat.RoomOwner {
		s.room.OwnerID = "actor"
	}
	s.invited = actor == "invited"
	return s
}

func expand(words string) (rights []chat.Right) {
	for _, word := range strings.Fields(words) {
		if group, ok := rightGroups[word]; ok {
			rights = append(rights, expand(group)...)
		} else {
			rights = append(rights, chat.Right(word))
		}
	}
	return rights
}

func TestMatrix(t *testing.T) {
	for line := range strings.Lines(matrix) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		t.Run(fields[0]+"/"+fields[1], func(t *testing.T) {
			s := seatFor(fields[0], fields[1])
			want := expand(strings.Join(fields[2:], " "))
			for _, right := range want {
				if !slices.Contains(chat.Rights(), right) {
					t.Fatalf("there is no right %q", right)
				}
			}
			for _, right := range chat.Rights() {
				err := s.decide(right, noon)
				if (err == nil) != slices.Contains(want, right) {
					t.Errorf("%s: %v", right, err)
				}
				if err == nil {
					continue
				}
				code, e := chat.CodeOf(err), chat.AsError(err)
				if len(want) == 0 && (code != "room_not_found" || e.Kind != chat.NotFound) {
					t.Errorf("%s tells of a room that must not be known: %v", right, err)
				}
				if len(want) > 0 && e.Kind != chat.Forbidden {
					t.Errorf("%s: kind %v", right, e.Kind)
				}
				if (s.member != nil || len(want) == 0) && code == "not_a_member" {
					t.Errorf("%s: %v", right, err)
				}
			}
		})
	}
}

// TestRefusalCodes names the refusals that a dialect shows, in the order in which they are found.
func TestRefusalCodes(t *testing.T) {
	for _, tc := range []struct {
		name        string
		room, actor string
		change      func(*seat)
		right       chat.Right
		code        string
	}{
		{"who is not in a public room is told to join it", "public", "stranger", nil, chat.CanSend, "not_a_member"},
		{"what only admins may is refused by its own name", "public", "member", nil, chat.CanPin, "pin_forbidden"},
		{"what only owners may is refused by its own name", "public", "admin", nil, chat.CanDeleteRoom, "delete_room_forbidden"},
		{"a private room is not known to strangers", "private", "stranger", nil, chat.CanRead, "room_not_found"},
		{"not even to the server's owner", "private", "server-owner", nil, chat.CanRead, "room_not_found"},
		{"an invited person may know of it", "private", "invited", nil, chat.CanSee, ""},
		{"but reads nothing before joining", "private", "invited", nil, chat.CanRead, "not_a_member"},
		{"nothing is said in an archive", "archived", "member", nil, chat.CanSend, "room_archived"},
		{"nobody joins an archive", "archived", "stranger", nil, chat.CanJoin, "join_forbidden"},
		{"nothing is said in a separator", "separator", "member", nil, chat.CanSend, "room_not_text"},
		{"a direct room has no settings", "direct", "member", nil, chat.CanManageRoom, "manage_room_forbidden"},
		{"nobody is invited to a direct room", "direct", "member", nil, chat.CanInvite, "invite_forbidden"},
		{"a direct room is not for others", "direct", "server-owner", nil, chat.CanRead, "room_not_found"},
		{"a blocked person writes no direct message", "direct", "member", func(s *seat) { s.blocked = true }, chat.CanSend, "blocked"},
		{"nor reacts to one", "direct", "member", func(s *seat) { s.blocked = true }, chat.CanReact, "blocked"},
		{"but reads what there is", "direct", "member", func(s *seat) { s.blocked = true }, chat.CanRead, ""},
		{"and deletes their own", "direct", "member", func(s *seat) { s.blocked = true }, chat.CanDeleteOwn, ""},
		{"a muted person writes nothing", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanSend, "muted"},
		{"nor reacts", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanReact, "muted"},
		{"nor edits", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanEditOwn, "muted"},
		{"but reads", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanRead, ""},
		{"and reports", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanReport, ""},
		{"and takes back what they said", "public", "member", sanctioned(chat.Mute, 1, time.Hour), chat.CanDeleteOwn, ""},
		{"a muted admin still manages members", "public", "admin", sanctioned(chat.Mute, 1, time.Hour), chat.CanManageMembers, ""},
		{"a mute without end has none", "public", "member", sanctioned(chat.Mute, 1, 0), chat.CanSend, "muted"},
		{"a mute that is over is over", "public", "member", sanctioned(chat.Mute, 1, -time.Second), chat.CanSend, ""},
		{"a lifted mute is over", "public", "member", lifted(sanctioned(chat.Mute, 1, 0)), chat.CanSend, ""},
		{"a mute on the server holds in direct rooms", "direct", "member", sanctioned(chat.Mute, 0, time.Hour), chat.CanSend, "muted"},
		{"a banned person reads nothing", "public", "member", sanctioned(chat.Ban, 1, time.Hour), chat.CanRead, "banned"},
		{"nor joins", "public", "stranger", sanctioned(chat.Ban, 1, 0), chat.CanJoin, "banned"},
		{"not even by invitation", "private", "invited", sanctioned(chat.Ban, 1, 0), chat.CanJoin, "banned"},
		{"a ban that is over is over", "public", "stranger", sanctioned(chat.Ban, 1, -time.Second), chat.CanJoin, ""},
		{"a ban on the server holds in all rooms", "direct", "member", sanctioned(chat.Ban, 0, 0), chat.CanRead, "banned"},
		{"a banned room admin manages nothing", "public", "admin", sanctioned(chat.Ban, 1, 0), chat.CanManageRoom, "banned"},
		{"a timed-out person reads nothing", "public", "member", sanctioned(chat.Timeout, 1, time.Minute), chat.CanRead, "timed_out"},
		{"until it is over", "public", "member", sanctioned(chat.Timeout, 1, -time.Minute), chat.CanRead, ""},
		{"a warning takes nothing", "public", "member", sanctioned(chat.Warning, 1, 0), chat.CanSend, ""},
		{"a ban says so before a mute does", "public", "member", both(sanctioned(chat.Mute, 1, 0), sanctioned(chat.Ban, 1, 0)), chat.CanSend, "banned"},
		{"a sanction does not make a hidden room known", "private", "stranger", sanctioned(chat.Ban, 1, 0), chat.CanRead, "room_not_found"},

		{"a grant gives a member more", "public", "member", granted(chat.CanPin, true, 0), chat.CanPin, ""},
		{"a grant for a while ends", "public", "member", granted(chat.CanPin, true, -time.Second), chat.CanPin, "pin_forbidden"},
		{"a denial takes what all members have", "public", "member", granted(chat.CanSend, false, 0), chat.CanSend, "send_forbidden"},
		{"a denial for a while ends", "public", "member", granted(chat.CanSend, false, -time.Second), chat.CanSend, ""},
		{"a denial binds an admin", "public", "admin", granted(chat.CanPin, false, 0), chat.CanPin, "pin_forbidden"},
		{"a denial binds a server admin", "public", "server-admin", granted(chat.CanDelete, false, 0), chat.CanDelete, "delete_forbidden"},
		{"a denial does not bind the owner", "public", "owner", granted(chat.CanPin, false, 0), chat.CanPin, ""},
		{"a grant does not lift a mute", "public", "member", both(granted(chat.CanSend, true, 0), sanctioned(chat.Mute, 1, 0)), chat.CanSend, "muted"},
		{"a stranger can be let see a private room", "private", "stranger", granted(chat.CanSee, true, 0), chat.CanSee, ""},
		{"and read it", "private", "stranger", both(granted(chat.CanSee, true, 0), granted(chat.CanRead, true, 0)), chat.CanRead, ""},
		{"but reading alone shows no hidden room", "private", "stranger", granted(chat.CanRead, true, 0), chat.CanRead, "room_not_found"},
		{"a person can be kept from joining", "public", "stranger", granted(chat.CanJoin, false, 0), chat.CanJoin, "join_forbidden"},
		{"grants mean nothing in direct rooms", "direct", "member", granted(chat.CanInvite, true, 0), chat.CanInvite, "invite_forbidden"},
		{"and no stranger gets into one", "direct", "stranger", granted(chat.CanRead, true, 0), chat.CanRead, "room_not_found"},

		{"a list of senders replaces what members may", "public", "member", listed(chat.CanSend, "herald"), chat.CanSend, "send_forbidden"},
		{"who has a role on it may send", "public", "member", both(listed(chat.CanSend, "herald"), roles("herald")), chat.CanSend, ""},
		{"the room's admins may send without", "public", "admin", listed(chat.CanSend, "herald"), chat.CanSend, ""},
		{"a list can let a role do what admins may", "public", "member", both(listed(chat.CanPin, "herald"), roles("herald")), chat.CanPin, ""},
		{"a list can shut a role out", "public", "member", both(listed(chat.CanReact, "!herald"), roles("herald")), chat.CanReact, "react_forbidden"},
		{"the first of the person's roles that is listed decides", "public", "member", both(listed(chat.CanSend, "!loud", "herald"), roles("herald", "loud")), chat.CanSend, ""},
		{"whichever comes first for them", "public", "member", both(listed(chat.CanSend, "!loud", "herald"), roles("loud", "herald")), chat.CanSend, "send_forbidden"},
		{"a personal grant goes before a list", "public", "member", both(both(listed(chat.CanSend, "!herald"), roles("herald")), granted(chat.CanSend, true, 0)), chat.CanSend, ""},
		{"a list of who sees hides a public room", "public", "stranger", listed(chat.CanSee, "herald"), chat.CanJoin, "room_not_found"},
		{"from nobody on it", "public", "stranger", both(listed(chat.CanSee, "herald"), roles("herald")), chat.CanJoin, ""},
		{"nor from the server's admins", "public", "server-admin", listed(chat.CanSee, "herald"), chat.CanManageRoom, ""},
		{"nor from its members", "public", "member", listed(chat.CanSee, "herald"), chat.CanSend, ""},
		{"a list of who joins replaces everybody", "public", "stranger", listed(chat.CanJoin, "herald"), chat.CanJoin, "join_forbidden"},
		{"who is on it joins", "public", "stranger", both(listed(chat.CanJoin, "herald"), roles("herald")), chat.CanJoin, ""},
		{"a list can let strangers read a public room", "public", "stranger", listed(chat.CanRead, "user"), chat.CanRead, ""},
		{"a list does not bind the owner", "public", "owner", both(listed(chat.CanSend, "!herald"), roles("herald")), chat.CanSend, ""},
		{"lists mean nothing in direct rooms", "direct", "member", listed(chat.CanSend, "herald"), chat.CanSend, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := seatFor(tc.room, tc.actor)
			if tc.change != nil {
				tc.change(s)
			}
			if err := s.decide(tc.right, noon); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
}

// sanctioned adds a sanction that holds for d from noon on; 0 is without end, less than 0 is over.
func sanctioned(kind chat.SanctionKind, room chat.RoomID, d time.Duration) func(*seat) {
	return func(s *seat) {
		x := chat.Sanction{Kind: kind, RoomID: room, UserID: s.user.ID, CreatedAt: noon.Add(-time.Hour)}
		if d != 0 {
			x.Until = noon.Add(d)
		}
		s.sanctions = append(s.sanctions, x)
	}
}

func lifted(add func(*seat)) func(*seat) {
	return func(s *seat) {
		add(s)
		s.sanctions[len(s.sanctions)-1].LiftedAt = noon.Add(-time.Minute)
	}
}

func granted(right chat.Right, allow bool, d time.Duration) func(*seat) {
	return func(s *seat) {
		g := chat.Grant{RoomID: 1, UserID: s.user.ID, Right: right, Allow: allow}
		if d != 0 {
			g.Until = noon.Add(d)
		}
		s.grants = append(s.grants, g)
	}
}

// listed adds the role list of a right; a name with ! is denied.
func listed(right chat.Right, names ...string) func(*seat) {
	return func(s *seat) {
		l := chat.RoleList{RoomID: 1, Right: right}
		for _, name := range names {
			role, deny := strings.CutPrefix(name, "!")
			l.Roles = append(l.Roles, chat.RoleEntry{RoleID: chat.RoleID(role), Deny: deny})
		}
		s.lists = append(s.lists, l)
	}
}

// roles gives the person roles above "user".
func roles(names ...chat.RoleID) func(*seat) {
	return func(s *seat) { s.user.Roles = append(names, s.user.Roles...) }
}

func both(a, b func(*seat)) func(*seat) {
	return func(s *seat) {
		a(s)
		b(s)
	}
}

func TestTheLongestSanctionIsNamed(t *testing.T) {
	s := seatFor("public", "member")
	sanctioned(chat.Mute, 1, time.Hour)(s)
	sanctioned(chat.Mute, 0, 2*time.Hour)(s)
	sanctioned(chat.Mute, 1, time.Minute)(s)
	s.sanctions[1].Reason = "shouting"
	if err := s.decide(chat.CanSend, noon); !strings.HasSuffix(err.Error(), "until 2026-03-01 14:00 UTC. Reason: shouting") {
		t.Error(err)
	}
	sanctioned(chat.Mute, 1, 0)(s)
	if err := s.decide(chat.CanSend, noon); strings.Contains(err.Error(), "until") {
		t.Error(err)
	}
}

func TestStandingAbove(t *testing.T) {
	for _, tc := range []struct {
		name                string
		room, actor, target string
		code                string
	}{
		{"nobody acts on themselves", "public", "admin", "self", "target_is_self"},
		{"an admin acts on members", "public", "admin", "member", ""},
		{"an admin acts on strangers", "public", "admin", "stranger", ""},
		{"an admin does not act on admins", "public", "admin", "admin", "target_above"},
		{"an admin does not act on the owner", "public", "admin", "owner", "target_above"},
		{"an admin does not act on a member of higher rank", "public", "admin", "mod-member", "target_above"},
		{"the owner acts on admins", "public", "owner", "admin", ""},
		{"the owner acts on a member of higher rank", "public", "owner", "mod-member", ""},
		{"a member acts on nobody", "public", "member", "stranger", "target_above"},
		{"a moderator of the server acts on members", "public", "server-mod", "member", ""},
		{"and on the room's admins", "public", "server-mod", "admin", ""},
		{"but not on its owner", "public", "server-mod", "owner", "target_above"},
		{"nor on other moderators", "public", "server-mod", "mod-member", "target_above"},
		{"an admin of the server acts on its moderators", "public", "server-admin", "mod-member", ""},
		{"but not on admins of the server", "public", "server-admin", "server-admin", "target_above"},
		{"owners of the server act on each other", "public", "server-owner", "server-owner", ""},
		{"ranks mean nothing in private rooms", "private", "mod-member", "member", "target_above"},
		{"there the room's admins act on members", "private", "admin", "member", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := seatFor(tc.room, tc.actor)
			if tc.target == "self" {
				if err := s.above(s); chat.CodeOf(err) != tc.code {
					t.Errorf("%v, want %q", err, tc.code)
				}
				return
			}
			target := seatFor(tc.room, tc.target)
			target.user.ID = "target"
			if target.member != nil {
				target.member.UserID = "target"
			}
			if tc.target == "owner" {
				s.room.OwnerID = "target"
			}
			if err := s.above(target); chat.CodeOf(err) != tc.code {
				t.Errorf("%v, want %q", err, tc.code)
			}
		})
	}
}

func TestSeatsAreDropped(t *testing.T) {
	at := func(user chat.UserID, room chat.RoomID) seatKey { return seatKey{user, room} }
	for _, tc := range []struct {
		name string
		ev   chat.Event
		left []seatKey
	}{
		{"a message drops nothing", chat.MessageCreated{Message: &chat.Message{RoomID: 1}}, []seatKey{at("a", 1), at("a", 2), at("b", 1)}},
		{"typing drops nothing", chat.Typing{RoomID: 1, UserID: "a"}, []seatKey{at("a", 1), at("a", 2), at("b", 1)}},
		{"leaving drops the one who left", chat.MemberLeft{RoomID: 1, UserID: "a"}, []seatKey{at("a", 2), at("b", 1)}},
		{"joining drops the one who joined", chat.MemberJoined{Member: chat.Member{RoomID: 1, UserID: "a"}}, []seatKey{at("a", 2), at("b", 1)}},
		{"a changed role drops the member", chat.MemberChanged{Member: chat.Member{RoomID: 1, UserID: "b"}}, []seatKey{at("a", 1), at("a", 2)}},
		{"a changed room drops its people", chat.RoomChanged{Room: chat.Room{ID: 1}}, []seatKey{at("a", 2)}},
		{"a deleted room drops its people", chat.RoomDeleted{RoomID: 1}, []seatKey{at("a", 2)}},
		{"a changed person drops them everywhere", chat.UserChanged{User: &chat.User{ID: "a"}}, []seatKey{at("b", 1)}},
		{"a changed owner drops those who rank against them", chat.UserChanged{User: &chat.User{ID: "owner"}}, []seatKey{at("a", 1), at("a", 2)}},
		{"a sanction in a room drops them there", chat.SanctionChanged{Sanction: chat.Sanction{RoomID: 2, UserID: "a"}}, []seatKey{at("a", 1), at("b", 1)}},
		{"a sanction on the server drops them everywhere", chat.SanctionChanged{Sanction: chat.Sanction{UserID: "a"}}, []seatKey{at("b", 1)}},
		{"a block drops both", chat.BlockChanged{UserID: "b", BlockedID: "a"}, nil},
		{"changed lists drop the room", chat.RolesChanged{RoomID: 2}, []seatKey{at("a", 1), at("b", 1)}},
		{"changed roles drop all", chat.RolesChanged{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newSeatCache()
			c.keep(at("a", 1), 0, &seat{})
			c.keep(at("a", 2), 0, &seat{})
			c.keep(at("b", 1), 0, &seat{owner: &chat.User{ID: "owner"}})
			c.apply(tc.ev)
			var left []seatKey
			for _, k := range []seatKey{at("a", 1), at("a", 2), at("b", 1)} {
				if s, _ := c.get(k); s != nil {
					left = append(left, k)
				}
			}
			if !slices.Equal(left, tc.left) || c.size != len(left) {
				t.Errorf("left %v of size %d, want %v", left, c.size, tc.left)
			}
			dropped := len(tc.left) < 3
			if c.keep(at("c", 9), 0, &seat{}); dropped {
				if s, _ := c.get(at("c", 9)); s != nil {
					t.Error("a snapshot read before the event was kept after it")
				}
			}
		})
	}
}
