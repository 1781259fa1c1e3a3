package core_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"io"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// animation makes a GIF that moves.
func animation(t *testing.T, side int) []byte {
	t.Helper()
	var g gif.GIF
	for i := range 3 {
		frame := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
		frame.SetColorIndex(i, i, 1)
		g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// content reads the picture of an emoji.
func (w *world) content(e chat.Emoji) (content []byte, kind string) {
	w.Helper()
	body, kind, err := w.EmojiPicture(w.ctx, e.Hash)
	w.must(err)
	content, err = io.ReadAll(body)
	w.must(err)
	w.must(body.Close())
	return content, kind
}

func TestCustomEmoji(t *testing.T) {
	w := newWorld(t, scanned)
	root, ada := w.user("root", chat.RoleAdmin), w.user("ada")
	w.told()
	parrot, err := w.AddEmoji(w.ctx, root, "Party_Parrot", bytes.NewReader(animation(t, 40)))
	w.must(err)
	if parrot.ID != 0 || parrot.Name != "Party_Parrot" || !parrot.Animated || parrot.Width != 40 || parrot.Version != 1 || parrot.CreatedBy != root.UserID {
		t.Errorf("added %+v", parrot)
	}
	if events := w.told(); len(events) != 1 || events[0] != (chat.EmojiAdded{Emoji: parrot}) {
		t.Errorf("told %+v", events)
	}
	if content, kind := w.content(parrot); kind != "image/gif" || !bytes.Equal(content, animation(t, 40)) {
		t.Errorf("what moves is kept as it is: %s of %d bytes", kind, len(content))
	}
	large, err := w.AddEmoji(w.ctx, root, "large", bytes.NewReader(picture(t, 600, 300, 1)))
	w.must(err)
	if content, kind := w.content(large); kind != "image/jpeg" || large.MIMEType != kind || large.Width != 256 || large.Height != 128 || large.Animated || len(content) == 0 {
		t.Errorf("a large picture: %+v, %s", large, kind)
	}
	list, err := w.CustomEmoji(w.ctx, ada)
	if err != nil || len(list) != 2 || list[0] != parrot || list[1] != large {
		t.Errorf("listed %+v, %v", list, err)
	}

	w.told()
	again, err := w.UpdateEmoji(w.ctx, root, large.ID, core.EmojiChange{Name: ptr("small"), Picture: bytes.NewReader(picture(t, 20, 20, 9))})
	w.must(err)
	if again.Name != "small" || again.Hash == large.Hash || again.Version != 2 || again.Width != 20 {
		t.Errorf("changed to %+v", again)
	}
	if events := w.told(); len(events) != 1 || events[0] != (chat.EmojiUpdated{Emoji: again}) {
		t.Errorf("told %+v", events)
	}
	same, err := w.UpdateEmoji(w.ctx, root, large.ID, core.EmojiChange{Name: ptr("small"), Picture: bytes.NewReader(picture(t, 20, 20, 9))})
	if err != nil || same != again || len(w.told()) != 0 {
		t.Errorf("the same again: %+v, %v", same, err)
	}
	if n := w.stored(); n != 2 {
		t.Errorf("%d pictures are kept", n)
	}
	w.must(w.RemoveEmoji(w.ctx, root, parrot.ID))
	if events := w.told(); len(events) != 1 || events[0] != (chat.EmojiRemoved{ID: parrot.ID, Name: parrot.Name}) {
		t.Errorf("told %+v", events)
	}
	if n := w.stored(); n != 1 {
		t.Errorf("%d pictures are kept", n)
	}
	entries, _, err := w.Audit(w.ctx, root, chat.AuditFilter{Action: "emoji."}, chat.Page{Limit: 10})
	if err != nil || len(entries) != 4 {
		t.Errorf("%d audit entries, %v", len(entries), err)
	}
}

func TestCustomEmojiRefusals(t *testing.T) {
	w := newWorld(t, scanned)
	root := w.user("root", chat.RoleAdmin)
	wave, err := w.AddEmoji(w.ctx, root, "wave", bytes.NewReader(picture(t, 20, 20, 1)))
	w.must(err)
	good := picture(t, 20, 20, 1)
	for _, tc := range []struct {
		name, emoji string
		picture     []byte
		code        string
	}{
		{"a name is needed", "", good, "emoji_name_invalid"},
		{"a name has no blanks", "a b", good, "emoji_name_invalid"},
		{"a name has no other letters", "größe", good, "emoji_name_invalid"},
		{"a name has no colons", ":wave:", good, "emoji_name_invalid"},
		{"a name is bounded", strings.Repeat("a", 65), good, "emoji_name_invalid"},
		{"a long name is fine", strings.Repeat("a", 64), good, ""},
		{"a name is unique without regard to case", "WAVE", good, "emoji_name_taken"},
		{"a vector picture can hold programs", "svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'></svg>"), "type_not_allowed"},
		{"nothing is no picture", "nothing", nil, "attachment_empty"},
		{"half a picture", "half", picture(t, 50, 50, 1)[:60], "image_invalid"},
		{"a bomb", "bomb", hugePicture(), "image_bomb"},
		{"what moves is not large", "large", animation(t, 513), "image_bomb"},
		{"a file is bounded", "heavy", append(bytes.Clone(good), make([]byte, 256<<10)...), "attachment_too_large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.AddEmoji(w.ctx, root, tc.emoji, bytes.NewReader(tc.picture)); chat.CodeOf(err) != tc.code {
				t.Errorf("adding: %v, want %q", err, tc.code)
			}
		})
	}
	bow, err := w.AddEmoji(w.ctx, root, "bow", bytes.NewReader(picture(t, 20, 20, 2)))
	w.must(err)
	for _, tc := range []struct {
		name string
		id   chat.EmojiID
		to   string
		code string
	}{
		{"another's name", bow.ID, "Wave", "emoji_name_taken"},
		{"no name", bow.ID, "", "emoji_name_invalid"},
		{"an emoji that is not there", 99, "x", "emoji_not_found"},
		{"its own name in capitals", wave.ID, "WAVE", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := w.UpdateEmoji(w.ctx, root, tc.id, core.EmojiChange{Name: &tc.to}); chat.CodeOf(err) != tc.code {
				t.Errorf("renaming: %v, want %q", err, tc.code)
			}
		})
	}
	_, err = w.UpdateEmoji(w.ctx, root, 99, core.EmojiChange{Picture: bytes.NewReader(good)})
	w.want(err, "emoji_not_found")
	w.want(w.RemoveEmoji(w.ctx, root, 99), "emoji_not_found")
	_, _, err = w.EmojiPicture(w.ctx, strings.Repeat("0", 64))
	w.want(err, "picture_not_found")
}

