// Package doctor looks at a data directory, its settings and the server that runs on it, and says what is wrong and what to
// do. It changes nothing and needs no server.
//
// Repairing does not belong here, nor anything that a server checks by itself when it starts.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/app"
	"parley/internal/config"
	"parley/internal/ops/datalock"
	"parley/internal/scan/clamd"
	stateredis "parley/internal/state/redis"
)

// Level is how bad a finding is.
type Level string

// The levels of a finding.
const (
	Good Level = "ok"
	Warn Level = "warning" // it works, but will not for long, or not as it should
	Bad  Level = "fault"   // it does not work
)

// Finding is the result of one check.
type Finding struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`             // what was found
	Advice string `json:"advice,omitempty"` // what to do, if anything
}

// Patient is what is looked at.
type Patient struct {
	Config   config.Config
	Warnings []string // of the settings
	Program  string   // how commands are called in advice
}

func good(check, format string, args ...any) Finding {
	return Finding{Check: check, Level: Good, Text: fmt.Sprintf(format, args...)}
}

func (f Finding) but(level Level, advice string) Finding {
	f.Level, f.Advice = level, advice
	return f
}

// Quick asks only whether a server runs on the data directory and is ready, within a few seconds.
func Quick(ctx context.Context, p Patient) []Finding {
	if address, _ := p.readyAddress(); address != "" { // without taking the lock, which a server that starts now would miss
		return []Finding{p.server(ctx)}
	}
	running, lock := p.lock()
	if !running {
		return []Finding{good("server", "%s", lock.Text).but(Bad, "start it: "+p.Program+" serve")}
	}
	return []Finding{p.server(ctx)}
}

// Full makes every check. Reading the whole database takes its time where it is large.
func Full(ctx context.Context, p Patient) []Finding {
	out := []Finding{p.settings()}
	directory := p.directory()
	out = append(out, directory)
	if directory.Level == Bad {
		return out
	}
	running, lock := p.lock()
	out = append(out, lock, p.secrets(), p.disk(), p.files())
	out = append(out, p.database(ctx)...)
	out = append(out, p.certificate(time.Now()))
	if p.Config.Scan.Mode == config.ScanClamd {
		out = append(out, p.scanner(ctx))
	}
	if p.Config.RedisURL != "" {
		out = append(out, p.redis(ctx), p.nodes())
	}
	if running {
		out = append(out, p.server(ctx))
	}
	return out
}

func (p Patient) settings() Finding {
	if len(p.Warnings) > 0 {
		return good("settings", "%s", strings.Join(p.Warnings, "; ")).but(Warn, "correct or remove them")
	}
	return good("settings", "fit together")
}

// redis asks whether Redis answers.
func (p Patient) redis(ctx context.Context) Finding {
	const check = "redis"
	address := config.RedactURL(p.Config.RedisURL)
	s, err := stateredis.New(stateredis.Options{URL: p.Config.RedisURL})
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct redis_url")
	}
	err = errors.Join(s.Start(ctx), s.Stop(ctx))
	if err != nil {
		return good(check, "Redis at %s does not answer: %v", address, err).but(Bad, "start it, or correct redis_url; until then the nodes do not hear each other")
	}
	return good(check, "Redis at %s answers", address)
}

// nodes looks for what several nodes have to share.
func (p Patient) nodes() Finding {
	const check = "nodes"
	if warnings := app.NodesWarnings(p.Config); len(warnings) > 0 {
		return good(check, "%s", strings.Join(warnings, "; ")).but(Warn, "set them, or remove redis_url if there is one node")
	}
	return good(check, "share a database and files")
}

// scanner asks the ClamAV daemon for its version.
func (p Patient) scanner(ctx context.Context) Finding {
	const check = "malware scanner"
	address := p.Config.Scan.ClamdAddress
	s, err := clamd.New(clamd.Options{Address: address})
	if err != nil {
		return good(check, "%v", err).but(Bad, "correct scan.clamd_address")
	}
	version, err := s.Version(ctx)
	if err != nil {
		return good(check, "clamd at %s does not answer: %v", address, err).but(Bad, "start it, or correct scan.clamd_address; until then uploads are refused or wait, as scan.unreachable says")
	}
	return good(check, "clamd at %s answers: %s", address, version)
}

func (p Patient) directory() Finding {
	const check = "data directory"
	dir := p.Config.Data
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return good(check, "%s does not exist yet", dir).but(Bad, "start the server once, or choose another one with --data")
	case err != nil:
		return good(check, "%v", err).but(Bad, "run this as the account that runs the server")
	case !info.IsDir():
		return good(check, "%s is no directory", dir).but(Bad, "choose another one with --data")
	}
	if err := unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		return good(check, "%s cannot be written to", dir).but(Bad, "run this as the account that runs the server, or give it the directory")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return good(check, "%s is open to other accounts (mode %04o)", dir, mode).but(Warn, "chmod 700 "+dir)
	}
	return good(check, "%s is there, and for this account alone", dir)
}

// lock says whether a process works on the data directory.
func (p Patient) lock() (running bool, f Finding) {
	const check = "lock"
	l, err := datalock.Acquire(p.Config.Data)
	var held *datalock.HeldError
	switch {
	case errors.As(err, &held):
		return true, good(check, "process %d works on the data directory since %s", held.PID, held.Since.Local().Format(time.DateTime))
	case err != nil:
		return false, good(check, "%v", err).but(Bad, "run this as the account that runs the server")
	}
	if err := l.Release(); err != nil {
		return false, good(check, "%v", err).but(Warn, "is the disk full or read-only?")
	}
	return false, good(check, "no server is running on the data directory")
}

func (p Patient) secrets() Finding {
	const check = "secrets"
	dir := app.LayoutOf(p.Config).Secrets
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return good(check, "%v", err).but(Bad, "run this as the account that runs the server")
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone since
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			return good(check, "%s can be read by others (mode %04o)", filepath.Join(dir, e.Name()), mode).but(Bad, "chmod 600 it, and replace it if someone may have seen it")
		}
	}
	return good(check, "%d kept, for this account alone", len(entries))
}

// Bounds of free space, below which the server will soon stop.
const (
	littleSpace = 1 << 30
	noSpace     = 64 << 20
)

func (p Patient) disk() Finding {
	const check = "disk space"
	var s unix.Statfs_t
	if err := unix.Statfs(p.Config.Data, &s); err != nil {
		return good(check, "%v", err).but(Warn, "look yourself: df -h "+p.Config.Data)
	}
	free := s.Bavail * uint64(s.Bsize)
	f := good(check, "%s free", size(free))
	switch {
	case free < noSpace:
		return f.but(Bad, "make room: the server cannot store messages on a full disk")
	case free < littleSpace || s.Ffree < 1000 && s.Files > 0:
		return f.but(Warn, "make room soon")
	}
	return f
}

func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return fmt.Sprintf("%.4g %s", v, units[i])
}

// fewFiles is a limit of open files that a busy server reaches: each connection is one.
const fewFiles = 4096

func (p Patient) files() Finding {
	const check = "open files"
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return good(check, "%v", err).but(Warn, "look yourself: ulimit -n")
	}
	f := good(check, "%d allowed to programs started from here", limit.Cur)
	if limit.Cur < fewFiles {
		return f.but(Warn, "each connection is one: raise the limit (ulimit -n 65536, LimitNOFILE= in systemd)")
	}
	return f
}
