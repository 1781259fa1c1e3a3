package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	blobfs "parley/internal/blob/fs"
	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

var at = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

const notes = "%PDF-1.4\nbring bread, cheese and apples\n%%EOF\n"

func now() time.Time { return at }

// server is a small server with people, messages, files, an avatar and secrets.
type server struct {
	*coretest.World
	ada, ben chat.Actor
	room     chat.RoomID
	withFile *chat.Message
	source   Source
}

func newServer(t testing.TB) *server {
	t.Helper()
	ctx := context.Background()
	s := &server{World: coretest.New(t, nil)}
	s.ada, s.ben = s.User("ada"), s.User("ben")
	s.room = s.World.Room(s.ada, s.ben)
	first := s.Say(s.ada, s.room, "hello")
	s.Say(s.ben, s.room, "hello @ada")
	if _, _, err := s.React(ctx, s.ben, first.ID, "👍"); err != nil {
		t.Fatal(err)
	}
	s.withFile = s.sayFile("notes.pdf", notes)
	if _, err := s.SetAvatar(ctx, s.ada, bytes.NewReader(picture(t))); err != nil {
		t.Fatal(err)
	}
	secrets := t.TempDir()
	must(t, os.WriteFile(filepath.Join(secrets, "token_key"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(secrets, ".new-123"), []byte("half"), 0o600))
	s.source = Source{Database: s.Store, InUse: s.Store.BlobInUse, Blobs: s.Blobs, Secrets: secrets, Temp: t.TempDir(), Program: "1.2.3", Now: now}
	return s
}

func (s *server) sayFile(name, content string) *chat.Message {
	s.T.Helper()
	ctx := context.Background()
	a, err := s.UploadFile(ctx, s.ada, core.Upload{Filename: name, Body: strings.NewReader(content)})
	must(s.T, err)
	m, _, err := s.SendMessage(ctx, s.ada, core.NewMessage{RoomID: s.room, Attachments: []string{a.Key}})
	must(s.T, err)
	return m
}

func (s *server) backup() string {
	s.T.Helper()
	path := filepath.Join(s.T.TempDir(), "backup.tar.zst")
	_, err := Backup(context.Background(), s.source, path)
	must(s.T, err)
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// placeIn is a data directory like the program's.
func placeIn(dir string) Place {
	return Place{Dir: dir, Database: filepath.Join(dir, "chat.db"), Blobs: filepath.Join(dir, "blobs"), Secrets: filepath.Join(dir, "secrets")}
}

// rows reads all tables of a database that a program keeps.
func rows(t testing.TB, path string) map[string][]string {
	t.Helper()
	db, err := openSnapshot(path)
	must(t, err)
	defer db.Close()
	all := map[string][]string{}
	for _, table := range texts(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search%'`) {
		var columns []string
		for _, c := range texts(t, db, fmt.Sprintf(`SELECT name FROM pragma_table_info('%s')`, table)) {
			columns = append(columns, fmt.Sprintf("quote(%q)", c))
		}
		list := texts(t, db, fmt.Sprintf(`SELECT %s FROM %q`, strings.Join(columns, " || '|' || "), table))
		slices.Sort(list)
		all[table] = list
	}
	return all
}

func texts(t testing.TB, db *sql.DB, query string) (list []string) {
	t.Helper()
	r, err := db.Query(query)
	must(t, err)
	defer r.Close()
	for r.Next() {
		var s string
		must(t, r.Scan(&s))
		list = append(list, s)
	}
	must(t, r.Err())
	return list
}

func TestRestoringABackupGivesTheSameServer(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	path := s.backup()
	snapshot := filepath.Join(t.TempDir(), "now")
	must(t, s.Store.Snapshot(ctx, snapshot))

	p := placeIn(filepath.Join(t.TempDir(), "data"))
	done, err := Restore(ctx, path, p, false, at)
	must(t, err)
	if done.Schema == 0 || done.Program != "1.2.3" || !done.MadeAt.Equal(at) || done.Secrets != 1 || done.Blobs != 2 || done.Missing != 0 || done.Aside != "" {
		t.Errorf("restored %+v", done)
	}
	if got, want := rows(t, p.Database), rows(t, snapshot); !reflect.DeepEqual(got, want) {
		t.Errorf("rows differ:\n%v\n%v", got, want)
	}
	key, err := os.ReadFile(filepath.Join(p.Secrets, "token_key"))
	if err != nil || string(key) != strings.Repeat("ab", 32)+"\n" {
		t.Errorf("secret %q, %v", key, err)
	}
	for _, name := range []string{p.Database, filepath.Join(p.Secrets, "token_key")} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	left, err := os.ReadDir(p.Dir)
	must(t, err)
	for _, e := range left {
		if !slices.Contains([]string{"chat.db", "blobs", "secrets", "lock"}, e.Name()) {
			t.Errorf("%s was left behind", e.Name())
		}
	}

	// It serves: a core on it reads the message and its file.
	store, err := sqlstore.Open(ctx, sqlstore.Options{Path: p.Database})
	must(t, err)
	defer store.Stop(ctx)
	m, err := store.Message(ctx, s.withFile.ID)
	must(t, err)
	body, _, err := blobfs.New(p.Blobs).Open(ctx, m.Attachments[0].Hash)
	must(t, err)
	defer body.Close()
	if content, err := io.ReadAll(body); err != nil || string(content) != notes {
		t.Errorf("file %q, %v", content, err)
	}
}

func TestABackupCanLeaveSecretsOut(t *testing.T) {
	s := newServer(t)
	s.source.Secrets = ""
	p := placeIn(t.TempDir())
	must(t, os.Mkdir(p.Secrets, 0o700))
	must(t, os.WriteFile(filepath.Join(p.Secrets, "token_key"), []byte("mine"), 0o600))
	done, err := Restore(context.Background(), s.backup(), p, true, at)
	must(t, err)
	if done.Secrets != 0 {
		t.Errorf("%d secrets", done.Secrets)
	}
	if key, err := os.ReadFile(filepath.Join(p.Secrets, "token_key")); err != nil || string(key) != "mine" {
		t.Errorf("the secrets that were there must stay: %q, %v", key, err)
	}
}

func TestABackupWithoutFilesLeavesThoseThatAreThere(t *testing.T) {
	s := newServer(t)
	s.source.Blobs = nil // they are in a bucket
	path := s.backup()
	p := placeIn(t.TempDir())
	must(t, os.Mkdir(p.Blobs, 0o700))
	must(t, os.WriteFile(filepath.Join(p.Blobs, "mine"), nil, 0o600))
	if sum, err := Verify(context.Background(), path); err != nil || !sum.Elsewhere || sum.Blobs != 0 {
		t.Errorf("verified %+v, %v", sum, err)
	}
	done, err := Restore(context.Background(), path, p, true, at)
	must(t, err)
	if !done.Elsewhere || done.Blobs != 0 || done.Missing != 0 || done.Secrets != 1 {
		t.Errorf("restored %+v", done)
	}
	if _, err := os.Stat(filepath.Join(p.Blobs, "mine")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.Database); err != nil {
		t.Error(err)
	}
}

func TestTheBytesOfInfectedFilesAreNotMissed(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	a, err := s.UploadFile(ctx, s.ada, core.Upload{Filename: "bad.pdf", Body: strings.NewReader("%PDF-1.4\nbad\n%%EOF\n")})
	must(t, err)
	must(t, s.Store.Change(ctx, func(tx core.Tx) ([]chat.Event, error) { return nil, tx.SetScan(ctx, a.ID, chat.ScanInfected) }))
	must(t, s.Blobs.Delete(ctx, a.Hash))
	done, err := Restore(ctx, s.backup(), placeIn(t.TempDir()), true, at)
	must(t, err)
	if done.Blobs != 2 || done.Missing != 0 || len(done.Lost) != 0 {
		t.Errorf("restored %+v", done)
	}
}

// shyBlobs runs a hook before each blob is opened.
type shyBlobs struct {
	Source
	before func(hash string)
}

func (b shyBlobs) hooked() Source {
	s := b.Source
	s.Blobs = opener(func(ctx context.Context, hash string) (io.ReadSeekCloser, blobInfo, error) {
		b.before(hash)
		return b.Source.Blobs.Open(ctx, hash)
	})
	return s
}

func TestAFileDeletedMeanwhileIsNoticed(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	deleted := false
	s.source = shyBlobs{s.source, func(hash string) {
		if deleted {
			return
		}
		deleted = true
		_, err := s.DeleteMessage(ctx, s.ada, s.withFile.ID)
		must(t, err)
		s.sayFile("later.pdf", "%PDF-1.4\nsaid while the backup is made\n%%EOF\n")
		must(t, s.Core.Stop(ctx)) // waits until the bytes are gone
	}}.hooked()
	p := placeIn(t.TempDir())
	done, err := Restore(ctx, s.backup(), p, false, at)
	must(t, err)
	if done.Missing != 0 {
		t.Errorf("%d files are missing", done.Missing)
	}
	store, err := sqlstore.Open(ctx, sqlstore.Options{Path: p.Database})
	must(t, err)
	defer store.Stop(ctx)
	if m, err := store.Message(ctx, s.withFile.ID); err != nil || !m.Deleted {
		t.Errorf("the message is back: %+v, %v", m, err)
	}
	if _, err := blobfs.New(p.Blobs).Stat(ctx, s.withFile.Attachments[0].Hash); err == nil {
		t.Error("the deleted file is back")
	}
}

func TestAMissingFileEndsABackupUnlessItIsLenient(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		harm func(path string) error
	}{
		{"the file is gone", os.Remove},
		{"the file is damaged", func(path string) error { return os.WriteFile(path, []byte("rotten"), 0o600) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			hash := s.withFile.Attachments[0].Hash
			body, _, err := s.Blobs.Open(ctx, hash)
			must(t, err)
			must(t, body.Close())
			must(t, c.harm(body.(*os.File).Name()))
			dir := t.TempDir()
			if _, err := Backup(ctx, s.source, filepath.Join(dir, "b")); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), hash) {
				t.Errorf("got %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			s.source.Lenient = true
			sum, err := Backup(ctx, s.source, filepath.Join(dir, "b"))
			must(t, err)
			if !slices.Equal(sum.Lost, []string{hash}) {
				t.Errorf("lost %v", sum.Lost)
			}
			done, err := Restore(ctx, filepath.Join(dir, "b"), placeIn(t.TempDir()), false, at)
			must(t, err)
			if done.Missing != 1 || !slices.Equal(done.Lost, sum.Lost) {
				t.Errorf("restored %+v", done)
			}
		})
	}
}

func TestABackupThatIsBrokenOffLeavesNothing(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := t.TempDir()
	s.source = shyBlobs{s.source, func(string) { // as if it were killed here
		if _, err := os.Lstat(filepath.Join(dir, "b")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is half a backup under its name: %v", err)
		}
		cancel()
	}}.hooked()
	if _, err := Backup(ctx, s.source, filepath.Join(dir, "b")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, d := range []string{dir, s.source.Temp} {
		if left, _ := os.ReadDir(d); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestABackupNeverReplacesAFile(t *testing.T) {
	s := newServer(t)
	path := s.backup()
	if _, err := Backup(context.Background(), s.source, path); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
}

func TestRestoreRefusesWhatIsThere(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	path := s.backup()
	p := placeIn(t.TempDir())
	must(t, os.WriteFile(p.Database, []byte("an old database"), 0o600))
	must(t, os.Mkdir(filepath.Join(p.Dir, stagingPrefix+"killed"), 0o700))
	if _, err := Restore(ctx, path, p, false, at); !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "chat.db") {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(p.Database); err != nil || string(b) != "an old database" {
		t.Errorf("it was touched: %q, %v", b, err)
	}
	lock, err := datalock.Acquire(p.Dir)
	must(t, err)
	var held *datalock.HeldError
	if _, err := Restore(ctx, path, p, true, at); !errors.As(err, &held) {
		t.Errorf("beside a server: %v", err)
	}
	must(t, lock.Release())

	done, err := Restore(ctx, path, p, true, at)
	must(t, err)
	if b, err := os.ReadFile(filepath.Join(done.Aside, "chat.db")); err != nil || string(b) != "an old database" {
		t.Errorf("put aside in %q: %q, %v", done.Aside, b, err)
	}
	if !strings.HasPrefix(filepath.Base(done.Aside), "before-restore-20260504-120000-") {
		t.Errorf("put aside in %q", done.Aside)
	}
}

func TestABackupMayLieInTheEmptyDirectoryItself(t *testing.T) {
	s := newServer(t)
	p := placeIn(t.TempDir())
	inside := filepath.Join(p.Dir, "backups", "b.tar.zst")
	must(t, os.Mkdir(filepath.Dir(inside), 0o700))
	_, err := Backup(context.Background(), s.source, inside)
	must(t, err)
	_, err = Restore(context.Background(), inside, p, false, at)
	must(t, err)
}

// part is a member of a tar file made by hand.
type part struct {
	name    string
	content []byte
	typ     byte
	link    string
}

// unpackAll returns the members of a backup.
func unpackAll(t testing.TB, path string) (parts []part) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	d, err := zstd.NewReader(bytes.NewReader(b))
	must(t, err)
	defer d.Close()
	for r := tar.NewReader(d); ; {
		h, err := r.Next()
		if err == io.EOF {
			return parts
		}
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		parts = append(parts, part{name: h.Name, content: content, typ: h.Typeflag})
	}
}

func packTar(t testing.TB, parts []part) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, p := range parts {
		h := &tar.Header{Name: p.name, Size: int64(len(p.content)), Mode: 0o600, Typeflag: p.typ, Linkname: p.link}
		must(t, w.WriteHeader(h))
		_, err := w.Write(p.content)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func packAll(t testing.TB, parts []part) string {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	must(t, err)
	_, err = z.Write(packTar(t, parts))
	must(t, err)
	must(t, z.Close())
	path := filepath.Join(t.TempDir(), "made.tar.zst")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// manifestOf makes the manifest of parts that have none.
func manifestOf(t testing.TB, parts []part) part {
	t.Helper()
	sum := Summary{MadeAt: at}
	var lines bytes.Buffer
	for _, p := range parts {
		k, _ := kindOf(p.name)
		if k == blobKind {
			sum.Blobs++
		} else if k == secretKind {
			sum.Secrets++
		}
		line, err := json.Marshal(member{p.name, int64(len(p.content)), hashOf(p.content)})
		must(t, err)
		lines.Write(append(line, '\n'))
	}
	first, err := json.Marshal(sum)
	must(t, err)
	return part{name: memberManifest, typ: tar.TypeReg, content: append(append(first, '\n'), lines.Bytes()...)}
}

func hashOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func TestRestoreRefusesDamagedBackups(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	whole := unpackAll(t, s.backup())
	find := func(parts []part, prefix string) int {
		return slices.IndexFunc(parts, func(p part) bool { return strings.HasPrefix(p.name, prefix) })
	}
	// redo replaces the manifest by a right one, so that only the fault itself can be found.
	redo := func(parts []part) []part {
		parts = parts[:len(parts)-1]
		return append(parts, manifestOf(t, parts))
	}
	for _, c := range []struct {
		name   string
		change func([]part) []part
		want   error
		text   string
	}{
		{"a flipped bit in a file", func(p []part) []part {
			i := find(p, memberBlobs)
			p[i].content[0] ^= 1
			return p
		}, ErrDamaged, "is not what was stored"},
		{"a flipped bit in the database", func(p []part) []part { p[find(p, memberDatabase)].content[5000] ^= 1; return p }, ErrDamaged, "database.sqlite"},
		{"a changed secret", func(p []part) []part { p[find(p, memberSecrets)].content[0] ^= 1; return p }, ErrDamaged, "secrets/token_key"},
		{"a missing file", func(p []part) []part { i := find(p, memberBlobs); return slices.Delete(p, i, i+1) }, ErrDamaged, "is missing"},
		{"no database", func(p []part) []part {
			i := find(p, memberDatabase)
			return redo(slices.Delete(p, i, i+1))
		}, ErrDamaged, "no database"},
		{"a file twice", func(p []part) []part { i := find(p, memberBlobs); return redo(slices.Insert(p, i, p[i])) }, ErrDamaged, "twice"},
		{"a part that no manifest lists", func(p []part) []part {
			return slices.Insert(p, 1, part{name: memberSecrets + "other", content: []byte("x"), typ: tar.TypeReg})
		}, ErrDamaged, "other parts"},
		{"no manifest", func(p []part) []part { return p[:len(p)-1] }, ErrDamaged, "cut off"},
		{"an empty manifest", func(p []part) []part { p[len(p)-1].content = nil; return p }, ErrDamaged, "manifest"},
		{"something after the manifest", func(p []part) []part {
			return append(p, part{name: memberSecrets + "late", content: []byte("x"), typ: tar.TypeReg})
		}, ErrDamaged, "follows its end"},
		{"a name that leads out", func(p []part) []part {
			return redo(slices.Insert(p, 1, part{name: memberSecrets + "../../evil", content: []byte("x"), typ: tar.TypeReg}))
		}, ErrDamaged, "no part of a backup"},
		{"an absolute name", func(p []part) []part {
			return redo(slices.Insert(p, 1, part{name: "/etc/passwd", content: []byte("x"), typ: tar.TypeReg}))
		}, ErrDamaged, "no part of a backup"},
		{"a hidden secret", func(p []part) []part {
			return redo(slices.Insert(p, 1, part{name: memberSecrets + ".bashrc", content: []byte("x"), typ: tar.TypeReg}))
		}, ErrDamaged, "no part of a backup"},
		{"a symbolic link", func(p []part) []part {
			return slices.Insert(p, 1, part{name: memberSecrets + "token", typ: tar.TypeSymlink, link: "/etc/passwd"})
		}, ErrDamaged, "no part of a backup"},
		{"a secret that is too large", func(p []part) []part {
			return redo(slices.Insert(p, 1, part{name: memberSecrets + "huge", content: make([]byte, maxSecret+1), typ: tar.TypeReg}))
		}, ErrDamaged, "too large"},
		{"no word of what it is", func(p []part) []part { return p[1:] }, ErrDamaged, "out of order"},
		{"another format", func(p []part) []part { p[0].content = []byte(`{"format":"other","version":1}`); return redo(p) }, ErrDamaged, "does not say"},
		{"a newer format", func(p []part) []part { p[0].content = []byte(`{"format":"chat-backup","version":2}`); return redo(p) }, ErrTooNew, "newer version"},
		{"a database that is none", func(p []part) []part {
			p[find(p, memberDatabase)].content = []byte("not a database at all")
			return redo(p)
		}, ErrDamaged, "database"},
		{"a newer schema", func(p []part) []part {
			i := find(p, memberDatabase)
			p[i].content = newerSchema(t, p[i].content)
			return redo(p)
		}, sqlstore.ErrTooNew, "newer version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := make([]part, len(whole))
			for i, p := range whole {
				parts[i] = part{name: p.name, content: bytes.Clone(p.content), typ: p.typ}
			}
			p := placeIn(t.TempDir())
			_, err := Restore(ctx, packAll(t, c.change(parts)), p, false, at)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v", err)
			}
			left, _ := os.ReadDir(p.Dir)
			for _, e := range left {
				if e.Name() != lockFile {
					t.Errorf("%s was left behind", e.Name())
				}
			}
		})
	}
}

// newerSchema is a database that a newer program has migrated.
func newerSchema(t testing.TB, content []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "newer")
	must(t, os.WriteFile(path, content, 0o600))
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	must(t, err)
	must(t, db.Close())
	content, err = os.ReadFile(path)
	must(t, err)
	return content
}

func TestACutOffFileIsDamagedWhereverItWasCut(t *testing.T) {
	s := newServer(t)
	path := s.backup()
	whole, err := os.ReadFile(path)
	must(t, err)
	for _, n := range []int{0, 1, 100, len(whole) / 2, len(whole) - 100, len(whole) - 1} {
		if _, err := read(context.Background(), bytes.NewReader(whole[:n]), maxTotal, discard); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d of %d: %v", n, len(whole), err)
		}
	}
	if _, err := Verify(context.Background(), path); err != nil {
		t.Errorf("the whole file: %v", err)
	}
	if _, err := Verify(context.Background(), s.source.Secrets+"/token_key"); !errors.Is(err, ErrDamaged) {
		t.Errorf("another file: %v", err)
	}
}

func TestABombEndsAtTheLimitWithoutBeingWritten(t *testing.T) {
	pr, pw := io.Pipe()
	go func() { // ten gigabytes of zeros in a few hundred kilobytes
		z, _ := zstd.NewWriter(pw)
		w := tar.NewWriter(z)
		head := []byte(`{"format":"chat-backup","version":1}`)
		_ = w.WriteHeader(&tar.Header{Name: memberFormat, Size: int64(len(head)), Typeflag: tar.TypeReg})
		_, _ = w.Write(head)
		err := w.WriteHeader(&tar.Header{Name: memberDatabase, Size: 10 << 30, Typeflag: tar.TypeReg})
		zeros := make([]byte, 1<<20)
		for range 10 << 10 {
			if err != nil {
				break
			}
			_, err = w.Write(zeros)
			if err == nil {
				err = z.Flush()
			}
		}
		_ = pw.CloseWithError(io.EOF)
	}()
	_, err := read(context.Background(), pr, 1<<30, discard)
	_ = pr.Close()
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestEveryColumnThatNamesBlobsIsKnown looks at the schema itself: a column for a hash or picture that references does not
// know would leave its files out of every backup.
func TestEveryColumnThatNamesBlobsIsKnown(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	path := filepath.Join(t.TempDir(), "now")
	must(t, s.Store.Snapshot(ctx, path))
	db, err := openSnapshot(path)
	must(t, err)
	defer db.Close()
	known := slices.Concat(hashColumns, avatarColumns, textColumns)
	known = append(known, "webhooks.avatar_url") // always a picture of another server
	for _, column := range texts(t, db, `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND (c.name LIKE '%hash%' OR c.name LIKE '%avatar%' OR c.name LIKE '%blob%' OR c.name LIKE '%icon%' OR c.name LIKE '%picture%')`) {
		if !slices.Contains(known, column) {
			t.Errorf("does %s name blobs? then backups must know of it", column)
		}
	}
	found := 0
	must(t, references(ctx, path, func(r reference) error {
		if used, err := s.Store.BlobInUse(ctx, r.hash); err != nil || !used {
			t.Errorf("%v is not in use: %v", r, err)
		}
		found++
		return nil
	}))
	if found != 2 {
		t.Errorf("%d references", found)
	}
}

func TestAssetsNamedInSettingsAreTakenAlong(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	info, err := s.Blobs.Put(ctx, strings.NewReader("a logo"))
	must(t, err)
	must(t, s.Store.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		value := fmt.Sprintf(`{"logo":"/assets/%s","other":"%s"}`, info.Hash, strings.Repeat("0", 64))
		return nil, tx.PutSetting(ctx, "branding", json.RawMessage(value))
	}))
	p := placeIn(t.TempDir())
	done, err := Restore(ctx, s.backup(), p, false, at)
	must(t, err)
	if _, err := blobfs.New(p.Blobs).Stat(ctx, info.Hash); err != nil || done.Blobs != 3 || done.Missing != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

func FuzzRead(f *testing.F) {
	content := []byte("hello")
	parts := []part{
		{name: memberFormat, content: []byte(`{"format":"chat-backup","version":1}`), typ: tar.TypeReg},
		{name: memberSecrets + "key", content: []byte("k"), typ: tar.TypeReg},
		{name: memberBlobs + hashOf(content), content: content, typ: tar.TypeReg},
		{name: memberDatabase, content: []byte("db"), typ: tar.TypeReg},
	}
	whole := packTar(f, append(parts, manifestOf(f, parts)))
	f.Add(whole)
	f.Add(packTar(f, parts))
	f.Add(packTar(f, nil))
	f.Add(whole[:700])
	f.Fuzz(func(t *testing.T, b []byte) {
		var total int64
		sum, err := readTar(context.Background(), bytes.NewReader(b), 1<<20, func(k kind, base string, size int64, content io.Reader) error {
			if k == unknownKind || strings.ContainsAny(base, "/\\") || base == "" || base[0] == '.' {
				t.Fatalf("shown %q", base)
			}
			n, err := io.Copy(io.Discard, content)
			total += n
			return err
		})
		if total > 1<<20 {
			t.Fatalf("unpacked %d bytes", total)
		}
		if err == nil && (sum.Blobs < 0 || sum.DatabaseBytes < 0) {
			t.Fatalf("accepted %+v", sum)
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrTooNew) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("an error of no known kind: %v", err)
		}
	})
}

func FuzzReadPacked(f *testing.F) {
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedBestCompression} {
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(false))
		must(f, err)
		_, err = z.Write(packTar(f, []part{{name: memberFormat, content: []byte(`{"format":"chat-backup","version":1}`), typ: tar.TypeReg}}))
		must(f, err)
		must(f, z.Close())
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := read(context.Background(), bytes.NewReader(b), 1<<20, discard)
		if err == nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrTooNew) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("got %v", err)
		}
	})
}
