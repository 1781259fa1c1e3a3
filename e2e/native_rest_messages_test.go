package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func sending(t *testing.T, a *api) {
	p := a.people(t, 2)
	one, two := p[0], p[1]
	id := one.room("public")
	two.join(id)
	first := one.say(id, "  **Hello** @"+two.name()+" and @nobody_at_all, see <b>https://example.org/a</b>\n\n", obj{"nonce": "n-1"})
	first.is(obj{"room_id": id, "type": "text", "sender.id": one.ID, "content": "**Hello** @" + two.name() + " and @nobody_at_all, see <b>https://example.org/a</b>", "parent_id": nil, "thread": nil,
		"edited_at": nil, "deleted": false, "pinned": false, "mentions": []string{two.ID}, "reactions": []any{}, "attachments": []any{}, "nonce": "n-1"})
	if got := first.header.Get("Location"); got != "/api/messages/"+first.str("id") {
		t.Errorf("Location %q", got)
	}
	if first.num("seq") != first.num("change_seq") {
		t.Errorf("a new message has one number: %v", first)
	}
	equal(t, "the message read again", one.get("/messages/"+first.str("id")).want(200).val("content"), first.val("content"))
	if _, told := at(two.get("/messages/"+first.str("id")).want(200).json, "nonce"); told {
		t.Error("the nonce is told to others")
	}
	again := one.do("POST", "/rooms/"+id+"/messages", obj{"content": "something else", "nonce": "n-1"}).want(200)
	again.is(obj{"id": first.str("id"), "content": first.str("content"), "seq": first.num("seq")})
	two.say(id, "mine", obj{"nonce": "n-1"})
	other := one.room("public")
	if one.say(other, "elsewhere", obj{"nonce": "n-1"}).str("id") == first.str("id") {
		t.Error("a nonce is per room")
	}
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "nonce": strings.Repeat("n", 65)}).fails(400, "nonce_invalid").names("nonce")
	one.say(id, "x", obj{"nonce": strings.Repeat("n", 64)})
	one.say(id, "x", obj{"nonce": ""})

	for _, bad := range []struct {
		in   obj
		code string
	}{
		{obj{"content": ""}, "content_empty"}, {obj{"content": " \n\t "}, "content_empty"}, {obj{}, "content_empty"}, {obj{"content": strings.Repeat("a", 10001)}, "content_too_long"},
		{obj{"content": strings.Repeat("🦊", 10001)}, "content_too_long"}, {obj{"content": 3}, "field_invalid"}, {obj{"content": nil}, "content_empty"},
	} {
		one.do("POST", "/rooms/"+id+"/messages", bad.in).fails(400, bad.code).names("content")
	}
	for _, good := range []string{"a", strings.Repeat("🦊", 10000), " " + strings.Repeat("é", 10000) + " ", "<script>alert(1)</script>", "👨‍👩‍👧‍👦", "שלום \u200f", "\u202eevil", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢"} {
		one.say(id, good).is(obj{"content": strings.TrimSpace(good)})
	}
	html := one.get("/messages/" + one.say(id, "<script>alert(1)</script> [x](javascript:alert(1)) **b** <img src=x onerror=alert(1)>").str("id") + "?render=html").want(200).str("html")
	for _, evil := range []string{"<script", `href="javascript:`, "<img"} {
		if strings.Contains(html, evil) {
			t.Errorf("unsafe html: %s", html)
		}
	}
	if !strings.Contains(html, "<strong>b</strong>") {
		t.Errorf("html: %s", html)
	}
	if _, there := at(one.get("/messages/"+first.str("id")).json, "html"); there {
		t.Error("html without being asked for")
	}

	elsewhere := one.say(other, "parent").str("id")
	for _, parent := range []string{elsewhere, "999999999", "nonsense", "-1", "9223372036854775808"} {
		one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "parent_id": parent}).fails(404, "message_not_found", "parent_not_found")
	}
	gone := one.say(id, "short life").str("id")
	one.do("DELETE", "/messages/"+gone, nil).want(204)
	one.do("POST", "/rooms/"+id+"/messages", obj{"content": "x", "parent_id": gone}).fails(400, "parent_deleted")
	separator := one.room("public", obj{"form": "separator"})
	one.do("POST", "/rooms/"+separator+"/messages", obj{"content": "x"}).fails(403, "room_not_text", "send_forbidden")
	archived := one.room("public")
	one.do("PUT", "/rooms/"+archived, obj{"archived": true}).want(200).is(obj{"archived": true})
	one.do("POST", "/rooms/"+archived+"/messages", obj{"content": "x"}).fails(403, "room_archived")
}

