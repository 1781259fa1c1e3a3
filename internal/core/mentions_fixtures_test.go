package core_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"parley/internal/chat"
)

// What the web UI shows as a mention must be one, and the other way round: its tests read the same texts.
func TestMentionsAgreeWithTheWebUI(t *testing.T) {
	raw, err := os.ReadFile("../../web/src/lib/markdown/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures struct {
		Mentions []struct {
			Name, Markdown string
			Mentioned      []string
		}
	}
	if err := json.Unmarshal(raw, &fixtures); err != nil {
		t.Fatal(err)
	}
	if len(fixtures.Mentions) == 0 {
		t.Fatal("no fixtures")
	}
	w := newWorld(t)
	people := map[string]chat.Actor{"ada": w.user("ada"), "eve": w.user("eve"), "bob": w.user("bob")}
	id := w.room("Tea", chat.Private, people["ada"], people["eve"], people["bob"])
	for _, f := range fixtures.Mentions {
		t.Run(f.Name, func(t *testing.T) {
			var want []chat.UserID
			for _, name := range f.Mentioned {
				want = append(want, people[name].UserID)
			}
			if msg := w.say(people["ada"], id, f.Markdown); !slices.Equal(msg.Mentions, want) {
				t.Errorf("%q mentions %v, want %v", f.Markdown, msg.Mentions, want)
			}
		})
	}
}
