package transfer

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/core"
)

// Bounds of a Slack export. Nothing of it is unpacked to disk: what is read is one day of one channel at a time.
const (
	slackEntries = 2_000_000
	slackEntry   = 128 << 20 // bytes of one file in it
	slackTotal   = 64 << 30  // bytes of all files that are read
	slackPart    = core.MaxContent - 500
)

// Slack is the source of an export of Slack: a zip with users.json, channels.json and <channel>/<day>.json. Its public
// channels become public rooms. size is the length of r.
func Slack(r io.ReaderAt, size int64) Source { return slack{r, size} }

type slack struct {
	r    io.ReaderAt
	size int64
}

// slackRun is one reading.
type slackRun struct {
	ctx      context.Context
	fn       func(*Record) error
	files    map[string]*zip.File
	total    int64
	users    map[string]string // usernames by id
	channels map[string]string // names by id
}

// Records implements Source. Fails with ErrDamaged.
func (s slack) Records(ctx context.Context, fn func(*Record) error) error {
	run := &slackRun{ctx: ctx, fn: fn, users: map[string]string{}, channels: map[string]string{}}
	if err := run.open(s); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, io.NewSectionReader(s.r, 0, s.size)}); err != nil {
		return err
	}
	header := &Header{Format: FormatName, Version: FormatVersion, Kind: KindSlack, ID: "slack-" + hex.EncodeToString(sum.Sum(nil))[:32], Server: "Slack"}
	if err := fn(&Record{Header: header}); err != nil {
		return err
	}
	if err := run.people(); err != nil {
		return err
	}
	return run.rooms()
}

// contextReader ends with the error of ctx once that is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// open reads the table of contents and refuses what no export of Slack has: names that lead out of a directory, links,
// two files of one name, files that are too large.
func (s *slackRun) open(z slack) error {
	dir, err := zip.NewReader(z.r, z.size)
	if err != nil {
		return damaged("it is no zip file: %v", err)
	}
	if len(dir.File) > slackEntries {
		return damaged("it has too many files")
	}
	s.files = make(map[string]*zip.File, len(dir.File))
	for _, f := range dir.File {
		if strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0 {
			continue
		}
		if !safeName(f.Name) || !f.Mode().IsRegular() {
			return damaged("the name %q is not one of an export", f.Name)
		}
		if f.UncompressedSize64 > slackEntry && strings.HasSuffix(f.Name, ".json") {
			return damaged("%q is too large", f.Name)
		}
		if s.files[f.Name] != nil {
			return damaged("%q is in it twice", f.Name)
		}
		s.files[f.Name] = f
	}
	if s.files["users.json"] == nil || s.files["channels.json"] == nil {
		return damaged("it has no users.json or no channels.json, as exports of Slack do")
	}
	return nil
}

// safeName tells names that stay within the directory an archive is unpacked to.
func safeName(name string) bool {
	return name != "" && path.Clean(name) == name && name[0] != '/' && name != ".." && !strings.HasPrefix(name, "../") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\\' || r == ':' || r == 0x7f })
}

// each calls fn for the elements of a file that is a JSON array, one by one.
func each[T any](s *slackRun, name string, fn func(*T) error) error {
	f := s.files[name]
	if f == nil {
		return nil
	}
	if s.total += int64(f.UncompressedSize64); s.total > slackTotal {
		return damaged("it unpacks to too much")
	}
	body, err := f.Open()
	if err != nil {
		return damaged("%s: %v", name, err)
	}
	defer body.Close()
	dec := json.NewDecoder(contextReader{s.ctx, io.LimitReader(body, slackEntry)})
	broken := func(err error) error {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		return damaged("%s: %v", name, err)
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return broken(cmp.Or(err, errors.New("this is no list")))
	}
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return broken(err)
		}
		if err := fn(&v); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return broken(err)
	}
	if _, err := io.Copy(io.Discard, io.MultiReader(dec.Buffered(), body)); err != nil { // the checksum is at the end
		return broken(err)
	}
	return nil
}

type slackUser struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	IsBot    bool   `json:"is_bot"`
	Profile  struct {
		DisplayName string `json:"display_name"`
		RealName    string `json:"real_name"`
		Title       string `json:"title"`
		Email       string `json:"email"`
		StatusText  string `json:"status_text"`
	} `json:"profile"`
}

func (s *slackRun) people() error {
	return each(s, "users.json", func(u *slackUser) error {
		if u.ID == "" {
			return damaged("users.json has somebody without an id")
		}
		kind := "person"
		if u.IsBot {
			kind = "bot"
		}
		return s.user(&User{ID: u.ID, Username: u.Name, Kind: kind, Bio: u.Profile.Title, Email: u.Profile.Email, StatusMessage: u.Profile.StatusText,
			DisplayName: cmp.Or(u.Profile.DisplayName, u.Profile.RealName, u.RealName, u.Name)})
	})
}