func paging(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	id, other := one.room("public"), one.room("public")
	one.get("/rooms/" + other + "/messages").want(200).is(obj{"messages": one.get("/rooms/" + other + "/messages").list("messages"), "has_before": false, "has_after": false})
	var ids []any
	for n := range 12 {
		ids = append(ids, one.say(id, fmt.Sprint(n)).val("id"))
	}
	base := "/rooms/" + id + "/messages"
	whole := one.get(base + "?limit=100").want(200)
	all := whole.each("messages", "id")
	if len(all) < 12 || !slices.Equal(all[len(all)-12:], ids) {
		t.Fatalf("oldest first: %v", whole)
	}
	seqs := whole.each("messages", "seq")
	for i := 1; i < len(seqs); i++ {
		if seqs[i].(float64) <= seqs[i-1].(float64) {
			t.Errorf("seq does not rise: %v", seqs)
		}
	}
	n := len(all)
	page := func(query string, want []any, before, after bool) {
		t.Helper()
		got := one.get(base + query).want(200)
		equal(t, query, got.each("messages", "id"), want)
		got.is(obj{"has_before": before, "has_after": after})
	}
	page("?limit=3", all[n-3:], true, false)
	page("?limit=3&before="+ids[9].(string), all[n-6:n-3], true, true)
	page("?limit=3&after="+ids[2].(string), all[n-9:n-6], true, true)
	page("?limit=5&after="+ids[9].(string), all[n-2:], true, false)
	page("?limit=5&after="+ids[11].(string), []any{}, true, false)
	page("?limit=100&before="+all[0].(string), []any{}, false, true)
	page("?limit=100&before="+all[1].(string), all[:1], false, true)
	page("?limit=5&around="+ids[6].(string), all[n-8:n-3], true, true)
	page("?limit=1&around="+ids[6].(string), all[n-6:n-5], true, true)
	page(fmt.Sprintf("?limit=%d", n), all, false, false)
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=-1", "?limit=ten", "?limit=1e2", "?limit=99999999999999999999", "?limit="} {
		if ans := one.get(base + query); ans.status != 400 && query != "?limit=" {
			t.Errorf("want 400: %v", ans)
		}
	}
	elsewhere := one.say(other, "x").str("id")
	for _, query := range []string{"?before=nonsense", "?after=-1", "?around=999999999", "?before=" + elsewhere, "?around=" + elsewhere, "?before=" + ids[1].(string) + "&after=" + ids[2].(string)} {
		if ans := one.get(base + query); ans.status != 400 && ans.status != 404 {
			t.Errorf("want 400 or 404: %v", ans)
		}
	}
	one.do("DELETE", "/messages/"+ids[6].(string), nil).want(204)
	page("?limit=3&around="+ids[6].(string), all[n-7:n-4], true, true)
	page("?limit=2&before="+ids[6].(string), all[n-8:n-6], true, true)
	one.get(base + "?limit=2&render=html&unknown=1").want(200).str("messages.0.html")
}

func changesSince(t *testing.T, a *api) {
	one := a.client(t, a.someone(t))
	id := one.room("public")
	start := one.get("/rooms/" + id).num("last_seq")
	base := fmt.Sprintf("/rooms/%s/changes?since=", id)
	one.get(base + fmt.Sprint(start)).want(200).is(obj{"messages": []any{}, "last_seq": start, "truncated": false})
	m1, m2, m3 := one.say(id, "one").str("id"), one.say(id, "two").str("id"), one.say(id, "three").str("id")
	one.do("PUT", "/messages/"+m1, obj{"content": "one!"}).want(200)
	one.do("POST", "/messages/"+m2+"/reactions", obj{"emoji": "👍"}).want(201)
	one.do("PUT", "/messages/"+m1+"/pin", nil).want(200)
	one.do("DELETE", "/messages/"+m3, nil).want(204)
	got := one.get(base + fmt.Sprint(start)).want(200)
	equal(t, "one row per message, in the order of the last change", got.each("messages", "id"), []string{m2, m1, m3})
	equal(t, "numbers", got.each("messages", "change_seq"), []int64{start + 5, start + 6, start + 7})
	got.is(obj{"last_seq": start + 7, "truncated": false, "messages.0.seq": start + 2, "messages.1.content": "one!", "messages.1.pinned": true, "messages.2.deleted": true, "messages.2.content": "[deleted]"})
	one.get("/rooms/" + id).is(obj{"last_seq": start + 7})
	first := one.get(base + fmt.Sprint(start) + "&limit=2").want(200)
	equal(t, "a part", first.each("messages", "id"), []string{m2, m1})
	first.is(obj{"truncated": true})
	equal(t, "the rest", one.get(base+fmt.Sprint(start+6)+"&limit=2").want(200).each("messages", "id"), []string{m3})
	one.get(base + "0&limit=500").want(200)
	for _, bad := range []string{"0&limit=501", "0&limit=0", "-1", "x", "99999999999999999999"} {
		one.get(base + bad).want(400)
	}
	one.get(base + "999999").want(200).is(obj{"messages": []any{}})
}

