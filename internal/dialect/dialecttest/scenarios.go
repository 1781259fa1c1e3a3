package dialecttest

import (
	"bytes"
	"image"
	_ "image/jpeg" // a server may store a picture anew
	"image/png"
	"testing"
)

// Speaker is one person with a client of some protocol. A call fails the test when the server refuses it or when what should
// be seen does not come. People are known by the names of their accounts, messages by the ids of the speaker's own protocol,
// channels by their addresses, and statuses are "online", "away" and "busy".
type Speaker interface {
	Name() string

	// Say sends a message and returns its id; Sees waits for somebody's message and returns its id for this speaker.
	Say(channel, content string) string
	Sees(channel, by, content string) string
	// CannotSay says that the server refuses a message.
	CannotSay(channel, content string)
	Reply(channel, to, content string) string
	SeesReply(channel, to, by, content string) string
	Edit(channel, id, content string)
	SeesEdit(channel, id, content string)
	Delete(channel, id string)
	SeesDeleted(channel, id string)

	// React gives a reaction, or takes it back. An emoji is a Unicode one, or ":name:" for one of the server's.
	React(channel, id, emoji string, give bool)
	SeesReaction(channel, id, by, emoji string, given bool)
	Pin(channel, id string, pinned bool)
	SeesPin(channel, id string, pinned bool)
	Type(channel string)
	SeesTyping(channel, by string)

	// Status changes what others see of the person.
	Status(status, text string)
	SeesStatus(of, status, text string)
	// Leave ends the connection, as people do who close a window.
	Leave()
	SeesHere(name string)
	SeesGone(name string)

	// Share sends a message with a PNG picture; SeesFile waits for it and fetches the file.
	Share(channel, content, filename string, file []byte)
	SeesFile(channel, by, content, filename string) []byte

	// Grant gives somebody a role of the server.
	Grant(name, role string)
	// SeesChannel waits until the speaker has a channel that they had not, and listens there from then on.
	SeesChannel(channel string)
	// Rename changes what a channel is called, not its address.
	Rename(channel, name string)
	SeesRenamed(channel, name string)

	Ban(name string)
	// Silence keeps somebody from writing anywhere for an hour.
	Silence(name string)
	// Ended waits for the end of the connection.
	Ended()
	// CannotEnter says that the server lets the person in no more.
	CannotEnter()
}

// Story is what two people do, each with a client of their own protocol. A is an owner of the server, B anybody. There are the
// channels "lobby", for all, and "den", for owners and moderators, and the emoji ":wave:".
type Story struct {
	Name string
	Play func(t *testing.T, w *Stage)
}

// Stage is where a story is played.
type Stage struct {
	A, B Speaker
	// Enter lets B connect again, or a person who has an account already.
	Enter func() Speaker
	// Register lets somebody new make an account with a client of A's protocol.
	Register func(name string) Speaker
}