// user introduces somebody, once.
func (s *slackRun) user(u *User) error {
	if _, known := s.users[u.ID]; known {
		return nil
	}
	u.Username = username(cmp.Or(u.Username, u.ID))
	s.users[u.ID] = u.Username
	return s.fn(&Record{User: u})
}

type slackChannel struct {
	ID       string                         `json:"id"`
	Name     string                         `json:"name"`
	Created  int64                          `json:"created"`
	Creator  string                         `json:"creator"`
	Archived bool                           `json:"is_archived"`
	Members  []string                       `json:"members"`
	Topic    struct{ Value string }         `json:"topic"`
	Purpose  struct{ Value string }         `json:"purpose"`
	Pins     []struct{ ID, User, Type any } `json:"pins"`
}

var dayFile = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}\.json$`)

func (s *slackRun) rooms() error {
	var list []slackChannel
	err := each(s, "channels.json", func(c *slackChannel) error {
		if c.ID == "" || c.Name == "" {
			return damaged("channels.json has a channel without id or name")
		}
		s.channels[c.ID] = c.Name
		list = append(list, *c)
		return nil
	})
	if err != nil {
		return err
	}
	days := map[string][]string{}
	for name := range s.files {
		if dir, file := path.Split(name); dayFile.MatchString(file) {
			days[strings.TrimSuffix(dir, "/")] = append(days[strings.TrimSuffix(dir, "/")], name)
		}
	}
	for i, c := range list {
		slices.Sort(days[c.Name])
		if err := s.room(int64(i+1), c, days[c.Name]); err != nil {
			return err
		}
		delete(days, c.Name) // a second channel of the name has nothing
	}
	return nil
}

// room hands out a channel: settings, days in order, members.
func (s *slackRun) room(id int64, c slackChannel, days []string) error {
	created := time.Unix(c.Created, 0).UTC()
	err := s.fn(&Record{Room: &Room{ID: id, Slug: c.Name, Name: c.Name, Description: s.plain(c.Purpose.Value), Topic: s.plain(c.Topic.Value), Type: "public", Form: "text",
		Owner: c.Creator, CreatedBy: c.Creator, CreatedAt: created, Archived: c.Archived}})
	if err != nil {
		return err
	}
	ch := &slackRoom{slackRun: s, id: id, pins: map[int64]string{}}
	for _, p := range c.Pins {
		if ts, ok := p.ID.(string); ok {
			if at := slackTime(ts); at != 0 {
				by, _ := p.User.(string)
				ch.pins[at] = by
			}
		}
	}
	for _, day := range days {
		if err := ch.day(day); err != nil {
			return err
		}
	}
	for _, m := range c.Members {
		role := "member"
		if m == c.Creator {
			role = "owner"
		}
		if err := s.fn(&Record{Member: &Member{Room: id, User: m, Role: role, JoinedAt: created}}); err != nil {
			return err
		}
	}
	return nil
}

// slackRoom is a channel that is being read.
type slackRoom struct {
	*slackRun
	id   int64
	last int64
	pins map[int64]string
}

type slackMessage struct {
	Type     string `json:"type"`
	Subtype  string `json:"subtype"`
	User     string `json:"user"`
	BotID    string `json:"bot_id"`
	Username string `json:"username"`
	Text     string `json:"text"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts"`
	Edited   *struct {
		TS string `json:"ts"`
	} `json:"edited"`
	Reactions []struct {
		Name  string   `json:"name"`
		Users []string `json:"users"`
	} `json:"reactions"`
	Files []struct {
		Name       string `json:"name"`
		Title      string `json:"title"`
		Permalink  string `json:"permalink"`
		URLPrivate string `json:"url_private"`
		Mode       string `json:"mode"`
	} `json:"files"`
	Attachments []struct {
		Fallback string `json:"fallback"`
		Text     string `json:"text"`
		FromURL  string `json:"from_url"`
	} `json:"attachments"`
	UserProfile struct {
		Name        string `json:"name"`
		DisplayName string `json:"display_name"`
	} `json:"user_profile"`
}

