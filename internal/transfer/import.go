package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/media"
	"parley/internal/scan"
)

// Importer brings exports into a server, which may be serving.
//
// It can be broken off at any moment and begun again: what each transaction stored is found again. A room under way is
// private and has no members, so that nobody else can write into it: how many messages it holds says how many of the
// export's are in. It is opened, with its members, when all of them are.
//
// Memory is bounded by the people of an export and by 16 bytes for each message of one room.
type Importer struct {
	Store   core.Store
	Blobs   blob.Store
	Scanner scan.Scanner // nil: files are not scanned for malware; their type is looked at all the same
	TempDir string
	Now     func() time.Time
	// MaxFile bounds one file in bytes; larger ones are left out.
	MaxFile int64
}

// Options say how to import.
type Options struct {
	// ID names the import: the same one is never done twice. Empty: the id of the export.
	ID string
	// DryRun reads everything and writes nothing.
	DryRun bool
}

// Report says what an import did, or with DryRun would do.
type Report struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Server    string    `json:"server,omitempty"`
	MadeAt    time.Time `json:"made_at"`
	DryRun    bool      `json:"dry_run,omitempty"`
	DoneAt    time.Time `json:"done_at,omitzero"` // set when it had been done before, and nothing was
	Resumed   bool      `json:"resumed,omitempty"`
	Matched   int       `json:"people_matched"` // with accounts that were here
	Created   int       `json:"people_created"` // disabled, without a password
	Rooms     []Roomed  `json:"rooms"`
	Messages  int64     `json:"messages"`
	Before    int64     `json:"messages_before"` // stored by an earlier try
	Reactions int64     `json:"reactions"`
	Members   int64     `json:"members"`
	Files     int64     `json:"files"`
	// LeftOut counts what an import does not take, by the sort of record.
	LeftOut map[string]int64 `json:"left_out,omitempty"`
	// Notes say what was not as it should be; at most maxNotes of them.
	Notes []string `json:"notes,omitempty"`
}

// Roomed is what became of one room.
type Roomed struct {
	Name     string      `json:"name"`
	ID       chat.RoomID `json:"id,omitempty"`
	Slug     string      `json:"slug,omitempty"`
	Messages int64       `json:"messages"`
	Before   bool        `json:"done_before,omitempty"`
}

const (
	maxNotes    = 100
	maxImportID = 128
	batchCount  = 100 // messages in one transaction: others wait for it
	batchBytes  = 512 << 10
)

