package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/internal/blob"
	blobfs "parley/internal/blob/fs"
	"parley/internal/ops/datalock"
	"parley/internal/store/sqlstore"
)

// Place says where in a data directory things go. All paths are within Dir.
type Place struct {
	Dir      string
	Database string
	Blobs    string
	Secrets  string
}

// Restored says what restoring did.
type Restored struct {
	Summary
	// Aside is where what had been in the data directory was put; empty if nothing was there.
	Aside string
	// Missing counts files that the database refers to and the backup does not have.
	Missing int
}

// The names of directories that restoring makes in the data directory, each followed by something unique.
const (
	stagingPrefix = "restore-"
	asidePrefix   = "before-restore-"
)

// lockFile is made by taking the lock of a directory that is otherwise empty.
const lockFile = "lock"

// Verify checks a backup from beginning to end without writing anything. Fails with ErrDamaged or ErrTooNew.
func Verify(ctx context.Context, path string) (Summary, error) {
	f, err := os.Open(path)
	if err != nil {
		return Summary{}, err
	}
	defer f.Close()
	return verify(ctx, f, maxTotal)
}

// maxTotal stands for no limit, and leaves room to add to.
const maxTotal = 1 << 62

func verify(ctx context.Context, f *os.File, limit int64) (Summary, error) {
	sum, err := read(ctx, f, limit, discard)
	if err != nil {
		return sum, fmt.Errorf("%s: %w", f.Name(), err)
	}
	info, err := f.Stat()
	if err != nil {
		return sum, err
	}
	sum.FileBytes = info.Size()
	return sum, nil
}

// Restore makes a data directory from a backup. Everything is checked before anything of the directory changes: first the
// file, without writing, then what was unpacked from it beside the present data. What is there already is refused with
// ErrNotEmpty, or with force moved aside, whole. The database is put in its place last: until then the directory has none.
// Fails with ErrDamaged, ErrTooNew, ErrTooLarge, sqlstore.ErrTooNew, or *datalock.HeldError while a server is running.
func Restore(ctx context.Context, path string, p Place, force bool, now time.Time) (_ Restored, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Restored{}, err
	}
	defer f.Close()
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return Restored{}, err
	}
	lock, err := datalock.Acquire(p.Dir)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := removeStaging(p.Dir); err != nil {
		return Restored{}, err
	}
	if !force {
		if err := checkEmpty(p.Dir, path); err != nil {
			return Restored{}, err
		}
	}
	free, err := freeSpace(p.Dir)
	if err != nil {
		return Restored{}, err
	}
	sum, err := verify(ctx, f, free)
	if err != nil {
		return Restored{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Restored{}, err
	}
	staging, err := os.MkdirTemp(p.Dir, stagingPrefix+"*")
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	s := stage{Place: Place{
		Dir: staging, Database: filepath.Join(staging, "database"), Blobs: filepath.Join(staging, "blobs"), Secrets: filepath.Join(staging, "secrets"),
	}}
	if err := s.unpack(ctx, f, free); err != nil {
		return Restored{}, fmt.Errorf("%s: %w", path, err)
	}
	missing, err := s.check(ctx, sum.Elsewhere)
	if err != nil {
		return Restored{}, fmt.Errorf("%s: %w", path, err)
	}
	done := Restored{Summary: sum, Missing: missing}
	done.Aside, err = s.install(p, sum.Elsewhere, now)
	return done, err
}

