package notify

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"parley/internal/safedial"
)

// Secrets keeps the server's key pair (package secret).
type Secrets interface {
	Text(name string, generate func() (string, error)) (string, error)
}

// secretName is the secret that holds the private VAPID key: 32 bytes in base64url. It stays for ever: with another one every
// subscription is void.
const secretName = "vapid"

// keyPair is the server's identity before push services (RFC 8292), both halves in base64url.
type keyPair struct{ private, public string }

func loadKeys(s Secrets) (keyPair, error) {
	text, err := s.Text(secretName, func() (string, error) {
		key, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			return "", err
		}
		return base64.RawURLEncoding.EncodeToString(key.Bytes()), nil
	})
	if err != nil {
		return keyPair{}, err
	}
	var key *ecdh.PrivateKey
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err == nil {
		key, err = ecdh.P256().NewPrivateKey(raw)
	}
	if err != nil {
		return keyPair{}, fmt.Errorf("secret %s: it must hold a private key of P-256, 32 bytes in base64url", secretName)
	}
	return keyPair{private: base64.RawURLEncoding.EncodeToString(raw), public: base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())}, nil
}

// ErrNoSubject says that there is no contact that push services would accept.
var ErrNoSubject = errors.New("push services want to know whom to contact: an https address or a bare mail address on a public domain")

// Subject picks the contact that push services are given (RFC 8292, 2.1): the operator's setting or, when that is empty, the
// server's public address. Services refuse what is not on a public domain, and a mail address that begins with "mailto:"
// would get a second one. Fails with ErrNoSubject.
func Subject(setting, publicURL string) (string, error) {
	s := setting
	if s == "" {
		s = publicURL
	}
	if u, err := url.Parse(s); err == nil && u.Scheme == "https" && u.User == nil && safedial.PublicHost(u.Hostname()) {
		return s, nil
	}
	if a, err := mail.ParseAddress(s); err == nil && a.Address == s {
		if at := strings.LastIndexByte(s, '@'); safedial.PublicHost(s[at+1:]) && !strings.HasPrefix(strings.ToLower(s), "mailto:") {
			return s, nil
		}
	}
	return "", fmt.Errorf("%w: %q is neither", ErrNoSubject, s)
}