func editing(t *testing.T, a *api) {
	p := a.people(t, 3)
	owner, two, three := p[0], p[1], p[2]
	id := owner.room("public")
	two.join(id)
	three.join(id)
	m := two.say(id, "helo").str("id")
	edited := two.do("PUT", "/messages/"+m, obj{"content": " hello "}).want(200).is(obj{"content": "hello", "seq": owner.get("/messages/" + m).num("seq")})
	edited.str("edited_at")
	if edited.num("change_seq") <= edited.num("seq") {
		t.Errorf("an edit takes a number: %v", edited)
	}
	owner.do("PUT", "/messages/"+m, obj{"content": "x"}).fails(403, "edit_forbidden")
	three.do("PUT", "/messages/"+m, obj{"content": "x"}).fails(403, "edit_forbidden")
	two.do("PUT", "/messages/"+m, obj{"content": " "}).fails(400, "content_empty").names("content")
	two.do("PUT", "/messages/"+m, obj{"content": strings.Repeat("x", 10001)}).fails(400, "content_too_long").names("content")
	two.do("PUT", "/messages/999999", obj{"content": "x"}).fails(404, "message_not_found")
	two.do("PUT", "/messages/nonsense", obj{"content": "x"}).fails(404, "message_not_found")
	two.do("POST", "/messages/"+m+"/reactions", obj{"emoji": "🔥"}).want(201)
	three.do("DELETE", "/messages/"+m, nil).fails(403, "delete_forbidden")
	owner.do("DELETE", "/messages/"+m, nil).want(204)
	two.get("/messages/" + m).want(200).is(obj{"deleted": true, "content": "[deleted]", "attachments": []any{}, "reactions": []any{}, "links": []any{}, "mentions": []any{}})
	two.do("PUT", "/messages/"+m, obj{"content": "back"}).want(409)
	two.do("POST", "/messages/"+m+"/reactions", obj{"emoji": "🔥"}).want(409)
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(409)
	if ans := two.do("DELETE", "/messages/"+m, nil); ans.status != 204 && ans.status != 404 && ans.status != 409 {
		t.Errorf("deleting twice: %v", ans)
	}
	own := two.say(id, "mine").str("id")
	two.do("DELETE", "/messages/"+own, nil).want(204)
}

func pinsAndThreads(t *testing.T, a *api) {
	p := a.people(t, 2)
	owner, two := p[0], p[1]
	id := owner.room("public")
	two.join(id)
	m := owner.say(id, "root").str("id")
	two.do("PUT", "/messages/"+m+"/pin", nil).fails(403, "pin_forbidden")
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(200).is(obj{"pinned": true})
	owner.do("PUT", "/messages/"+m+"/pin", nil).want(200)
	two.get("/rooms/" + id + "/pins").want(200).is(obj{"messages.0.id": m, "messages.0.pinned": true})
	two.do("DELETE", "/messages/"+m+"/pin", nil).fails(403, "pin_forbidden")
	owner.do("DELETE", "/messages/"+m+"/pin", nil).want(204)
	two.get("/rooms/" + id + "/pins").want(200).is(obj{"messages": []any{}})
	r1, r2 := two.say(id, "first", obj{"parent_id": m}), owner.say(id, "second", obj{"parent_id": m})
	r1.is(obj{"parent_id": m})
	equal(t, "the replies", two.get("/messages/"+m+"/thread").want(200).each("messages", "id"), []string{r1.str("id"), r2.str("id")})
	two.get("/messages/" + m).want(200).is(obj{"thread.reply_count": 2, "thread.last_reply_at": r2.str("created_at")})
	two.do("DELETE", "/messages/"+r1.str("id"), nil).want(204)
	// The thread of a reply is the one it is in; what was deleted keeps its place.
	equal(t, "the thread of a reply", two.get("/messages/"+r1.str("id")+"/thread").want(200).each("messages", "deleted"), []bool{true, false})
	nested := two.say(id, "third", obj{"parent_id": r2.str("id")}).is(obj{"parent_id": r2.str("id")}).str("id")
	equal(t, "a reply to a reply is in the thread", two.get("/messages/"+m+"/thread").each("messages", "id"), []string{r1.str("id"), r2.str("id"), nested})
	two.get("/messages/999999/thread").fails(404, "message_not_found")
}

