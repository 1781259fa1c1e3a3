package core

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"parley/internal/chat"
)

// Bounds of a password, in characters.
const (
	minPassword = 8
	maxPassword = 200
)

// argonParams are the costs of argon2id (RFC 9106).
type argonParams struct {
	time    uint32 // passes
	memory  uint32 // KiB
	threads uint8
}

// defaultArgon takes some 25 ms of one core and 19 MiB.
var defaultArgon = argonParams{time: 2, memory: 19 << 10, threads: 1}

// Bounds of what a stored hash may ask for, so that a damaged one cannot stop the server.
const (
	maxArgonTime   = 64
	maxArgonMemory = 1 << 20 // KiB
	saltBytes      = 16
	hashBytes      = 32
)

// argonHash is a password hash with all that is needed to repeat it.
type argonHash struct {
	argonParams
	salt, sum []byte
}

// String is the PHC form: $argon2id$v=19$m=19456,t=2,p=1$salt$hash.
func (h argonHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// parseHash reads the form that String writes; ok is false for anything else.
func parseHash(s string) (h argonHash, ok bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return argonHash{}, false
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return argonHash{}, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return argonHash{}, false
	}
	if h.time < 1 || h.time > maxArgonTime || h.threads < 1 || h.memory < 8*uint32(h.threads) || h.memory > maxArgonMemory {
		return argonHash{}, false
	}
	strict := base64.RawStdEncoding.Strict()
	var err error
	if h.salt, err = strict.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return argonHash{}, false
	}
	if h.sum, err = strict.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return argonHash{}, false
	}
	return h, h.String() == s // one hash has one form
}

// derive computes a hash. It waits for one of the few places, so that many log-ins at once cannot take all memory.
func (c *Core) derive(ctx context.Context, password string, p argonParams, salt []byte, n int) ([]byte, error) {
	select {
	case c.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.hashing }()
	return argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, uint32(n)), nil
}

// hashPassword returns what is stored of a password.
func (c *Core) hashPassword(ctx context.Context, password string) (string, error) {
	h := argonHash{argonParams: c.argon, salt: make([]byte, saltBytes)}
	c.random(h.salt)
	var err error
	h.sum, err = c.derive(ctx, normalPassword(password), h.argonParams, h.salt, hashBytes)
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

// checkPassword says whether a password is the one that was hashed, and whether the hash should be made anew because the
// costs have changed. For an unusable hash it takes as long and says no.
func (c *Core) checkPassword(ctx context.Context, stored, password string) (match, stale bool, err error) {
	h, ok := parseHash(stored)
	if !ok {
		h = argonHash{argonParams: c.argon, salt: make([]byte, saltBytes), sum: make([]byte, hashBytes)}
	}
	fits := len(password) <= utf8.UTFMax*maxPassword // a longer one was never accepted
	if !fits {
		password = ""
	}
	sum, err := c.derive(ctx, normalPassword(password), h.argonParams, h.salt, len(h.sum))
	if err != nil {
		return false, false, err
	}
	match = subtle.ConstantTimeCompare(sum, h.sum) == 1 && ok && fits
	return match, match && (h.argonParams != c.argon || len(h.salt) < saltBytes || len(h.sum) < hashBytes), nil
}

// normalPassword makes the same password of what different keyboards send for it (RFC 8265, 4.2).
func normalPassword(s string) string { return norm.NFC.String(s) }

// checkNewPassword refuses what cannot be a password. Any Unicode will do. Fails with password_invalid.
func checkNewPassword(password string) error {
	if len(password) > utf8.UTFMax*maxPassword || !utf8.ValidString(password) {
		return errPasswordInvalid
	}
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return errPasswordInvalid
	}
	return nil
}

var errPasswordInvalid = chat.InvalidField("password", "password_invalid", "A password has %d to %d characters.", minPassword, maxPassword)
