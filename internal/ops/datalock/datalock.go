// Package datalock keeps two servers from working on one data directory.
//
// The lock is the kernel's, on a file in the directory, and ends with the process
// that holds it: a file left behind by a crash locks nothing. It says nothing
// about commands that may run beside a server; those do not take it.
package datalock

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fileName is the lock file in the data directory.
const fileName = "lock"

// HeldError says who holds the lock that was asked for.
type HeldError struct {
	Dir   string
	PID   int       // 0 = unknown
	Since time.Time // zero = unknown
}

// Error names the holder and what to do.
func (e *HeldError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = "process " + strconv.Itoa(e.PID)
	}
	if !e.Since.IsZero() {
		who += " since " + e.Since.Local().Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it first, or choose another data directory", e.Dir, who)
}

// Lock is an exclusive hold on a data directory.
type Lock struct{ file *os.File }

// Acquire takes the lock of dir, which must exist, and notes this process in it.
// If another process holds it, the error is a *HeldError.
func Acquire(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		held := readHolder(f, dir)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held
		}
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	l := &Lock{file: f}
	note := fmt.Sprintf("pid %d\nstarted %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := l.write(note); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), l.Release())
	}
	return l, nil
}

// Release gives the lock back. A second call does nothing.
func (l *Lock) Release() error {
	if l.file == nil {
		return nil
	}
	// The file stays: removing it would let two processes lock two files of one name.
	err := errors.Join(l.write(""), l.file.Close())
	l.file = nil
	return err
}

func (l *Lock) write(note string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(note), 0)
	return err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// readHolder reads what the holder noted, as far as it can be read.
func readHolder(f *os.File, dir string) *HeldError {
	held := &HeldError{Dir: dir}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "pid":
			held.PID, _ = strconv.Atoi(value) // 0 = unknown
		case "started":
			held.Since, _ = time.Parse(time.RFC3339, value) // zero = unknown
		}
	}
	return held
}
