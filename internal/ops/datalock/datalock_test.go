package datalock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holdVariable makes the test binary a second process that holds the lock of the
// directory it names until its standard input ends.
const holdVariable = "DATALOCK_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdVariable); dir != "" {
		lock, err := Acquire(dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		if err := lock.Release(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold starts a process that holds the lock of dir and returns it, with a
// function that lets it end by itself.
func hold(t *testing.T, dir string) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVariable+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("holder said %q, %v", line, err)
	}
	return cmd, func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("holder: %v", err)
		}
	}
}

func TestASecondProcessIsToldWhoHoldsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	holder, end := hold(t, dir)
	_, err := Acquire(dir)
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v, want a HeldError", err)
	}
	if age := time.Since(held.Since); held.PID != holder.Process.Pid || held.Dir != dir || age < -time.Minute || age > time.Hour {
		t.Errorf("got %+v, holder is %d", held, holder.Process.Pid)
	}
	for _, want := range []string{dir, fmt.Sprintf("process %d since 20", held.PID), "stop it first"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	end()
	lock, err := Acquire(dir)
	if err != nil {
		t.Fatalf("the lock was given back: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestAKilledProcessLocksNothing(t *testing.T) {
	dir := t.TempDir()
	holder, _ := hold(t, dir)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	if note, err := os.ReadFile(filepath.Join(dir, fileName)); err != nil || len(note) == 0 {
		t.Fatalf("no stale file: %v", err)
	}
	lock, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	note, err := os.ReadFile(filepath.Join(dir, fileName))
	if want := fmt.Sprintf("pid %d\n", os.Getpid()); err != nil || !strings.HasPrefix(string(note), want) {
		t.Errorf("the file says %q, %v", note, err)
	}
}

func TestOneProcessTwice(t *testing.T) {
	dir := t.TempDir()
	lock, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Acquire(dir); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("second: %v", err)
	}
	if err := errors.Join(lock.Release(), lock.Release()); err != nil {
		t.Errorf("release: %v", err)
	}
}

func TestWhatCannotBeLocked(t *testing.T) {
	var held *HeldError
	if _, err := Acquire(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) || errors.As(err, &held) {
		t.Errorf("a missing directory: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte("pid x\nstarted never\n\x00junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := Acquire(dir)
	if err != nil {
		t.Fatalf("a file with junk: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	unknown := (&HeldError{Dir: "d"}).Error()
	if want := "data directory d is in use by another process: stop it first, or choose another data directory"; unknown != want {
		t.Errorf("got %q", unknown)
	}
}
