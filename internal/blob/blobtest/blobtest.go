// Package blobtest holds the promises of blob.Store, written once and run by every implementation.
//
// What does not belong here: what only one implementation promises, such as file modes.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/blob"
)

// Run plays the whole suite. open returns an empty store that is ready for use; it is called once for every
// test and cleans up through t.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s blob.Store)
	}{
		{"what is put can be read back", roundTrip},
		{"an empty blob is a blob", empty},
		{"a large blob is streamed through", large},
		{"putting twice keeps one copy and renews the time", twice},
		{"many puts of the same content at once keep one copy", concurrentPuts},
		{"puts and deletes of the same content at once leave all of it or nothing", putsAndDeletes},
		{"a reader that fails leaves nothing behind", failingReader},
		{"a put whose context ends leaves nothing behind", cancelledPut},
		{"a context that has ended does nothing", cancelledCalls},
		{"seeking reads any range", ranges},
		{"several readers do not disturb each other", readers},
		{"a deleted blob is gone and can be put again", deleting},
		{"what was never put is not found", notFound},
		{"what is not a hash is refused", invalidHash},
		{"list gives every blob once, in order", listing},
		{"list stops with the error of its function", listError},
		{"blobs can be deleted while they are listed", listDeleting},
		{"list ends with its context", listCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func roundTrip(t *testing.T, s blob.Store) {
	before := time.Now().Add(-time.Minute) // a store may have a clock of its own
	content := []byte("hello, blob")
	info := put(t, s, content)
	if info.Stored.Before(before) || info.Stored.After(time.Now().Add(time.Minute)) {
		t.Errorf("stored at %v", info.Stored)
	}
	got, opened := read(t, s, info.Hash)
	if !bytes.Equal(got, content) {
		t.Errorf("read %q", got)
	}
	same(t, opened, info)
	st, err := s.Stat(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	same(t, st, info)
}

func empty(t *testing.T, s blob.Store) {
	info := put(t, s, nil)
	if got, _ := read(t, s, info.Hash); len(got) != 0 {
		t.Errorf("read %q", got)
	}
}

func large(t *testing.T, s blob.Store) {
	const size = 24<<20 + 1
	sum := sha256.New()
	info, err := s.Put(t.Context(), io.TeeReader(noise(size), sum))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != size || info.Hash != hex.EncodeToString(sum.Sum(nil)) {
		t.Fatalf("put gave %+v", info)
	}
	r, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sum.Reset()
	if n, err := io.Copy(sum, r); err != nil || n != size {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != info.Hash {
		t.Errorf("content has hash %s", got)
	}
}

func twice(t *testing.T, s blob.Store) {
	first := put(t, s, []byte("again"))
	second := put(t, s, []byte("again"))
	same(t, second, first)
	if second.Stored.Before(first.Stored) {
		t.Errorf("stored first at %v, then at %v", first.Stored, second.Stored)
	}
	if got := hashes(t, s); !slices.Equal(got, []string{first.Hash}) {
		t.Errorf("listed %v", got)
	}
}

func concurrentPuts(t *testing.T, s blob.Store) {
	content := bytes.Repeat([]byte("everyone at once "), 10_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				info, err := s.Put(t.Context(), bytes.NewReader(content))
				if err != nil || info.Hash != hashOf(content) || info.Size != int64(len(content)) {
					t.Errorf("put: %+v, %v", info, err)
				}
			}
		})
	}
	wg.Wait()
	if got := hashes(t, s); !slices.Equal(got, []string{hashOf(content)}) {
		t.Errorf("listed %v", got)
	}
	if got, _ := read(t, s, hashOf(content)); !bytes.Equal(got, content) {
		t.Error("content differs")
	}
}

func putsAndDeletes(t *testing.T, s blob.Store) {
	content := bytes.Repeat([]byte("now you see it "), 5_000)
	hash := hashOf(content)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := s.Put(t.Context(), bytes.NewReader(content)); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				if err := s.Delete(t.Context(), hash); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				info, err := s.Stat(t.Context(), hash)
				if errors.Is(err, blob.ErrNotFound) {
					continue
				}
				if err != nil || info.Size != int64(len(content)) {
					t.Errorf("stat: %+v, %v", info, err)
				}
			}
		})
	}
	wg.Wait()
	put(t, s, content) // the last one wins
	if got, _ := read(t, s, hash); !bytes.Equal(got, content) {
		t.Error("content differs")
	}
}

