package fs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"parley/internal/blob"
	"parley/internal/blob/blobtest"
)

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return started(t, filepath.Join(t.TempDir(), "blobs")) })
}

func TestWithoutStart(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return New(filepath.Join(t.TempDir(), "blobs")) })
}

func TestFilesAreForTheServerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := started(t, dir)
	info, err := s.Put(t.Context(), strings.NewReader("private"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, info.Hash[:2], info.Hash[2:4], info.Hash)); err != nil {
		t.Error(err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(fileMode)
		if e.IsDir() {
			want = dirMode
		}
		if st.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, st.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoTemporaryFileStays(t *testing.T) {
	dir := t.TempDir()
	s := started(t, dir)
	if _, err := s.Put(t.Context(), strings.NewReader("fine")); err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(strings.NewReader("half"), failing{})
	if _, err := s.Put(t.Context(), broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if left := tempFiles(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestStartRemovesOrphansAndKeepsBlobs(t *testing.T) {
	dir := t.TempDir()
	s := started(t, dir)
	info, err := s.Put(t.Context(), strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tempDir, "put-1"), []byte("half a"), fileMode); err != nil {
		t.Fatal(err)
	}
	started(t, dir)
	if left := tempFiles(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if _, err := s.Stat(t.Context(), info.Hash); err != nil {
		t.Error(err)
	}
}

func TestStartFailsWhereItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	s := New(filepath.Join(file, "blobs"))
	if err := s.Start(t.Context()); err == nil {
		t.Error("started inside a file")
	}
	if _, err := s.Put(t.Context(), strings.NewReader("x")); err == nil {
		t.Error("put inside a file")
	}
}

func TestPutTakesLittleMemory(t *testing.T) {
	s := started(t, t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.Put(t.Context(), io.LimitReader(zeros{}, 32<<20)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes", took)
	}
}

func TestPutRepairsADamagedBlob(t *testing.T) {
	s := started(t, t.TempDir())
	content := []byte("whole content")
	info, err := s.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.path(info.Hash), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(s.path(info.Hash)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestAReaderOutlivesADelete(t *testing.T) {
	s := started(t, t.TempDir())
	info, err := s.Put(t.Context(), strings.NewReader("still here"))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Open(t.Context(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Delete(t.Context(), info.Hash); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "still here" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestListPassesOverStrangers(t *testing.T) {
	dir := t.TempDir()
	s := started(t, dir)
	hash := strings.Repeat("ab", 32)
	for _, path := range []string{
		"ab/cd/" + hash,             // in the wrong directory
		"ab/ab/" + hash[:63],        // not a hash
		"ab/ab/.nfs0001",            // left by a network file system
		"AB/ab/" + hash,             // directory in upper case
		"lost+found/ab/" + hash,     // not ours
		"ab/ab/" + hash + "/nested", // a directory where a file belongs
		"note.txt",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), dirMode); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), nil, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	err := s.List(t.Context(), func(i blob.Info) error { t.Errorf("listed %s", i.Hash); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T, dir string) *Store {
	t.Helper()
	s := New(dir)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

func tempFiles(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, tempDir))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
