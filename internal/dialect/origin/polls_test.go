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

// TestAPollInAThread: its packets name the thread, and the forum as channel (DV-18).
func TestAPollInAThread(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.enter("alice"), w.enter("bob")
	bob.send(map[string]any{"cmd": "thread_create", "channel": "forum", "name": "T"})
	thread := bob.expect("thread_create")["thread"].(map[string]any)["id"]
	alice.expect("thread_create")
	bob.send(map[string]any{"cmd": "poll_create", "thread_id": thread, "question": "Q?", "options": []any{"a", "b"}})
	made := alice.expect("message_new")
	if made["channel"] != "forum" || made["thread_id"] != thread || made["message"].(map[string]any)["embeds"] == nil {
		t.Errorf("announced as %v", made)
	}
	alice.send(map[string]any{"cmd": "poll_vote", "poll_id": made["poll_id"], "option_ids": []string{"0"}})
	if p := alice.expect("poll_vote_update"); p["channel"] != "forum" || p["thread_id"] != thread {
		t.Errorf("voted: %v", p)
	}
	alice.expect("poll_vote")
	alice.send(map[string]any{"cmd": "poll_end", "message_id": made["id"]}) // the owner may manage messages
	if p := alice.expect("poll_end"); p["thread_id"] != thread || p["message_id"] != made["id"] {
		t.Errorf("ended: %v", p)
	}
	alice.send(map[string]any{"cmd": "thread_update", "thread_id": thread, "locked": true})
	alice.expect("poll_end") // the reply
	alice.expect("thread_update")
	alice.send(map[string]any{"cmd": "poll_create", "thread_id": thread, "question": "Q?", "options": []any{"a", "b"}})
	if e := alice.expect("error"); e["val"] != "This thread is locked" {
		t.Errorf("in a locked thread: %v", e)
	}
	alice.send(map[string]any{"cmd": "poll_create", "thread_id": "nope", "question": "Q?", "options": []any{"a", "b"}})
	if e := alice.expect("error"); e["val"] != "Thread not found" {
		t.Errorf("in no thread: %v", e)
	}
}

// TestPollsAreCharged: asking is writing (DV-20).
func TestPollsAreCharged(t *testing.T) {
	w := newWorld(t, func(s *setting) { s.core.Limits.MessagesPer10s = 1 })
	bob := w.enter("bob")
	for i := range 2 {
		bob.send(map[string]any{"cmd": "poll_create", "channel": "general", "question": "Q?", "options": []any{"a", "b"}})
		if i == 0 {
			bob.expect("message_new")
			bob.expect("poll_create")
		}
	}
	if p := bob.expect("rate_limit"); p["length"].(float64) <= 0 {
		t.Errorf("%v", p)
	}
}
