package origin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// keyPrefix begins every validator_key (specs: originchats §2.1).
const keyPrefix = "originChats-"

// A validator_key is 12 random bytes and as many that only this server can make of them, so that any node knows a key that was
// given to a connection, without remembering it.
const keyHalf = 12

// newValidatorKey makes the key that a connection's validator must be made for: of its own, or the configured one (DV-05).
func (d *Dialect) newValidatorKey() string {
	if d.ValidateKey != "" {
		return keyPrefix + d.ValidateKey
	}
	b := make([]byte, keyHalf, 2*keyHalf)
	_, _ = rand.Read(b) // never fails
	return keyPrefix + base64.RawURLEncoding.EncodeToString(append(b, d.keySeal(b)...))
}

// ownKey tells whether a key was made here.
func (d *Dialect) ownKey(key string) bool {
	if d.ValidateKey != "" {
		return key == keyPrefix+d.ValidateKey
	}
	text, ok := strings.CutPrefix(key, keyPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return ok && err == nil && len(b) == 2*keyHalf && hmac.Equal(b[keyHalf:], d.keySeal(b[:keyHalf]))
}

func (d *Dialect) keySeal(b []byte) []byte {
	mac := hmac.New(sha256.New, d.keyKey)
	_, _ = mac.Write(b) // never fails
	return mac.Sum(nil)[:keyHalf]
}
