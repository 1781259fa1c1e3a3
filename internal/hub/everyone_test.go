package hub

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"testing"

	"parley/internal/chat"
)

func TestEmojiGoToEveryone(t *testing.T) {
	s := newStage(t)
	ada, eve := s.User("ada"), s.User("eve")
	s.Room(ada)
	_, la := s.connect(ada)
	_, le := s.connect(eve) // shares no room with her
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	e, err := s.AddEmoji(context.Background(), chat.Operator, "wave", &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveEmoji(context.Background(), chat.Operator, e.ID); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*line{la, le} {
		l.wait(t, contains("chat.EmojiAdded"))
		l.wait(t, contains("chat.EmojiRemoved"))
	}
}
