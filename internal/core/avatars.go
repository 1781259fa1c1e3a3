package core

import (
	"context"
	"io"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/scan"
)

// AvatarPath is what the addresses of avatars kept here begin with; the name of the picture follows.
const AvatarPath = "/api/avatars/"

// SetAvatar stores a picture as the actor's avatar: cropped to a square, scaled, re-encoded without metadata. Fails like an
// upload.
func (c *Core) SetAvatar(ctx context.Context, by chat.Actor, picture io.Reader) (user *chat.User, err error) {
	old, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	if err := c.chargeProfile(ctx, by); err != nil {
		return nil, err
	}
	err = c.storePicture(ctx, by, picture, func(name string) error {
		user, err = c.updateUser(ctx, by, func(u *chat.User) { u.AvatarURL = AvatarPath + name })
		return err
	})
	if err != nil {
		return nil, err
	}
	if old.AvatarURL != user.AvatarURL {
		c.releaseAvatar(old.AvatarURL)
	}
	return user, nil
}

// Avatar opens the picture behind an avatar URL's name (64 hex digits): bytes and MIME type. Anyone may see it. Fails with
// picture_not_found.
func (c *Core) Avatar(ctx context.Context, name string) (io.ReadSeekCloser, string, error) {
	return c.openPicture(ctx, name, scan.JPEG, scan.PNG)
}

// releaseAvatar deletes the picture behind an avatar URL if nobody shows it any more.
func (c *Core) releaseAvatar(url string) {
	if name, ours := strings.CutPrefix(url, AvatarPath); ours {
		c.releaseBlobs([]string{name})
	}
}

func (c *Core) chargeProfile(ctx context.Context, by chat.Actor) error {
	return c.charge(ctx, "profile:"+string(by.UserID), profilesPerMinute, time.Minute, "You are changing your profile too often.")
}

// cleanUserAvatar accepts nothing or a web address. What is kept here comes from SetAvatar only, so that nobody can claim
// other files as their avatar.
func cleanUserAvatar(s string) (string, error) {
	if strings.HasPrefix(s, "/") {
		return "", chat.InvalidField("avatar_url", "avatar_url_invalid", "Upload the picture, or give its web address.")
	}
	return cleanAvatarURL(s)
}
