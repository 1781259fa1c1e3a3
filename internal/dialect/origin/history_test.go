package origin_test

import (
	"fmt"
	"testing"

	"parley/internal/chat"
	"parley/internal/core"
)

// say has somebody write m0, m1, … in a room, without reading them.
func (w *world) say(by chat.Actor, room chat.RoomID, n int) {
	w.Helper()
	for i := range n {
		if _, _, err := w.core.SendMessage(w.Context(), by, core.NewMessage{RoomID: room, Content: fmt.Sprintf("m%d", i), KeepRead: true}); err != nil {
			w.Fatal(err)
		}
	}
}

// contents are the first and the last of a list's messages, and how many there are.
func contents(packet map[string]any) string {
	list, _ := packet["messages"].([]any)
	if len(list) == 0 {
		return "none"
	}
	text := func(i int) any { return list[i].(map[string]any)["content"] }
	return fmt.Sprintf("%v…%v %d", text(0), text(len(list)-1), len(list))
}

func idAt(packet map[string]any, i int) any {
	list := packet["messages"].([]any)
	return list[i].(map[string]any)["id"]
}

func ranged(packet map[string]any) string {
	r := packet["range"].(map[string]any)
	return fmt.Sprintf("%v–%v", r["start"], r["end"])
}

func TestA13HistoryPaging(t *testing.T) {
	w := newWorld(t)
	w.lines("general", 250)
	bob := w.enter("bob")
	last := ""
	get := func(fields map[string]any) map[string]any {
		t.Helper()
		fields["cmd"], fields["channel"] = "messages_get", "general"
		bob.send(fields)
		update := bob.expect("unreads_update")
		if last == "" {
			last = update["last_read"].(string)
		}
		if update["last_read"] != last || update["channel"] != "general" {
			t.Errorf("before the reply: %v", update)
		}
		return bob.expect("messages_get")
	}
	page := get(map[string]any{})
	if contents(page) != "m150…m249 100" || ranged(page) != "0–100" || idAt(page, 99) != last {
		t.Errorf("the newest: %s, %s", contents(page), ranged(page))
	}
	page = get(map[string]any{"start": 100, "limit": 100})
	if contents(page) != "m50…m149 100" || ranged(page) != "100–200" {
		t.Errorf("the next: %s, %s", contents(page), ranged(page))
	}
	m50 := idAt(page, 0)
	for _, c := range []struct {
		fields        map[string]any
		want, between string
	}{
		{map[string]any{"limit": 500}, "m50…m249 200", "0–200"},
		{map[string]any{"start": m50, "limit": 30}, "m20…m49 30", "200–230"},
		{map[string]any{"start": -5, "limit": 1}, "m249…m249 1", "0–1"},
		{map[string]any{"start": "unknown", "limit": 30}, "none", "0–30"},
		{map[string]any{"start": 250}, "none", "250–350"},
		{map[string]any{"start": 240, "limit": 20}, "m0…m9 10", "240–260"},
	} {
		page := get(c.fields)
		if contents(page) != c.want || ranged(page) != c.between {
			t.Errorf("%v: %s, %s; want %s, %s", c.fields, contents(page), ranged(page), c.want, c.between)
		}
	}
	for _, c := range []struct {
		fields map[string]any
		want   string
	}{
		{map[string]any{"channel": "general", "limit": -1}, "Invalid value for 'limit'"},
		{map[string]any{"channel": "general", "start": true}, "Invalid value for 'start'"},
		{map[string]any{}, "Channel or thread_id required"},
		{map[string]any{"channel": "nowhere"}, "Channel not found"},
		{map[string]any{"channel": "lounge"}, "Access denied to this channel"},
		{map[string]any{"channel": "forum"}, "Access denied to this channel"},
		{map[string]any{"channel": "staff"}, "Access denied to this channel"},
		{map[string]any{"thread_id": "nothing"}, "Thread not found"},
	} {
		c.fields["cmd"] = "messages_get"
		bob.send(c.fields)
		if got := bob.expect("error"); got["val"] != c.want {
			t.Errorf("%v: %v, want %s", c.fields, got["val"], c.want)
		}
	}
}

func TestA14Around(t *testing.T) {
	w := newWorld(t)
	w.lines("general", 250)
	bob := w.enter("bob")
	bob.send(map[string]any{"cmd": "messages_get", "channel": "general", "limit": 200})
	bob.expect("unreads_update")
	all := bob.expect("messages_get") // m50…m249
	for _, c := range []struct {
		at            int
		bounds        any
		want, between string
	}{
		{100, map[string]any{"above": 2, "below": 3}, "m97…m102 6", "97–103"},
		{249, nil, "m199…m249 51", "199–250"},
		{60, map[string]any{"above": 0, "below": 500}, "m0…m60 61", "0–61"},
		{60, map[string]any{"above": -4, "below": 0}, "m60…m60 1", "60–61"},
	} {
		bob.send(map[string]any{"cmd": "messages_around", "channel": "general", "around": idAt(all, c.at-50), "bounds": c.bounds})
		got := bob.expect("messages_around")
		thread, there := got["thread_id"]
		if contents(got) != c.want || ranged(got) != c.between || thread != nil || !there {
			t.Errorf("around m%d: %s, %s, thread %v", c.at, contents(got), ranged(got), thread)
		}
	}
	for _, c := range []struct {
		fields map[string]any
		want   string
	}{
		{map[string]any{"channel": "general", "around": "unknown"}, "Message not found"},
		{map[string]any{"channel": "general"}, "around (message ID) is required"},
		{map[string]any{"channel": "staff", "around": idAt(all, 0)}, "Access denied to this channel"},
		{map[string]any{"channel": "general", "around": idAt(all, 0), "bounds": map[string]any{"above": "x"}}, "Invalid value for 'above'"},
	} {
		c.fields["cmd"] = "messages_around"
		bob.send(c.fields)
		if got := bob.expect("error"); got["val"] != c.want {
			t.Errorf("%v: %v, want %s", c.fields, got["val"], c.want)
		}
	}
}