// removeStaging removes what a restore that was killed left behind. The caller holds the lock.
func removeStaging(dir string) error {
	left, err := filepath.Glob(filepath.Join(escapeGlob(dir), stagingPrefix+"*"))
	for _, name := range left {
		err = errors.Join(err, os.RemoveAll(name))
	}
	return err
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// checkEmpty fails with ErrNotEmpty if dir holds anything but its lock and the backup itself.
func checkEmpty(dir, backup string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	inside := ""
	if abs, err := filepath.Abs(backup); err == nil {
		if absDir, err := filepath.Abs(dir); err == nil {
			if rel, err := filepath.Rel(absDir, abs); err == nil && filepath.IsLocal(rel) {
				inside, _, _ = strings.Cut(filepath.ToSlash(rel), "/")
			}
		}
	}
	for _, e := range entries {
		if name := e.Name(); name != lockFile && name != inside {
			return fmt.Errorf("%w: there is %s in %s", ErrNotEmpty, name, dir)
		}
	}
	return nil
}

// stage is a data directory in the making, within the one it will become.
type stage struct{ Place }

// unpack writes a verified backup out. It is checked again: the file may have changed since.
func (s stage) unpack(ctx context.Context, r io.Reader, limit int64) error {
	blobs := blobfs.New(s.Blobs)
	if err := blobs.Start(ctx); err != nil {
		return err
	}
	_, err := read(ctx, r, limit, func(k kind, base string, _ int64, content io.Reader) error {
		switch k {
		case blobKind:
			_, err := blobs.Put(ctx, content)
			return err
		case secretKind:
			if err := os.MkdirAll(s.Secrets, 0o700); err != nil {
				return err
			}
			return writeFile(filepath.Join(s.Secrets, base), content)
		default:
			return writeFile(s.Database, content)
		}
	})
	return err
}

// writeFile writes a new file that only this account may read.
func writeFile(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Sync(), f.Close())
}

// check opens the database as the server will and compares it with the blobs, unless they are kept elsewhere. Blobs that nothing refers to go: they belong
// to messages that were deleted while the backup was made.
func (s stage) check(ctx context.Context, elsewhere bool) (missing int, err error) {
	if err := checkDatabase(ctx, s.Database); err != nil {
		return 0, err
	}
	if _, err := sqlstore.New(sqlstore.Options{Path: s.Database}).Versions(ctx); err != nil || elsewhere {
		return 0, err
	}
	blobs := blobfs.New(s.Blobs)
	wanted := map[sum]bool{}
	err = references(ctx, s.Database, func(r reference) error {
		key := sumOf(r.hash)
		if wanted[key] {
			return nil
		}
		_, err := blobs.Stat(ctx, r.hash)
		switch {
		case err == nil:
			wanted[key] = true
		case !errors.Is(err, blob.ErrNotFound):
			return err
		case !r.loose:
			wanted[key] = true
			missing++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return missing, blobs.List(ctx, func(info blob.Info) error {
		if wanted[sumOf(info.Hash)] {
			return nil
		}
		return blobs.Delete(ctx, info.Hash)
	})
}

// install puts what was made in its place and what was there aside. Everything is on one volume, so that each step is a
// rename; the database comes last. A backup without blobs leaves those that are there.
func (s stage) install(p Place, elsewhere bool, now time.Time) (aside string, err error) {
	var old []string
	places := []string{p.Database, p.Database + "-wal", p.Database + "-shm"}
	if !elsewhere {
		places = append(places, p.Blobs)
	}
	for _, path := range places {
		if exists(path) {
			old = append(old, path)
		}
	}
	withSecrets := exists(s.Secrets) // else those that are there stay
	if withSecrets && exists(p.Secrets) {
		old = append(old, p.Secrets)
	}
	if len(old) > 0 {
		if aside, err = os.MkdirTemp(p.Dir, asidePrefix+now.UTC().Format("20060102-150405")+"-*"); err != nil {
			return "", err
		}
		for _, path := range old {
			if err := os.Rename(path, filepath.Join(aside, filepath.Base(path))); err != nil {
				return aside, err
			}
		}
		if err := syncDir(aside); err != nil {
			return aside, err
		}
	}
	if withSecrets {
		if err := errors.Join(syncDir(s.Secrets), os.Rename(s.Secrets, p.Secrets)); err != nil {
			return aside, err
		}
	}
	if !elsewhere {
		if err := os.Rename(s.Blobs, p.Blobs); err != nil {
			return aside, err
		}
	}
	if err := syncDir(p.Dir); err != nil {
		return aside, err
	}
	if err := os.Rename(s.Database, p.Database); err != nil {
		return aside, err
	}
	return aside, syncDir(p.Dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
