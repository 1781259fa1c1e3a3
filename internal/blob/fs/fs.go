// Package fs keeps blobs in a directory: one file per blob under two levels of fan-out, "ab/cd/abcd…".
//
// What does not belong here: everything package blob excludes, and locking the directory against a second
// server, which the owner of the whole data directory does.
package fs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"parley/internal/blob"
)

const (
	tempDir  = "tmp" // not two hexadecimal digits, so it cannot meet a fan-out directory
	fileMode = 0o600
	dirMode  = 0o700
)

// Store is a blob.Store in one directory of one volume.
type Store struct {
	root string
	// settled holds the directories whose own entry is known to be on disk, so that a Put into a directory
	// that was there before need not sync its parents again.
	settled sync.Map
}

var _ blob.Store = (*Store)(nil)

// New returns a store in dir. It touches nothing on disk: a tool that only reads beside a running server uses
// the store without Start.
func New(dir string) *Store { return &Store{root: filepath.Clean(dir)} }

// Start makes the directory and removes what a crash in the middle of a Put left behind. Only the process that
// owns the data directory may call it, and before any Put.
func (s *Store) Start(ctx context.Context) error {
	temp := filepath.Join(s.root, tempDir)
	if err := os.MkdirAll(temp, dirMode); err != nil {
		return fmt.Errorf("blob/fs: start: %w", err)
	}
	if err := syncDir(filepath.Dir(s.root)); err != nil {
		return fmt.Errorf("blob/fs: start: %w", err)
	}
	orphans, err := os.ReadDir(temp)
	if err != nil {
		return fmt.Errorf("blob/fs: start: %w", err)
	}
	for _, o := range orphans {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(temp, o.Name())); err != nil {
			return fmt.Errorf("blob/fs: start: %w", err)
		}
	}
	return nil
}

// Stop is there for symmetry: the store runs nothing of its own.
func (s *Store) Stop(context.Context) error { return nil }

// Put implements blob.Store. The content is written to a temporary file, synced, renamed over whatever has its
// name, and the directories are synced, in this order. Renaming also when the name is taken needs no lock
// against a concurrent Delete, renews the time of storing, and repairs a damaged file.
func (s *Store) Put(ctx context.Context, r io.Reader) (info blob.Info, err error) {
	fail := func(err error) (blob.Info, error) { return blob.Info{}, fmt.Errorf("blob/fs: put: %w", err) }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	temp := filepath.Join(s.root, tempDir)
	if err := os.MkdirAll(temp, dirMode); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(temp, "put-*") // mode 0600
	if err != nil {
		return fail(err)
	}
	defer func() {
		if f != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), &reader{ctx, r})
	if err != nil {
		return fail(err)
	}
	if err := f.Sync(); err != nil {
		return fail(err)
	}
	st, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if err := f.Close(); err != nil {
		return fail(err)
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	path := s.path(hash)
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fail(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fail(err)
	}
	f = nil
	if err := s.settle(path); err != nil {
		return fail(err)
	}
	return blob.Info{Hash: hash, Size: size, Stored: st.ModTime()}, nil
}

// settle syncs the directory of path, and those above it that are not known to be on disk.
func (s *Store) settle(path string) error {
	leaf := filepath.Dir(path)
	if err := syncDir(leaf); err != nil {
		return err
	}
	for dir := leaf; dir != s.root; dir = filepath.Dir(dir) {
		if _, ok := s.settled.Load(dir); ok {
			return nil
		}
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	for dir := leaf; dir != s.root; dir = filepath.Dir(dir) {
		s.settled.Store(dir, true)
	}
	return nil
}

// Open implements blob.Store. What it returns is an *os.File, so that an HTTP server can hand the copying to the
// kernel; on Unix it stays readable to its end when the blob is deleted meanwhile.
func (s *Store) Open(ctx context.Context, hash string) (io.ReadSeekCloser, blob.Info, error) {
	if err := check(ctx, hash); err != nil {
		return nil, blob.Info{}, err
	}
	f, err := os.Open(s.path(hash))
	if err != nil {
		return nil, blob.Info{}, wrap("open", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, blob.Info{}, wrap("open", err)
	}
	return f, blob.Info{Hash: hash, Size: st.Size(), Stored: st.ModTime()}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, hash string) (blob.Info, error) {
	if err := check(ctx, hash); err != nil {
		return blob.Info{}, err
	}
	st, err := os.Stat(s.path(hash))
	if err != nil {
		return blob.Info{}, wrap("stat", err)
	}
	return blob.Info{Hash: hash, Size: st.Size(), Stored: st.ModTime()}, nil
}

// Delete implements blob.Store. Emptied directories stay: removing them would race with a Put.
func (s *Store) Delete(ctx context.Context, hash string) error {
	if err := check(ctx, hash); err != nil {
		return err
	}
	path := s.path(hash)
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return wrap("delete", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil { // what was deleted must not come back after a crash
		return wrap("delete", err)
	}
	return nil
}

// List implements blob.Store. Files that are not blobs are passed over.
func (s *Store) List(ctx context.Context, fn func(blob.Info) error) error {
	outer, err := fanOut(s.root)
	if err != nil {
		return err
	}
	for _, a := range outer {
		inner, err := fanOut(a)
		if err != nil {
			return err
		}
		for _, b := range inner {
			if err := s.listLeaf(ctx, b, fn); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (s *Store) listLeaf(ctx context.Context, dir string, fn func(blob.Info) error) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap("list", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		hash := e.Name()
		if blob.CheckHash(hash) != nil || s.path(hash) != filepath.Join(dir, hash) {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return wrap("list", err)
		}
		if !st.Mode().IsRegular() {
			continue
		}
		if err := fn(blob.Info{Hash: hash, Size: st.Size(), Stored: st.ModTime()}); err != nil {
			return err
		}
	}
	return nil
}

// path is only called with a hash that was computed here or has passed CheckHash.
func (s *Store) path(hash string) string {
	return filepath.Join(s.root, hash[:2], hash[2:4], hash)
}

// fanOut returns the subdirectories of dir that are named by two hexadecimal digits, in order.
func fanOut(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("list", err)
	}
	var dirs []string
	for _, e := range entries {
		if raw, err := hex.DecodeString(e.Name()); err == nil && len(raw) == 1 && e.IsDir() {
			dirs = append(dirs, filepath.Join(dir, e.Name()))
		}
	}
	return dirs, nil
}

func check(ctx context.Context, hash string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return blob.CheckHash(hash)
}

func wrap(op string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return blob.ErrNotFound
	}
	return fmt.Errorf("blob/fs: %s: %w", op, err)
}

// syncDir makes the entries of a directory durable: a renamed file is only safe when the directory is, too.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// reader ends with the error of ctx once that is done.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
