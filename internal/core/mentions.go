package core

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/internal/chat"
)

// mentionPattern finds @name; what stands before it must not be part of a word or an address.
var mentionPattern = regexp.MustCompile(`(?:^|[^\pL\pN_@./])@([A-Za-z0-9_]{1,64})`)

// roleMentionPattern finds @&role.
var roleMentionPattern = regexp.MustCompile(`@&([A-Za-z0-9_]{1,64})`)

// maxRoleMentions bounds how many people one message mentions by their roles.
const maxRoleMentions = 1000

// codePattern finds what is quoted as code, where an @ means nothing.
var codePattern = regexp.MustCompile("(?s)```.*?(?:```|$)|`[^`\n]*`")

// everyoneWords are the names that mean all members of the room.
var everyoneWords = []string{"everyone", "room", "here"}

// mentions finds the members that a text speaks to. Names of people who are not in the room mean nothing, so that a
// mention tells nobody of a room they cannot see. Mentioning everyone needs the right to; without it the word is just text.
func (c *Core) mentions(ctx context.Context, s *seat, content string) (users []chat.UserID, everyone bool, err error) {
	if strings.IndexByte(content, '@') < 0 {
		return nil, false, nil
	}
	var names []string
	for _, m := range mentionPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(content, " "), -1) {
		name := strings.ToLower(m[1])
		if slices.Contains(everyoneWords, name) {
			everyone = everyone || s.user == nil || s.decide(chat.CanMentionAll, c.now()) == nil
		} else if !slices.Contains(names, name) && len(names) < maxMentions {
			names = append(names, name)
		}
	}
	holders, all, err := c.roleMentions(ctx, s, content)
	if err != nil {
		return nil, false, err
	}
	if everyone || all {
		users, err = c.Store.MemberIDs(ctx, s.room.ID)
		return users, true, err
	}
	if len(names) == 0 {
		return holders, false, nil
	}
	named, err := c.Store.UsersByName(ctx, names)
	if err != nil || len(named) == 0 {
		return holders, false, err
	}
	ids := make([]chat.UserID, len(named))
	for i, u := range named {
		ids[i] = u.ID
	}
	members, err := c.Store.MembersAmong(ctx, s.room.ID, ids)
	if err != nil {
		return nil, false, err
	}
	for _, name := range names { // in the order they stand in the text
		for _, u := range named {
			if strings.EqualFold(u.Username, name) && (slices.ContainsFunc(members, func(m chat.Member) bool { return m.UserID == u.ID }) || c.readsQuietly(ctx, s, u.ID)) {
				users = append(users, u.ID)
			}
		}
	}
	for _, u := range holders {
		if !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	return users, false, nil
}

