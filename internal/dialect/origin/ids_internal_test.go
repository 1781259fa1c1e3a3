package origin

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"parley/internal/chat"
)

// uuid4 is the form of a UUID of version 4 (RFC 9562 §5.4).
var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIDsComeBack(t *testing.T) {
	x, other := newIDs([]byte("a key")), newIDs([]byte("another key"))
	r := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]bool)
	for i := range 20_000 {
		id := chat.MessageID(i)
		if i > 10_000 {
			id = chat.MessageID(r.Int64N(1 << 53))
		}
		text := x.message(id)
		switch {
		case !uuid4.MatchString(text):
			t.Fatalf("%d became %s", id, text)
		case seen[text]:
			t.Fatalf("%s stands for two numbers", text)
		case x.readMessage(text) != id, x.readMessage(strings.ToUpper(text)) != id:
			t.Fatalf("%d became %s and then %d", id, text, x.readMessage(text))
		case id != 0 && (other.readMessage(text) != 0 || x.readThread(text) != 0 || x.readPoll(text) != 0):
			t.Fatalf("%s is taken for something else", text)
		}
		seen[text] = true
	}
}

func FuzzReadID(f *testing.F) {
	x := newIDs([]byte("a key"))
	f.Add(x.message(7))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if id := x.readMessage(text); id != 0 && x.message(id) != strings.ToLower(text) {
			t.Errorf("%q is read as %d, which is %s", text, id, x.message(id))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"cmd":"ping","listener":"x"}`, `[1]`, `"a"`, `1.5e3`, `null`, `{`, `{"cmd":1,"a":{"b":[true]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		q, err := parse(payload)
		if q == nil {
			return
		}
		if err != nil {
			t.Fatal("both a request and an error")
		}
		for field := range q.fields { // nothing panics, whatever the type
			_, _ = q.text(field)
			_, _ = q.whole(field, 0)
			_, _, _ = q.number(field)
			_, _ = q.flag(field, false)
			_, _ = q.object(field)
			_, _ = q.list(field)
			_, _ = q.texts(field)
		}
		if tail := q.tail(); q.has != (len(tail) > 0) {
			t.Fatal("a listener is lost")
		}
	})
}
