package tlscert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	validity    = 365 * 24 * time.Hour
	renewBefore = 30 * 24 * time.Hour
	fileName    = "self_signed.pem"
)

// SelfSigned serves a certificate that the server made for itself, for
// development and private networks: clients have to be told to trust it. It is
// kept in a file only the owner may read and made anew 30 days before its end, or
// when it lacks a host.
type SelfSigned struct {
	path  string
	hosts []string
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	looked  time.Time
}

// NewSelfSigned loads the certificate kept in dir, which is made at need, or makes
// one for localhost, 127.0.0.1, ::1 and the given names and addresses.
func NewSelfSigned(dir string, hosts []string) (*SelfSigned, error) {
	return newSelfSigned(dir, hosts, time.Now)
}

func newSelfSigned(dir string, hosts []string, now func() time.Time) (*SelfSigned, error) {
	s := &SelfSigned{path: filepath.Join(dir, fileName), hosts: append([]string{"localhost", "127.0.0.1", "::1"}, hosts...), now: now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	pair, err := loadPair(s.path, s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !s.usable(pair):
		pair, err = s.renew()
	case err != nil:
		err = fmt.Errorf("%w: remove %s to have a new one made", err, s.path)
	}
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	s.current, s.looked = pair, now()
	return s, nil
}

// TLSConfig returns a configuration that serves the current certificate.
func (s *SelfSigned) TLSConfig() *tls.Config {
	c := base()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate() }
	return c
}

// Fingerprint is that of the current certificate, for people to compare.
func (s *SelfSigned) Fingerprint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Fingerprint(s.current)
}

func (s *SelfSigned) certificate() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.looked) >= lookAgain {
		s.looked = now
		if !s.usable(s.current) {
			pair, err := s.renew()
			if err == nil {
				s.current = pair
			} else if now.After(s.current.Leaf.NotAfter) {
				return nil, fmt.Errorf("renew self-signed certificate: %w", err)
			}
		}
	}
	return s.current, nil
}

// usable says whether a certificate covers all hosts and will for a while.
func (s *SelfSigned) usable(c *tls.Certificate) bool {
	now := s.now()
	if now.Before(c.Leaf.NotBefore) || now.Add(renewBefore).After(c.Leaf.NotAfter) {
		return false
	}
	for _, host := range s.hosts {
		if c.Leaf.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

// renew makes a certificate and replaces the file by it.
func (s *SelfSigned) renew() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := s.now()
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: s.hosts[len(s.hosts)-1], OrganizationalUnit: []string{"self-signed"}},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // so that it can be put into a trust store
	}
	for _, host := range s.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	content = append(content, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := replaceFile(s.path, content); err != nil {
		return nil, err
	}
	return loadPair(s.path, s.path)
}

// replaceFile writes a file that only the owner may read, whole or not at all.
func replaceFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it is renamed
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
