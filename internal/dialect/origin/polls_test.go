package origin_test

import (
	"testing"
	"time"
)

// TestA35Polls is the acceptance scenario of polls.
func TestA35Polls(t *testing.T) { newWorld(t).play("polls", nil) }

func TestVotesEndWithTheTime(t *testing.T) {
	w := newWorld(t)
	bob := w.enter("bob")
	bob.send(map[string]any{"cmd": "poll_create", "channel": "general", "question": "Q?", "options": []any{"a", "b"}, "allow_multiselect": true, "duration_hours": 0.5})
	bob.expect("message_new")
	id := bob.expect("poll_create")["poll_id"]
	for _, option := range []string{"0", "1"} {
		bob.send(map[string]any{"cmd": "poll_vote", "poll_id": id, "option_ids": []string{option}})
		bob.expect("poll_vote_update")
		results := bob.expect("poll_vote")["results"].(map[string]any)
		if want := map[string]float64{"0": 1, "1": 2}[option]; results["total_votes"] != want {
			t.Errorf("after %s: %v votes, want %v: they are added", option, results["total_votes"], want)
		}
	}
	// Repeating is harmless.
	bob.send(map[string]any{"cmd": "poll_vote", "poll_id": id, "option_ids": []string{"1"}})
	if results := bob.expect("poll_vote")["results"].(map[string]any); results["total_votes"] != 2.0 {
		t.Errorf("repeated: %v", results)
	}
	w.wait(time.Hour)
	bob.send(map[string]any{"cmd": "poll_vote", "poll_id": id, "option_ids": []string{"0"}})
	if e := bob.expect("error"); e["val"] != "Poll has expired" {
		t.Errorf("after its time: %v", e)
	}
	bob.send(map[string]any{"cmd": "poll_get", "poll_id": id})
	if p := bob.expect("poll_get")["poll"].(map[string]any); p["ended"] != false {
		t.Errorf("a poll whose time is over has not ended: %v", p)
	}
}