// slackTime reads a time of Slack, which is also a message's name within its channel, as microseconds; 0 for none.
func slackTime(ts string) int64 {
	seconds, fraction, _ := strings.Cut(ts, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || sec <= 0 || sec > math.MaxInt64/2_000_000 || len(fraction) > 6 {
		return 0
	}
	us := int64(0)
	if fraction != "" {
		if us, err = strconv.ParseInt((fraction + "000000")[:6], 10, 64); err != nil || us < 0 {
			return 0
		}
	}
	return sec*1_000_000 + us
}

// day hands out the messages of one day in order of their times.
func (s *slackRoom) day(name string) error {
	var list []slackMessage
	if err := each(s.slackRun, name, func(m *slackMessage) error {
		if m.Type == "message" && slackTime(m.TS) != 0 {
			list = append(list, *m)
		}
		return nil
	}); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b slackMessage) int { return cmp.Compare(slackTime(a.TS), slackTime(b.TS)) })
	for i := range list {
		if err := s.message(&list[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// system are the subtypes that Slack itself writes into a channel.
var system = []string{"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive", "channel_unarchive",
	"channel_convert_to_private", "channel_posting_permissions", "bot_add", "bot_remove", "pinned_item", "unpinned_item", "reminder_add"}

func (s *slackRoom) message(m *slackMessage) error {
	sender, err := s.sender(m)
	if err != nil {
		return err
	}
	ts := slackTime(m.TS)
	out := &Message{ID: s.next(ts), Room: s.id, Type: "text", Sender: sender, CreatedAt: time.UnixMicro(ts).UTC()}
	if parent := slackTime(m.ThreadTS); parent != 0 && parent != ts {
		out.Parent, out.Thread = parent, parent
	}
	if m.Edited != nil {
		if at := slackTime(m.Edited.TS); at != 0 {
			out.EditedAt = time.UnixMicro(at).UTC()
		}
	}
	if by, pinned := s.pins[ts]; pinned {
		out.PinnedAt, out.PinnedBy = out.CreatedAt, by
	}
	for _, r := range m.Reactions {
		out.Reactions = append(out.Reactions, ReactionList{Emoji: slackEmoji(r.Name), Users: r.Users})
	}
	switch {
	case m.Subtype == "tombstone":
		out.Deleted = true
		return s.fn(&Record{Message: out})
	case slices.Contains(system, m.Subtype):
		out.Type, out.Sender = "system", ""
	}
	t := s.text(m.Text)
	if m.Subtype == "me_message" && t.text != "" {
		t.text = "_" + t.text + "_"
	}
	out.Mentions, out.Everyone, out.Links = t.mentions, t.everyone, t.links
	parts := splitText(s.withFiles(t.text, m), slackPart)
	for i, part := range parts { // what is too long for one message becomes several
		next := *out
		next.Content = part
		if i > 0 {
			next.ID, next.CreatedAt = s.next(ts), out.CreatedAt
			next.Reactions, next.Links, next.Mentions, next.Everyone, next.PinnedAt = nil, nil, nil, false, time.Time{}
		}
		if err := s.fn(&Record{Message: &next}); err != nil {
			return err
		}
	}
	return nil
}

// next is the id of a message: its time, or one more than the last one's.
func (s *slackRoom) next(ts int64) int64 {
	s.last = max(ts, s.last+1)
	return s.last
}

// sender introduces who wrote a message, if users.json has not.
func (s *slackRoom) sender(m *slackMessage) (string, error) {
	if m.User != "" {
		return m.User, s.user(&User{ID: m.User, Username: cmp.Or(m.UserProfile.Name, m.Username), Kind: "person",
			DisplayName: cmp.Or(m.UserProfile.DisplayName, m.UserProfile.Name, m.Username)})
	}
	name := cmp.Or(m.Username, m.BotID)
	if name == "" {
		return "", nil
	}
	id := "bot:" + cmp.Or(m.BotID, name)
	return id, s.user(&User{ID: id, Username: name, DisplayName: name, Kind: "bot"})
}

// withFiles adds what stands beside a text: files as links, and what bots say instead of a text.
func (s *slackRoom) withFiles(text string, m *slackMessage) string {
	blocks := []string{text}
	for _, a := range m.Attachments {
		if a.FromURL == "" && strings.TrimSpace(text) == "" { // not the preview of a link
			blocks = append(blocks, s.text(cmp.Or(a.Text, a.Fallback)).text)
		}
	}
	for _, f := range m.Files {
		name := linkLabel(cmp.Or(f.Name, f.Title, "file"))
		url := address(cmp.Or(f.Permalink, f.URLPrivate))
		switch {
		case f.Mode == "tombstone":
			blocks = append(blocks, "📎 a file that was deleted")
		case url == "":
			blocks = append(blocks, "📎 "+name)
		default:
			blocks = append(blocks, "📎 ["+name+"]("+linkTarget(url)+")")
		}
	}
	blocks = slices.DeleteFunc(blocks, func(b string) bool { return strings.TrimSpace(b) == "" })
	return strings.Join(blocks, "\n")
}

// splitText cuts a text into parts of at most max characters, at the ends of lines where there are any.
func splitText(text string, max int) (parts []string) {
	rest := []rune(text)
	for len(rest) > max {
		end := max
		for i := max; i > max/2; i-- {
			if rest[i-1] == '\n' {
				end = i
				break
			}
		}
		parts = append(parts, string(rest[:end]))
		rest = rest[end:]
	}
	return append(parts, string(rest))
}
