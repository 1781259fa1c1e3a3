// Package tlscert gets the certificate of the public listeners: from files, made
// by the server itself, or from an ACME authority.
//
// Each source returns a *tls.Config that always serves the current certificate.
// None owns a goroutine: what has to be looked at again is looked at during a
// handshake. Listeners and redirects do not belong here.
package tlscert

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// lookAgain is how long a certificate is served before its source is asked whether
// it is still the one.
const lookAgain = time.Second

// base is what all sources have in common.
func base() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// Files serves the pair of PEM files at cert and key and takes over a new pair
// when either file changes. A new pair that does not fit together (one file is
// replaced before the other) is not taken over, logged, and tried again later.
type Files struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	stamp   string // of the files current was read from, or last failed to be
	looked  time.Time
}

// NewFiles reads the pair; it fails if there is no usable one.
func NewFiles(cert, key string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log, now: time.Now}
	var err error
	if f.current, err = loadPair(cert, key); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if f.stamp, err = stamp(cert, key); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	f.looked = f.now()
	return f, nil
}

// TLSConfig returns a configuration that serves the current pair.
func (f *Files) TLSConfig() *tls.Config {
	c := base()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.certificate(), nil }
	return c
}

func (f *Files) certificate() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookAgain {
		f.looked = now
		f.reload()
	}
	return f.current
}

// reload takes over changed files; f.mu is held.
func (f *Files) reload() {
	stamp, err := stamp(f.cert, f.key)
	if err == nil && stamp == f.stamp {
		return
	}
	var pair *tls.Certificate
	if err == nil {
		pair, err = loadPair(f.cert, f.key)
	}
	if err != nil {
		if stamp != f.stamp { // once per change
			f.log.Warn("keeping the old certificate", slog.Any("error", err))
		}
		f.stamp = stamp
		return
	}
	f.current, f.stamp = pair, stamp
	f.log.Info("took over a new certificate", slog.Time("not_after", pair.Leaf.NotAfter), slog.String("fingerprint", Fingerprint(pair)))
}

func loadPair(cert, key string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &pair, nil
}

// stamp changes when a file does. A missing file has a stamp of its own.
func stamp(paths ...string) (string, error) {
	var b strings.Builder
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return "missing " + path, err
			}
			return "unreadable " + path, err
		}
		fmt.Fprintf(&b, "%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return b.String(), nil
}

// Fingerprint is the SHA-256 of a certificate as people compare it: AB:CD:…
func Fingerprint(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	pairs := make([]string, 0, len(sum))
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":")
}
