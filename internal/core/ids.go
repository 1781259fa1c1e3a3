package core

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/google/uuid"

	"parley/internal/chat"
)

// newUserID makes a UUID of version 7 (RFC 9562, 5.7): sortable by the time of making at millisecond resolution.
func (c *Core) newUserID() chat.UserID {
	var id uuid.UUID
	c.random(id[6:])
	ms := uint64(c.now().UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return chat.UserID(id.String())
}

// newKey makes a UUID of version 4 (RFC 9562, 5.4): 122 random bits, not to be guessed.
func (c *Core) newKey() string {
	var id uuid.UUID
	c.random(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// newToken makes a secret of 256 random bits, fit for a URL.
func (c *Core) newToken() string {
	var b [32]byte
	c.random(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken is the form in which a token of newToken is kept. The token has all the randomness it needs, so a plain hash is
// enough.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// KeptKey returns 32 random bytes that are made once and kept with the data, the same on every node: for what must stay the
// same however often secrets are changed. It is no secret for logins.
func (c *Core) KeptKey(ctx context.Context, name string) ([]byte, error) {
	var key []byte
	read := func(r Reader) error {
		raw, err := r.Setting(ctx, "key."+name)
		if err == nil {
			err = json.Unmarshal(raw, &key)
		}
		return err
	}
	err := read(c.Store)
	if err == nil || chat.AsError(err).Kind != chat.NotFound {
		return key, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := read(tx); err == nil || chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
		key = make([]byte, 32)
		c.random(key)
		raw, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		return nil, tx.PutSetting(ctx, "key."+name, raw)
	})
	return key, err
}
