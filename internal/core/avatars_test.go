package core_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
)

// portrait makes a picture of one colour.
func portrait(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 60, 40))
	for i := range img.Pix {
		img.Pix[i] = shade
	}
	img.Set(3, 3, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAvatars(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	w.told()
	set := func(shade uint8) (name string) {
		t.Helper()
		u, err := w.SetAvatar(w.ctx, ada, bytes.NewReader(portrait(t, shade)))
		w.must(err)
		name, ours := strings.CutPrefix(u.AvatarURL, core.AvatarPath)
		if !ours || blob.CheckHash(name) != nil {
			t.Fatalf("avatar at %q", u.AvatarURL)
		}
		return name
	}
	first := set(10)
	if !has(w.told(), func(e chat.UserChanged) bool { return e.User.AvatarURL == core.AvatarPath+first }) {
		t.Error("nobody was told")
	}
	body, kind, err := w.Avatar(w.ctx, first)
	w.must(err)
	shown, _, err := image.Decode(body)
	w.must(errors.Join(err, body.Close()))
	if size := shown.Bounds().Size(); size.X != size.Y || !strings.HasPrefix(kind, "image/") {
		t.Errorf("%s of %v", kind, size)
	}
	for _, tc := range []struct{ name, code string }{{strings.Repeat("0", 64), "picture_not_found"}, {"../../chat.db", "picture_not_found"}, {"", "picture_not_found"}} {
		_, _, err := w.Avatar(w.ctx, tc.name)
		w.want(err, tc.code)
	}
	_, err = w.SetAvatar(w.ctx, ada, strings.NewReader("not a picture"))
	if e := chat.AsError(err); e == nil || e.Kind != chat.Unsupported {
		t.Errorf("what is no picture: %v", err)
	}
	_, err = w.SetAvatar(w.ctx, ada, strings.NewReader(""))
	w.want(err, "attachment_empty")

	second := set(20)
	u, err := w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: ptr(core.AvatarPath + second)}) // sent back as it was read
	w.must(err)
	if u.AvatarURL != core.AvatarPath+second {
		t.Errorf("avatar at %q", u.AvatarURL)
	}
	third := set(30)
	_, err = w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: ptr("")})
	w.must(err)
	fourth := set(40)
	w.must(w.DeleteUser(w.ctx, ada, ada.UserID))
	w.must(w.Stop(w.ctx)) // waits for the deletions
	for _, name := range []string{first, second, third, fourth} {
		if _, err := w.blobs.Stat(w.ctx, name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("an avatar that nobody shows: %v", err)
		}
	}
}

func TestAnAvatarThatTwoShowStays(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	for _, by := range []chat.Actor{ada, bob} {
		_, err := w.SetAvatar(w.ctx, by, bytes.NewReader(portrait(t, 10)))
		w.must(err)
	}
	u, err := w.UpdateProfile(w.ctx, ada, core.Profile{AvatarURL: ptr("")})
	w.must(err)
	if u.AvatarURL != "" {
		t.Errorf("avatar at %q", u.AvatarURL)
	}
	w.must(w.Stop(w.ctx))
	me, err := w.Me(w.ctx, bob)
	w.must(err)
	if _, err := w.blobs.Stat(w.ctx, strings.TrimPrefix(me.AvatarURL, core.AvatarPath)); err != nil {
		t.Error(err)
	}
}
