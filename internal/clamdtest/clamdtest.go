// Package clamdtest gives a test a ClamAV daemon of its own, with signatures that it knows, ended with the test.
//
// What does not belong here: real signatures, which are large, and everything about uploads.
package clamdtest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/internal/testservice"
)

// What the daemon finds, beside nothing else. They are kept apart in the source, so that scanners do not find this file.
const (
	EICAR   = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`
	Harmful = "only this test's " + "scanner minds this"

	EICARName   = "Eicar-Test-Signature.UNOFFICIAL"
	HarmfulName = "Test.Harmful-1.UNOFFICIAL"
)

const (
	program = "clamd"
	// StreamLimit is how much the daemon takes at once.
	StreamLimit = 1 << 20
)

// Daemon is one clamd.
type Daemon struct {
	Socket  string // path of its Unix socket
	Address string // host:port of its TCP socket

	binary, dir string
	process     testservice.Process
}

// Start starts a daemon that ends with the test. Where clamd is not installed the test is skipped, and fails if the
// environment variable CI is "true".
func Start(t testing.TB) *Daemon {
	t.Helper()
	testservice.Wanted(t)
	binary, err := find()
	if err != nil {
		testservice.Missing(t, "clamd is not installed (package clamav-daemon)")
	}
	dir, err := os.MkdirTemp("", "clamd-*") // short, as addresses of sockets must be, and open to the daemon's account
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{binary: binary, dir: dir, Socket: filepath.Join(dir, "socket")}
	t.Cleanup(func() {
		d.Stop(t)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for range 5 { // another process may take the port first
		if err = d.configure(); err == nil {
			err = d.start()
		}
		if err == nil {
			return d
		}
	}
	t.Fatalf("clamd does not start: %v\n%s", err, d.process.Output())
	return nil
}

// Stop kills the daemon.
func (d *Daemon) Stop(t testing.TB) {
	t.Helper()
	if err := d.process.Kill(); err != nil {
		t.Error(err)
	}
}

// Restart starts a stopped daemon again at the same addresses.
func (d *Daemon) Restart(t testing.TB) {
	t.Helper()
	if err := d.start(); err != nil {
		t.Fatalf("clamd does not start again: %v\n%s", err, d.process.Output())
	}
}

// configure writes the configuration and the signatures.
func (d *Daemon) configure() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.Address = l.Addr().String()
	host, port, err := net.SplitHostPort(d.Address)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	signatures := filepath.Join(d.dir, "signatures")
	config := fmt.Sprintf("Foreground yes\nLocalSocket %s\nFixStaleSocket yes\nTCPAddr %s\nTCPSocket %s\nDatabaseDirectory %s\nTemporaryDirectory %s\nStreamMaxLength %d\nMaxThreads 4\nSelfCheck 0\n",
		d.Socket, host, port, signatures, d.dir, StreamLimit)
	owner := -1
	if os.Geteuid() == 0 {
		account, err := unprivileged()
		if err != nil {
			return err
		}
		if owner, err = strconv.Atoi(account.Uid); err != nil {
			return err
		}
		config += "User " + account.Username + "\n"
	}
	var database bytes.Buffer // name:any type:any place:bytes
	fmt.Fprintf(&database, "Eicar-Test-Signature:0:*:%s\n", hex.EncodeToString([]byte(EICAR)))
	fmt.Fprintf(&database, "Test.Harmful-1:0:*:%s\n", hex.EncodeToString([]byte(Harmful)))
	err = os.MkdirAll(signatures, 0o755)
	for name, content := range map[string][]byte{"clamd.conf": []byte(config), filepath.Join("signatures", "test.ndb"): database.Bytes()} {
		err = errors.Join(err, os.WriteFile(filepath.Join(d.dir, name), content, 0o644))
	}
	if owner >= 0 {
		err = errors.Join(err, os.Chown(d.dir, owner, -1))
	}
	return err
}

// unprivileged is an account to run the daemon as, which refuses to run as root.
func unprivileged() (*user.User, error) {
	if account, err := user.Lookup("clamav"); err == nil {
		return account, nil
	}
	return user.Lookup("nobody")
}

func (d *Daemon) start() error {
	return d.process.Start(exec.Command(d.binary, "--config-file", filepath.Join(d.dir, "clamd.conf")), func() bool {
		return ping("unix", d.Socket) && ping("tcp", d.Address)
	})
}

func ping(network, address string) bool {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	answer := make([]byte, 5)
	err = errors.Join(conn.SetDeadline(time.Now().Add(5*time.Second)), func() error { _, err := conn.Write([]byte("zPING\x00")); return err }())
	if err != nil {
		return false
	}
	n, err := conn.Read(answer)
	return err == nil && string(answer[:n]) == "PONG\x00"
}

// find returns the daemon, which is not on everybody's path.
var find = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath(program)
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, program))
		}
	}
	return path, err
})