func TestReactionsWithCustomEmoji(t *testing.T) {
	w := newWorld(t)
	root, ada, bob := w.user("root", chat.RoleAdmin), w.user("ada"), w.user("bob")
	msg := w.say(ada, w.room("Tea", chat.Public, ada, bob), "x")
	_, _, err := w.React(w.ctx, ada, msg.ID, ":wave:")
	w.want(err, "emoji_unknown")
	wave, err := w.AddEmoji(w.ctx, root, "Wave", bytes.NewReader(picture(t, 20, 20, 1)))
	w.must(err)
	for _, by := range []chat.Actor{ada, bob} {
		if m, added, err := w.React(w.ctx, by, msg.ID, ":WAVE:"); err != nil || !added || m.Reactions[0].Emoji != ":Wave:" || len(m.Reactions) != 1 {
			t.Errorf("%+v, %v, %v", m, added, err)
		}
	}
	if m, removed, err := w.Unreact(w.ctx, ada, msg.ID, ":wave:"); err != nil || !removed {
		t.Errorf("%+v, %v, %v", m, removed, err)
	}
	w.must(w.RemoveEmoji(w.ctx, root, wave.ID))
	if m, err := w.Message(w.ctx, ada, msg.ID); err != nil || len(m.Reactions) != 1 || m.Reactions[0].Emoji != ":Wave:" {
		t.Errorf("the reaction did not stay: %+v, %v", m.Reactions, err)
	}
	_, _, err = w.React(w.ctx, ada, msg.ID, ":Wave:")
	w.want(err, "emoji_unknown")
	if m, removed, err := w.Unreact(w.ctx, bob, msg.ID, ":Wave:"); err != nil || !removed || len(m.Reactions) != 0 {
		t.Errorf("taking back one that is gone: %+v, %v, %v", m, removed, err)
	}
}