var importID = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,128}$`)

// errFound ends the reading of a source whose import is done already.
var errFound = errors.New("done before")

// Import brings in everything that the source has. What cannot be kept is in the report: see docs/export-format.md. Fails
// with ErrDamaged or ErrTooNew, what the source says, and what the store says; then the same import can be run again.
func (i Importer) Import(ctx context.Context, s Source, o Options) (Report, error) {
	r := &run{Importer: i, ctx: ctx, opts: o, users: map[string]chat.UserID{}, names: map[string]bool{}, renderer: media.NewRenderer(media.Options{})}
	r.report.DryRun, r.report.LeftOut = o.DryRun, map[string]int64{}
	if r.MaxFile <= 0 {
		r.MaxFile = 1 << 30
	}
	err := s.Records(ctx, r.record)
	if errors.Is(err, errFound) {
		return r.report, nil
	}
	if err == nil {
		err = r.finish()
	}
	return r.report, errors.Join(err, r.dropFile())
}

// run is one import.
type run struct {
	Importer
	ctx      context.Context
	opts     Options
	report   Report
	begun    bool
	users    map[string]chat.UserID // by the source's ids
	names    map[string]bool        // usernames given in this import, in lower case
	waiting  []*User                // not looked up yet
	room     *roomRun
	file     *incoming
	stored   []stored // files of the next message
	renderer *media.Renderer
}

func (r *run) note(format string, args ...any) {
	if len(r.report.Notes) < maxNotes {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
	}
}

func (r *run) leaveOut(what string) error {
	r.report.LeftOut[what]++
	return nil
}

// record takes one record.
func (r *run) record(rec *Record) error {
	if rec.Header != nil {
		return r.header(rec.Header)
	}
	if !r.begun {
		return damaged("it does not begin with what it is")
	}
	if rec.User == nil && len(r.waiting) > 0 || len(r.waiting) >= 100 {
		if err := r.people(); err != nil {
			return err
		}
	}
	if rec.Chunk == nil && r.file != nil {
		return damaged("a file was cut off")
	}
	switch {
	case rec.User != nil:
		r.waiting = append(r.waiting, rec.User)
		return nil
	case rec.Room != nil:
		return r.enterRoom(rec.Room)
	case rec.File != nil:
		return r.beginFile(rec.File)
	case rec.Chunk != nil:
		return r.chunk(rec.Chunk)
	case rec.Message != nil:
		return r.message(rec.Message)
	case rec.Member != nil:
		return r.member(rec.Member)
	case rec.Identity != nil:
		return r.leaveOut("identities")
	case rec.Session != nil:
		return r.leaveOut("sessions")
	case rec.Block != nil:
		return r.leaveOut("blocks")
	case rec.Reaction != nil:
		return r.leaveOut("reactions to messages of others")
	case rec.Notification != nil:
		return r.leaveOut("notifications")
	case rec.Sanction != nil:
		return r.leaveOut("sanctions")
	case rec.Audit != nil:
		return r.leaveOut("audit entries")
	}
	return r.leaveOut("records of an unknown sort")
}

// state is what is kept of an import under settings.
type state struct {
	StartedAt time.Time `json:"started_at"`
	DoneAt    time.Time `json:"done_at,omitzero"`
}

func (r *run) key() string { return "import:" + r.report.ID }

// header begins the import, or finds out that it has been done.
func (r *run) header(h *Header) error {
	if r.begun {
		return damaged("it begins twice")
	}
	r.begun = true
	r.report.ID, r.report.Kind, r.report.Server, r.report.MadeAt = h.ID, h.Kind, line(h.Server, 100), h.MadeAt
	if r.opts.ID != "" {
		r.report.ID = r.opts.ID
	}
	if !importID.MatchString(r.report.ID) {
		return fmt.Errorf("the id of an import has up to %d letters, digits, and . _ : -", maxImportID)
	}
	var s state
	found, err := setting(r.ctx, r.Store, r.key(), &s)
	if err != nil {
		return err
	}
	if !s.DoneAt.IsZero() {
		r.report.DoneAt = s.DoneAt
		return errFound
	}
	r.report.Resumed = found
	if found || r.opts.DryRun {
		return nil
	}
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		return nil, putSetting(r.ctx, tx, r.key(), state{StartedAt: r.Now().UTC()})
	})
}

// setting reads a value; found is false when there is none.
func setting(ctx context.Context, r core.Reader, key string, v any) (found bool, err error) {
	raw, err := r.Setting(ctx, key)
	if chat.CodeOf(err) == chat.ErrNotFound.Code {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	return err == nil, err
}

func putSetting(ctx context.Context, tx core.Tx, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, key, raw)
}

// finish ends the last room and writes down that the import is done.
func (r *run) finish() error {
	if !r.begun {
		return damaged("it is empty")
	}
	if r.file != nil {
		return damaged("a file was cut off")
	}
	if err := r.people(); err != nil {
		return err
	}
	if err := r.leaveRoom(); err != nil || r.opts.DryRun {
		return err
	}
	details, err := json.Marshal(map[string]any{"import": r.report.ID, "kind": r.report.Kind, "rooms": len(r.report.Rooms), "messages": r.report.Messages,
		"people_created": r.report.Created, "people_matched": r.report.Matched})
	if err != nil {
		return err
	}
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		var s state
		if _, err := setting(r.ctx, tx, r.key(), &s); err != nil {
			return nil, err
		}
		s.DoneAt = r.Now().UTC()
		if err := putSetting(r.ctx, tx, r.key(), s); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(r.ctx, chat.AuditEntry{At: s.DoneAt, Action: "server.import", TargetType: "server", Details: details})
	})
}

// person is whom a source's id stands for here; nobody for one that was never introduced.
func (r *run) person(id string) chat.UserID { return r.users[id] }

// persons is person for several, without those who are nobody and those who come twice.
func (r *run) persons(ids []string, max int) (list []chat.UserID) {
	for _, id := range ids {
		if p := r.person(id); p != "" && !slices.Contains(list, p) && len(list) < max {
			list = append(list, p)
		}
	}
	return list
}

// leftOut lists what was left out, in order, for people to read.
func (r Report) leftOut() []string { return slices.Sorted(maps.Keys(r.LeftOut)) }

// Lines says what the report says, in sentences.
func (r Report) Lines() (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if !r.DoneAt.IsZero() {
		say("Import %s was done on %s; nothing was changed.", r.ID, r.DoneAt.Format("2006-01-02 15:04 MST"))
		return lines
	}
	will := ""
	if r.DryRun {
		will = " (dry run: nothing was written)"
	}
	say("Import %s%s", r.ID, will)
	say("People: %d matched by username, %d made, disabled and without a password.", r.Matched, r.Created)
	for _, room := range r.Rooms {
		as := ""
		if room.Slug != "" {
			as = " as #" + room.Slug
		}
		if room.Before {
			say("Room %q%s: done before.", room.Name, as)
		} else {
			say("Room %q%s: %d messages.", room.Name, as, room.Messages)
		}
	}
	say("Messages: %d, and %d that were there from an earlier try. Reactions: %d. Members: %d. Files: %d.", r.Messages, r.Before, r.Reactions, r.Members, r.Files)
	for _, what := range r.leftOut() {
		say("Left out: %d %s.", r.LeftOut[what], what)
	}
	for _, n := range r.Notes {
		say("Note: %s.", n)
	}
	return lines
}