func failingReader(t *testing.T, s blob.Store) {
	broken := errors.New("the client went away")
	for _, before := range []int64{0, 1, 3 << 20} {
		_, err := s.Put(t.Context(), io.MultiReader(noise(before), failing{broken}))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", before, err)
		}
	}
	if got := hashes(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func cancelledPut(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := io.MultiReader(noise(1<<20), acting(cancel), noise(1<<20))
	if _, err := s.Put(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if got := hashes(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func cancelledCalls(t *testing.T, s blob.Store) {
	kept := put(t, s, []byte("kept"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, _, err := s.Open(ctx, kept.Hash); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	if _, err := s.Stat(ctx, kept.Hash); !errors.Is(err, context.Canceled) {
		t.Errorf("stat: %v", err)
	}
	if err := s.Delete(ctx, kept.Hash); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	if got := hashes(t, s); !slices.Equal(got, []string{kept.Hash}) {
		t.Errorf("listed %v", got)
	}
}

func ranges(t *testing.T, s blob.Store) {
	content, err := io.ReadAll(noise(100_000))
	if err != nil {
		t.Fatal(err)
	}
	info := put(t, s, content)
	r, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != int64(len(content)) {
		t.Fatalf("the end is at %d: %v", end, err)
	}
	for _, row := range []struct{ from, to int }{{0, 1}, {99_999, 100_000}, {500, 70_000}, {10, 20}, {0, 100_000}} {
		if _, err := r.Seek(int64(row.from), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, row.to-row.from)
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, content[row.from:row.to]) {
			t.Errorf("range %d to %d differs", row.from, row.to)
		}
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
}

func readers(t *testing.T, s blob.Store) {
	content, err := io.ReadAll(noise(200_000))
	if err != nil {
		t.Fatal(err)
	}
	info := put(t, s, content)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			r, _, err := s.Open(t.Context(), info.Hash)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read %d bytes: %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

func deleting(t *testing.T, s blob.Store) {
	gone, kept := put(t, s, []byte("gone")), put(t, s, []byte("kept"))
	for range 2 { // the second time there is nothing to delete, and that is fine
		if err := s.Delete(t.Context(), gone.Hash); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stat(t.Context(), gone.Hash); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	if got := hashes(t, s); !slices.Equal(got, []string{kept.Hash}) {
		t.Errorf("listed %v", got)
	}
	put(t, s, []byte("gone"))
	if got, _ := read(t, s, gone.Hash); string(got) != "gone" {
		t.Errorf("read %q", got)
	}
}

func notFound(t *testing.T, s blob.Store) {
	hash := hashOf([]byte("never put"))
	if _, _, err := s.Open(t.Context(), hash); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if _, err := s.Stat(t.Context(), hash); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	if err := s.Delete(t.Context(), hash); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func invalidHash(t *testing.T, s blob.Store) {
	info := put(t, s, []byte("x"))
	for _, hash := range []string{
		"", "x", strings.ToUpper(info.Hash), info.Hash[:63], info.Hash + "0", " " + info.Hash[1:],
		"../" + info.Hash[:61], "/" + info.Hash[1:], strings.Repeat(".", 64), info.Hash[:63] + "\x00",
	} {
		if _, _, err := s.Open(t.Context(), hash); !errors.Is(err, blob.ErrInvalidHash) {
			t.Errorf("open %q: %v", hash, err)
		}
		if _, err := s.Stat(t.Context(), hash); !errors.Is(err, blob.ErrInvalidHash) {
			t.Errorf("stat %q: %v", hash, err)
		}
		if err := s.Delete(t.Context(), hash); !errors.Is(err, blob.ErrInvalidHash) {
			t.Errorf("delete %q: %v", hash, err)
		}
	}
}

func listing(t *testing.T, s blob.Store) {
	if got := hashes(t, s); len(got) != 0 {
		t.Fatalf("an empty store lists %v", got)
	}
	var want []blob.Info
	for i := range 40 {
		want = append(want, put(t, s, bytes.Repeat([]byte{byte(i)}, i)))
	}
	slices.SortFunc(want, func(a, b blob.Info) int { return strings.Compare(a.Hash, b.Hash) })
	var got []blob.Info
	if err := s.List(t.Context(), func(i blob.Info) error { got = append(got, i); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("listed %d of %d", len(got), len(want))
	}
	for i := range got {
		same(t, got[i], want[i])
		if got[i].Stored.IsZero() {
			t.Errorf("%s has no time", got[i].Hash)
		}
	}
}

func listError(t *testing.T, s blob.Store) {
	put(t, s, []byte("1"))
	put(t, s, []byte("2"))
	enough, calls := errors.New("enough"), 0
	err := s.List(t.Context(), func(blob.Info) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

func listDeleting(t *testing.T, s blob.Store) {
	for i := range 10 {
		put(t, s, []byte{byte(i)})
	}
	deleted := 0
	err := s.List(t.Context(), func(i blob.Info) error { deleted++; return s.Delete(t.Context(), i.Hash) })
	if err != nil || deleted != 10 {
		t.Errorf("deleted %d: %v", deleted, err)
	}
	if got := hashes(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func listCancelled(t *testing.T, s blob.Store) {
	for i := range 3 {
		put(t, s, []byte{byte(i)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := s.List(ctx, func(blob.Info) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

func put(t *testing.T, s blob.Store, content []byte) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	same(t, info, blob.Info{Hash: hashOf(content), Size: int64(len(content))})
	return info
}

func read(t *testing.T, s blob.Store, hash string) ([]byte, blob.Info) {
	t.Helper()
	r, info, err := s.Open(t.Context(), hash)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read: %v", err)
	}
	return content, info
}

func hashes(t *testing.T, s blob.Store) (all []string) {
	t.Helper()
	if err := s.List(t.Context(), func(i blob.Info) error { all = append(all, i.Hash); return nil }); err != nil {
		t.Fatalf("list: %v", err)
	}
	return all
}

// same compares without the time, which stores keep with different precision.
func same(t *testing.T, got, want blob.Info) {
	t.Helper()
	if got.Hash != want.Hash || got.Size != want.Size {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// noise is size bytes that do not compress and are the same every time.
func noise(size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{}), size)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// acting is an empty reader that does something when it is reached.
type acting func()

func (a acting) Read([]byte) (int, error) { a(); return 0, io.EOF }
