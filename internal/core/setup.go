package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"time"

	"parley/internal/chat"
)

const (
	// setupSetting is where the hash of the setup token is kept; null when there is none.
	setupSetting = "setup_token_hash"
	// setupSeedSetting is what nodes that share the store make the token of, together with their key.
	setupSeedSetting = "setup_token_seed"
)

// SetupToken returns the one-time token that makes the first owner, creating it at need, or "" once there is an owner. Its
// hash is kept in the store, so a restart prints a new one and the old one stops working; all nodes that share a store print
// the same one.
func (c *Core) SetupToken(ctx context.Context) (token string, err error) {
	fresh := c.newToken()
	done := false
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if done, err = tx.OwnerExists(ctx); err != nil || done {
			return nil, err
		}
		token = fresh
		if c.Shared {
			if token, err = c.sharedToken(ctx, tx, fresh); err != nil {
				return nil, err
			}
		}
		hash, err := json.Marshal(hashToken(token))
		if err != nil {
			return nil, err
		}
		return nil, tx.PutSetting(ctx, setupSetting, hash)
	})
	if err != nil || done {
		return "", err
	}
	return token, nil
}

// sharedToken makes the setup token of the seed in the store, which is set to fresh if there is none. Without the nodes' key
// the seed is of no use.
func (c *Core) sharedToken(ctx context.Context, tx Tx, fresh string) (string, error) {
	var seed string
	text, err := tx.Setting(ctx, setupSeedSetting)
	if err == nil {
		err = json.Unmarshal(text, &seed)
	} else if chat.AsError(err).Kind == chat.NotFound {
		seed = fresh
		if text, err = json.Marshal(seed); err == nil {
			err = tx.PutSetting(ctx, setupSeedSetting, text)
		}
	}
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, c.TokenKey)
	_, _ = mac.Write([]byte("setup token " + seed)) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

var (
	errSetupDone         = chat.Errorf(chat.Conflict, "setup_done", "This server has an owner already. Log in.")
	errSetupTokenInvalid = &chat.Error{Kind: chat.Forbidden, Code: "setup_token_invalid", Field: "token", Text: "This setup link is not valid, or no longer. Take the newest one from the server's log."}
)

// SetUp makes the owner account with the setup token, whatever the mode of registration. Fails with setup_done,
// setup_token_invalid and what Register fails with.
func (c *Core) SetUp(ctx context.Context, address, token string, r Registering) (Login, error) {
	if err := c.charge(ctx, "register:"+rateKey(address), c.Limits.RegisterPerMinute, time.Minute, "Too many attempts from your network."); err != nil {
		return Login{}, err
	}
	if err := c.checkSetup(ctx, c.Store, token); err != nil { // before the costly hash; the transaction has the last word
		return Login{}, err
	}
	r.Invite = ""
	return c.register(ctx, address, r, []chat.RoleID{chat.RoleOwner, chat.RoleUser}, func(ctx context.Context, tx Tx) error {
		if err := c.checkSetup(ctx, tx, token); err != nil {
			return err
		}
		return tx.PutSetting(ctx, setupSetting, json.RawMessage("null"))
	})
}

// checkSetup says whether the token may make the first owner.
func (c *Core) checkSetup(ctx context.Context, r Reader, token string) error {
	// In this order: who finds no token because it was just used then finds the owner that it made.
	value, err := r.Setting(ctx, setupSetting)
	if err != nil && chat.AsError(err).Kind != chat.NotFound {
		return err
	}
	done, err := r.OwnerExists(ctx)
	if err != nil {
		return err
	}
	if done {
		return errSetupDone
	}
	var hash string
	if len(value) > 0 {
		if err := json.Unmarshal(value, &hash); err != nil {
			return err
		}
	}
	if len(hash) == 0 || subtle.ConstantTimeCompare([]byte(hash), []byte(hashToken(token))) != 1 {
		return errSetupTokenInvalid
	}
	return nil
}