// Stories are the scenarios that hold between any two protocols.
var Stories = []Story{
	{"a message is sent and answered", func(t *testing.T, w *Stage) {
		first := w.A.Say("lobby", "hello **there**")
		seen := w.B.Sees("lobby", w.A.Name(), "hello **there**")
		answer := w.B.Reply("lobby", seen, "and hello to you")
		w.A.SeesReply("lobby", first, w.B.Name(), "and hello to you")
		w.A.Reply("lobby", w.A.Say("lobby", "another"), "to myself")
		w.B.SeesReply("lobby", w.B.Sees("lobby", w.A.Name(), "another"), w.A.Name(), "to myself")
		if answer == seen {
			t.Error("two messages have one id")
		}
	}},
	{"a message is edited", func(_ *testing.T, w *Stage) {
		id := w.A.Say("lobby", "helo")
		seen := w.B.Sees("lobby", w.A.Name(), "helo")
		w.A.Edit("lobby", id, "hello")
		w.B.SeesEdit("lobby", seen, "hello")
	}},
	{"a message is deleted", func(_ *testing.T, w *Stage) {
		id := w.A.Say("lobby", "oops")
		seen := w.B.Sees("lobby", w.A.Name(), "oops")
		w.A.Delete("lobby", id)
		w.B.SeesDeleted("lobby", seen)
		// Somebody with the right to deletes what another wrote.
		id = w.B.Say("lobby", "buy my watches")
		w.A.Delete("lobby", w.A.Sees("lobby", w.B.Name(), "buy my watches"))
		w.B.SeesDeleted("lobby", id)
	}},
	{"reactions", func(_ *testing.T, w *Stage) {
		id := w.A.Say("lobby", "well?")
		seen := w.B.Sees("lobby", w.A.Name(), "well?")
		for _, emoji := range []string{"👍", ":wave:"} {
			w.B.React("lobby", seen, emoji, true)
			w.A.SeesReaction("lobby", id, w.B.Name(), emoji, true)
			w.A.React("lobby", id, emoji, true)
			w.B.SeesReaction("lobby", seen, w.A.Name(), emoji, true)
			w.B.React("lobby", seen, emoji, false)
			w.A.SeesReaction("lobby", id, w.B.Name(), emoji, false)
		}
	}},
	{"a message is pinned", func(_ *testing.T, w *Stage) {
		seen := w.B.Say("lobby", "the rules")
		id := w.A.Sees("lobby", w.B.Name(), "the rules")
		w.A.Pin("lobby", id, true)
		w.B.SeesPin("lobby", seen, true)
		w.A.Pin("lobby", id, false)
		w.B.SeesPin("lobby", seen, false)
	}},
	{"typing", func(_ *testing.T, w *Stage) {
		w.A.Type("lobby")
		w.B.SeesTyping("lobby", w.A.Name())
	}},
	{"status and presence", func(_ *testing.T, w *Stage) {
		w.B.Status("busy", "at the dentist")
		w.A.SeesStatus(w.B.Name(), "busy", "at the dentist")
		w.B.Status("away", "")
		w.A.SeesStatus(w.B.Name(), "away", "")
		w.B.Leave()
		w.A.SeesGone(w.B.Name())
		w.Enter()
		w.A.SeesHere(w.B.Name())
	}},
	{"somebody new", func(_ *testing.T, w *Stage) {
		c := w.Register("newcomer")
		c.Say("lobby", "is this the place?")
		w.B.Sees("lobby", "newcomer", "is this the place?")
		w.B.Say("lobby", "it is")
		c.Sees("lobby", w.B.Name(), "it is")
		w.B.SeesHere("newcomer")
	}},
	{"a role opens a channel at once", func(_ *testing.T, w *Stage) {
		w.B.CannotSay("den", "may I?")
		w.A.Grant(w.B.Name(), "moderator")
		w.B.SeesChannel("den")
		w.B.Say("den", "now I may")
		w.A.Sees("den", w.B.Name(), "now I may")
		w.A.Say("den", "welcome")
		w.B.Sees("den", w.A.Name(), "welcome")
	}},
	{"a channel is renamed", func(_ *testing.T, w *Stage) {
		w.A.Rename("lobby", "The Hall")
		w.B.SeesRenamed("lobby", "The Hall")
		w.A.Say("lobby", "still here")
		w.B.Sees("lobby", w.A.Name(), "still here")
	}},
	{"a picture is shared", func(t *testing.T, w *Stage) {
		var file bytes.Buffer
		if err := png.Encode(&file, image.NewNRGBA(image.Rect(0, 0, 24, 16))); err != nil {
			t.Fatal(err)
		}
		w.A.Share("lobby", "the sky", "sky.png", file.Bytes())
		got := w.B.SeesFile("lobby", w.A.Name(), "the sky", "sky.png")
		if picture, _, err := image.Decode(bytes.NewReader(got)); err != nil || picture.Bounds().Size() != image.Pt(24, 16) {
			t.Errorf("the picture is not the one that was sent: %v, %d bytes", err, len(got))
		}
	}},
	{"somebody is silenced", func(_ *testing.T, w *Stage) {
		w.A.Silence(w.B.Name())
		w.B.CannotSay("lobby", "but")
		w.A.Say("lobby", "quiet now")
		w.B.Sees("lobby", w.A.Name(), "quiet now") // reading goes on
	}},
	{"somebody is banned", func(_ *testing.T, w *Stage) {
		w.A.Ban(w.B.Name())
		w.B.Ended()
		w.A.SeesGone(w.B.Name())
		w.B.CannotEnter()
	}},
}
