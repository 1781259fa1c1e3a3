package moving

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/blob"
	"parley/internal/blob/fs"
	"parley/internal/blob/s3"
	"parley/internal/s3test"
)

func directory(t *testing.T) (*fs.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	s := fs.New(dir)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func bucket(t *testing.T) *s3.Store {
	t.Helper()
	server := s3test.Start(t)
	o, err := s3.ParseURL(server.URL(server.Bucket(t, "moving")))
	if err != nil {
		t.Fatal(err)
	}
	o.TempDir, o.PartSize = t.TempDir(), 5<<20
	s, err := s3.New(o)
	if err == nil {
		err = s.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// fill puts files of several sizes into a storage.
func fill(t *testing.T, s blob.Store) (hashes []string) {
	t.Helper()
	contents := []string{"", "a", strings.Repeat("large ", 1<<20)} // the last one in two parts
	for i := range 30 {
		contents = append(contents, strconv.Itoa(i))
	}
	for _, c := range contents {
		info, err := s.Put(t.Context(), strings.NewReader(c))
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, info.Hash)
	}
	slices.Sort(hashes)
	return hashes
}

// holds checks that a storage has these files, and that they are what they are named by.
func holds(t *testing.T, s blob.Store, want []string) {
	t.Helper()
	var got []string
	err := s.List(t.Context(), func(info blob.Info) error {
		got = append(got, info.Hash)
		content, _, err := s.Open(t.Context(), info.Hash)
		if err != nil {
			return err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, content)
		if hex.EncodeToString(sum.Sum(nil)) != info.Hash {
			t.Errorf("%s is damaged", info.Hash)
		}
		return errors.Join(err, content.Close())
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), err)
	}
}

func TestFilesGoToABucketAndBack(t *testing.T) {
	checkLeaks(t)
	there := bucket(t)
	first, _ := directory(t)
	back, _ := directory(t)
	want := fill(t, first)
	for _, leg := range []struct{ from, to blob.Store }{{first, there}, {there, back}} {
		if _, err := MoveFiles(t.Context(), FileOptions{From: leg.from, To: leg.to, Compare: true}); !errors.Is(err, ErrDifferent) {
			t.Errorf("compared before: %v", err)
		}
		done, err := MoveFiles(t.Context(), FileOptions{From: leg.from, To: leg.to})
		if err != nil || done.Copied != int64(len(want)) || done.There != 0 || done.CopiedBytes != done.SeenBytes {
			t.Fatalf("%+v, %v", done, err)
		}
		holds(t, leg.to, want)
		for _, trust := range []bool{false, true} {
			if done, err = MoveFiles(t.Context(), FileOptions{From: leg.from, To: leg.to, TrustSize: trust}); err != nil || done.Copied != 0 || done.There != int64(len(want)) {
				t.Errorf("again: %+v, %v", done, err)
			}
		}
		if _, err := MoveFiles(t.Context(), FileOptions{From: leg.from, To: leg.to, Compare: true}); err != nil {
			t.Errorf("compared after: %v", err)
		}
	}
}

func TestOnlyWhatIsMissingOrWrongIsCopied(t *testing.T) {
	checkLeaks(t)
	first, _ := directory(t)
	second, dir := directory(t)
	want := fill(t, first)
	if _, err := MoveFiles(t.Context(), FileOptions{From: first, To: second}); err != nil {
		t.Fatal(err)
	}
	path := func(hash string) string { return filepath.Join(dir, hash[:2], hash[2:4], hash) }
	var sizes []int // places of files with something in them
	for i, hash := range want {
		if info, err := second.Stat(t.Context(), hash); err != nil {
			t.Fatal(err)
		} else if info.Size > 0 {
			sizes = append(sizes, i)
		}
	}
	damaged, short, gone := want[sizes[0]], want[sizes[1]], want[sizes[2]]
	content, err := os.ReadFile(path(damaged))
	if err != nil {
		t.Fatal(err)
	}
	content[0]++
	if err := errors.Join(os.WriteFile(path(damaged), content, 0o600), os.Truncate(path(short), 0), os.Remove(path(gone))); err != nil {
		t.Fatal(err)
	}
	done, err := MoveFiles(t.Context(), FileOptions{From: first, To: second, Compare: true})
	if wrong := []string{damaged, short, gone}; !errors.Is(err, ErrDifferent) || !slices.Equal(done.Missing, wrong) {
		t.Errorf("compared: %+v, %v; want %v", done, err, wrong)
	}
	if done, err = MoveFiles(t.Context(), FileOptions{From: first, To: second}); err != nil || done.Copied != 3 {
		t.Errorf("%+v, %v", done, err)
	}
	holds(t, second, want)
}

func TestADamagedFileOfTheSourceIsNotCopied(t *testing.T) {
	checkLeaks(t)
	first, dir := directory(t)
	second, _ := directory(t)
	want := fill(t, first)
	bad := want[len(want)-1]
	if err := os.WriteFile(filepath.Join(dir, bad[:2], bad[2:4], bad), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := MoveFiles(t.Context(), FileOptions{From: first, To: second})
	if !errors.Is(err, ErrDamaged) || !slices.Equal(done.Damaged, []string{bad}) || done.Copied != int64(len(want)-1) {
		t.Errorf("%+v, %v", done, err)
	}
	holds(t, second, want[:len(want)-1])
}

// full is a storage that takes a few files and then fails, as a full disk does.
type full struct {
	blob.Store
	left chan struct{} // holds a token for each file that it takes
}

var errFull = errors.New("the disk is full")

func (f full) Put(ctx context.Context, r io.Reader) (blob.Info, error) {
	select {
	case <-f.left:
		return f.Store.Put(ctx, r)
	default:
		return blob.Info{}, errFull
	}
}

func TestAMoveOfFilesGoesOnAfterAFault(t *testing.T) {
	checkLeaks(t)
	first, _ := directory(t)
	second, _ := directory(t)
	want := fill(t, first)
	f := full{second, make(chan struct{}, 10)}
	for range cap(f.left) {
		f.left <- struct{}{}
	}
	done, err := MoveFiles(t.Context(), FileOptions{From: first, To: f})
	if !errors.Is(err, errFull) {
		t.Errorf("%+v, %v", done, err)
	}
	there := int64(0)
	if err := second.List(t.Context(), func(blob.Info) error { there++; return nil }); err != nil || there == 0 {
		t.Errorf("%d files are there, %v", there, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MoveFiles(ctx, FileOptions{From: first, To: second}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if done, err = MoveFiles(t.Context(), FileOptions{From: first, To: second}); err != nil || done.There != there || done.Copied != int64(len(want))-there {
		t.Errorf("%+v, %v", done, err)
	}
	holds(t, second, want)
}

func TestCheckedReader(t *testing.T) {
	info := func(s string) blob.Info {
		sum := sha256.Sum256([]byte(s))
		return blob.Info{Hash: hex.EncodeToString(sum[:]), Size: int64(len(s))}
	}
	for _, row := range []struct {
		name, content string
		want          blob.Info
		err           error
	}{
		{"the right content passes", "abc", info("abc"), nil},
		{"no content passes", "", info(""), nil},
		{"another one of the same size does not", "abd", info("abc"), errDamaged},
		{"a shorter one does not", "ab", info("abc"), errDamaged},
		{"a longer one does not", "abcd", info("abc"), errDamaged},
	} {
		var got bytes.Buffer
		if _, err := io.Copy(&got, &checkedReader{r: strings.NewReader(row.content), sum: sha256.New(), want: row.want}); !errors.Is(err, row.err) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