// roleMentions finds the members of the room who have a role that a text mentions as @&role. The role of everyone is a mention of
// all, which needs the right to.
func (c *Core) roleMentions(ctx context.Context, s *seat, content string) (users []chat.UserID, all bool, err error) {
	found := roleMentionPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(content, " "), -1)
	if len(found) == 0 {
		return nil, false, nil
	}
	table, err := c.roleTable(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, role := range table {
		if !slices.ContainsFunc(found, func(m []string) bool { return strings.EqualFold(m[1], role.Name) }) {
			continue
		}
		if role.ID == chat.RoleUser {
			all = all || s.user == nil || s.decide(chat.CanMentionAll, c.now()) == nil
			continue
		}
		for page := (chat.Page{Limit: 100}); len(users) < maxRoleMentions; {
			holders, next, err := c.Store.ListUsers(ctx, UserQuery{Rank: string(role.ID), Page: page})
			if err != nil {
				return nil, false, err
			}
			for _, u := range holders {
				if !slices.Contains(users, u.ID) {
					users = append(users, u.ID)
				}
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
	}
	if all || len(users) == 0 {
		return nil, all, nil
	}
	members, err := c.Store.MembersAmong(ctx, s.room.ID, users)
	if err != nil {
		return nil, false, err
	}
	slices.Sort(users)
	return slices.DeleteFunc(users, func(u chat.UserID) bool {
		return !slices.ContainsFunc(members, func(m chat.Member) bool { return m.UserID == u }) && !c.readsQuietly(ctx, s, u)
	}), false, nil
}

// readsQuietly reports whether somebody who is no member of a room of the server may read it all the same.
func (c *Core) readsQuietly(ctx context.Context, s *seat, user chat.UserID) bool {
	if !s.room.Official {
		return false
	}
	_, err := c.allow(ctx, chat.Actor{UserID: user}, chat.CanRead, s.room.ID)
	return err == nil
}

// notify says who is told of a message: the mentioned, the author of the message replied to, the other person of a direct
// room. Once each, never the sender, nobody who muted the room and nobody who blocked the sender.
func (c *Core) notify(ctx context.Context, s *seat, d *chat.Draft, parent *chat.Message) ([]chat.Notification, error) {
	kinds := map[chat.UserID]chat.NotificationType{}
	for _, u := range d.Mentions {
		kinds[u] = chat.NotifyMention
	}
	if parent != nil && parent.SenderID != "" && kinds[parent.SenderID] == "" {
		kinds[parent.SenderID] = chat.NotifyReply
	}
	if s.room.Type == chat.Direct {
		for _, u := range s.room.DirectPair {
			if kinds[u] == "" {
				kinds[u] = chat.NotifyDirect
			}
		}
	}
	delete(kinds, d.SenderID)
	if len(kinds) == 0 {
		return nil, nil
	}
	ids := make([]chat.UserID, 0, len(kinds))
	for u := range kinds {
		ids = append(ids, u)
	}
	slices.Sort(ids)
	members, err := c.Store.MembersAmong(ctx, s.room.ID, ids)
	if err != nil {
		return nil, err
	}
	for _, u := range ids {
		if !slices.ContainsFunc(members, func(m chat.Member) bool { return m.UserID == u }) && c.readsQuietly(ctx, s, u) {
			members = append(members, chat.Member{UserID: u, Notify: chat.NotifyAll})
		}
	}
	blockers, err := c.Store.BlockersOf(ctx, d.SenderID)
	if err != nil {
		return nil, err
	}
	list := make([]chat.Notification, 0, len(members))
	for _, m := range members {
		muted := m.Notify == chat.NotifyMuted || m.Notify == chat.NotifyMentions && kinds[m.UserID] == chat.NotifyDirect
		if muted || slices.Contains(blockers, m.UserID) {
			continue
		}
		list = append(list, chat.Notification{
			UserID: m.UserID, Type: kinds[m.UserID], Title: c.roomTitle(s), Content: excerpt(d, s.room.Encrypted), RoomID: d.RoomID, ActorID: d.SenderID, Actor: s.user,
			Severity: chat.SeverityInfo, CreatedAt: d.At, ExpiresAt: c.notificationExpiry(d.At),
		})
	}
	return list, nil
}

func (c *Core) roomTitle(s *seat) string {
	if s.room.Type == chat.Direct && s.user != nil {
		return s.user.DisplayName
	}
	return s.room.Name
}

// excerpt is the beginning of a message as a notification shows it.
func excerpt(d *chat.Draft, encrypted bool) string {
	if encrypted {
		return "New encrypted message"
	}
	text := strings.Join(strings.Fields(d.Content), " ")
	switch {
	case text != "":
	case d.Poll != nil:
		text = d.Poll.Question
	case d.Extras != nil && len(d.Extras.Embeds) > 0:
		if e, err := ParseEmbed(d.Extras.Embeds[0]); err == nil {
			text = strings.Join(strings.Fields(cmp.Or(e.Title, e.Description)), " ")
		}
	default:
		text = "Sent a file"
	}
	if d.Extras != nil && d.Extras.Author != nil {
		text = d.Extras.Author.Name + ": " + text
	}
	return truncate(text, 200)
}

// truncate cuts a text to n characters and marks that it did.
func truncate(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

var linkPattern = regexp.MustCompile(`https?://[^\s<>"'\x60\\^{}|]+`)

// maxLinks is how many addresses of one message are kept.
const maxLinks = 5

// maxPictures is how many pictures of other sites a message can show.
const maxPictures = 12

// linksOf lists what is to be found out for a message: the pages that its text links to, then the pictures that its embeds and
// its author show.
func linksOf(content string, embeds []Embed, author *chat.Author) []chat.Link {
	links := findLinks(content)
	var urls []string
	if author != nil {
		urls = append(urls, author.AvatarURL)
	}
	for i := range embeds {
		urls = append(urls, embeds[i].pictures()...)
	}
	n := 0
	for _, url := range urls {
		if !WebAddress(url) || n == maxPictures || slices.ContainsFunc(links, func(l chat.Link) bool { return l.Picture && l.URL == url }) {
			continue
		}
		links = append(links, chat.Link{Picture: true, URL: url})
		n++
	}
	return links
}

// findLinks lists the web addresses in a text, without what usually only follows one.
func findLinks(content string) []chat.Link {
	if !strings.Contains(content, "://") {
		return nil
	}
	var links []chat.Link
	for _, url := range linkPattern.FindAllString(codePattern.ReplaceAllString(content, " "), -1) {
		url = strings.TrimRight(url, ".,;:!?*_~")
		for strings.HasSuffix(url, ")") && strings.Count(url, "(") < strings.Count(url, ")") {
			url = strings.TrimRight(url[:len(url)-1], ".,;:!?*_~")
		}
		if len(url) > 2048 || len(url) <= len("https://") || slices.ContainsFunc(links, func(l chat.Link) bool { return l.URL == url }) {
			continue
		}
		if links = append(links, chat.Link{URL: url}); len(links) == maxLinks {
			break
		}
	}
	return links
}

// isBlank tells what may be trimmed from the ends of a text: spaces and characters that show nothing.
func isBlank(r rune) bool {
	switch r {
	case '\u200b', '\u2060', '\ufeff', '\u180e', '\u3164', '\u2800':
		return true
	}
	return unicode.IsSpace(r)
}

func isControl(r rune) bool { return unicode.IsControl(r) }