func reactions(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	id := one.room("public")
	two.join(id)
	m := one.say(id, "react").str("id")
	base := "/messages/" + m + "/reactions"
	one.do("POST", base, obj{"emoji": "👍"}).want(201).is(obj{"reactions": []obj{{"emoji": "👍", "count": 1, "me": true}}})
	seq := one.get("/messages/" + m).num("change_seq")
	one.do("POST", base, obj{"emoji": "👍"}).want(200)
	two.do("POST", base, obj{"emoji": "👍"}).want(201).is(obj{"reactions": []obj{{"emoji": "👍", "count": 2, "me": true}}, "change_seq": seq + 1})
	two.do("POST", base, obj{"emoji": "👨‍👩‍👧‍👦"}).want(201)
	two.do("POST", base, obj{"emoji": "❤️"}).want(201)
	one.get("/messages/" + m).is(obj{"reactions": []obj{{"emoji": "👍", "count": 2, "me": true}, {"emoji": "👨‍👩‍👧‍👦", "count": 1, "me": false}, {"emoji": "❤️", "count": 1, "me": false}}})
	for _, bad := range []any{"", "a", "👍👍", "text", "👍 ", "\u200b", "<b>", nil, 5, strings.Repeat("👍", 1000), ":no such:", "\u202e"} {
		one.do("POST", base, obj{"emoji": bad}).want(400)
	}
	two.do("DELETE", base+"/"+url.PathEscape("👍"), nil).want(204)
	one.get("/messages/" + m).is(obj{"reactions.0": obj{"emoji": "👍", "count": 1, "me": true}})
	if ans := two.do("DELETE", base+"/"+url.PathEscape("👍"), nil); ans.status != 204 && ans.status != 404 {
		t.Errorf("taking back twice: %v", ans)
	}
	outside.do("POST", base, obj{"emoji": "👍"}).fails(403, "not_a_member")
	outside.do("DELETE", base+"/"+url.PathEscape("👍"), nil).fails(403, "not_a_member")
	crowd := one.say(id, "many").str("id")
	for _, e := range "😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓" {
		one.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": string(e)}).want(201)
	}
	one.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": "🎉"}).want(409)
	two.do("POST", "/messages/"+crowd+"/reactions", obj{"emoji": "😀"}).want(201)
}

func search(t *testing.T, a *api) {
	p := a.people(t, 3)
	one, two, outside := p[0], p[1], p[2]
	room, secret := one.room("public", obj{"name": "Searched"}), one.room("private", obj{"name": "Secret"})
	two.join(room)
	word := strings.ReplaceAll(a.name("kumquat"), "_", "")
	before := one.say(room, "before it")
	hit := one.say(room, "A **"+word+"** marmalade, Übermäßig")
	next := two.say(room, "after it")
	link := two.say(room, word+" at https://example.org/x")
	up := two.upload(file{"a.pdf", "application/pdf", []byte(pdf)}).want(201).str("attachments.0.id")
	filed := two.say(room, word+" attached", obj{"attachments": []string{up}})
	hidden := one.say(secret, word+" in secret")
	gone := one.say(room, word+" to be gone").str("id")
	changed := one.say(room, word+" to be changed").str("id")
	one.do("DELETE", "/messages/"+gone, nil).want(204)
	one.do("PUT", "/messages/"+changed, obj{"content": "something else"}).want(200)
	ids := func(c *client, query string) []any {
		t.Helper()
		return c.get("/search?q="+query).want(200).each("hits", "message.id")
	}
	sorted := func(v []any) []string {
		var s []string
		for _, e := range v {
			s = append(s, e.(string))
		}
		slices.Sort(s)
		return s
	}
	expect := func(what string, got []any, want ...string) {
		t.Helper()
		slices.Sort(want)
		equal(t, what, sorted(got), want)
	}
	h, l, f, s := hit.str("id"), link.str("id"), filed.str("id"), hidden.str("id")
	expect("in all rooms of one", ids(one, word), h, l, f, s)
	expect("two is not in the secret room", ids(two, word), h, l, f)
	expect("outside is in neither", ids(outside, word))
	outside.get("/search?q=" + word).is(obj{"total_estimate": 0}) // nor is it told how much there is
	outside.get("/search?q="+word+"&room_id="+secret).fails(404, "room_not_found")
	if ans := outside.get("/search?q=" + word + "&room_id=" + room); ans.status == 200 && len(ans.list("hits")) > 0 {
		t.Errorf("a stranger to a public room reads it: %v", ans)
	}
	expect("in a room", ids(one, word+"&room_id="+secret), s)
	expect("from a sender", ids(one, word+"&from="+two.ID), l, f)
	expect("with links", ids(one, word+"&has=links"), l)
	expect("with attachments", ids(one, word+"&has=attachments"), f)
	expect("with both", ids(one, word+"&has=attachments,links"))
	expect("without a word", ids(one, "&has=links&room_id="+room), l)
	// Dates, by the messages' own times: they differ by milliseconds.
	expect("after", ids(one, word+"&room_id="+room+"&after="+url.QueryEscape(link.str("created_at"))), l, f)
	expect("before", ids(one, word+"&room_id="+room+"&before="+url.QueryEscape(link.str("created_at"))), h)
	expect("a day ahead", ids(one, word+"&after="+url.QueryEscape(time.Now().Add(48*time.Hour).UTC().Format("2006-01-02"))))
	expect("case and accents", ids(one, "uberMASSIG+"+word[:7]+"*"), h)
	expect("a phrase", ids(one, url.QueryEscape(`"`+word+` marmalade"`)), h)
	expect("excluding", ids(one, url.QueryEscape(word+" -marmalade -secret -attached")), l)
	expect("deleted content is gone", ids(one, url.QueryEscape(word+" gone")))
	expect("edited content is gone", ids(one, url.QueryEscape(word+" changed")))
	one.get("/search?q=" + word + "&room_id=" + room + "&from=" + one.ID).want(200).is(obj{"hits.0.message.id": h, "hits.0.previous.id": before.str("id"), "hits.0.next.id": next.str("id"), "hits.0.room.id": room})
	lit := one.get("/search?q=" + word + "&from=" + one.ID + "&room_id=" + room)
	from, to := lit.num("hits.0.highlights.0.start"), lit.num("hits.0.highlights.0.end")
	if content := []rune(lit.str("hits.0.message.content")); from < 0 || int(to) > len(content) || string(content[from:to]) != word {
		t.Errorf("highlight %d to %d: %v", from, to, lit)
	}
	page := one.get("/search?limit=2&q=" + word).want(200)
	rest := one.get("/search?limit=2&q=" + word + "&cursor=" + url.QueryEscape(page.str("next_cursor"))).want(200)
	expect("two pages", append(page.each("hits", "message.id"), rest.each("hits", "message.id")...), h, l, f, s)
	if page.num("total_estimate") < 4 {
		t.Errorf("estimate: %v", page)
	}
	for _, bad := range []string{"", "q=", "q=" + word + "&has=everything", "q=" + word + "&after=yesterday", "q=" + word + "&limit=101", "q=" + word + "&cursor=x", "q=" + strings.Repeat("x", 5000)} {
		if ans := one.get("/search?" + bad); ans.status != 400 {
			t.Errorf("want 400: %v", ans)
		}
	}
	one.get("/search?q=" + word + "&from=nonsense").want(200).is(obj{"hits": []any{}})
	for _, odd := range []string{`"`, `""`, `*`, `-`, `AND OR NOT`, `a" OR "b`, `NEAR(a b)`, `content:x`, `'; DROP TABLE messages; --`, "\u0000", `(((`, `^a`, `{a b}: c`, `🦊`} {
		if ans := one.get("/search?q=" + url.QueryEscape(odd)); ans.status != 200 && ans.status != 400 {
			t.Errorf("%q: %v", odd, ans)
		}
	}
	// Who leaves a room no longer finds what is in it.
	two.do("POST", "/rooms/"+room+"/leave", nil).want(204)
	expect("after leaving", ids(two, word))
}
