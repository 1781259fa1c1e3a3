package chat

import (
	"encoding/json"
	"testing"
	"time"
)

func TestPreferences(t *testing.T) {
	for _, tc := range []struct {
		name, settings string
		good           bool
	}{
		{"no settings", ``, true},
		{"settings of clients alone", `{"theme":"dark","pushed":1}`, true},
		{"hours", `{"dnd":{"from":"22:00","to":"7:30","time_zone":"Europe/Berlin","days":[0,6]}}`, true},
		{"no hours", `{"dnd":null,"push":null}`, true},
		{"choices", `{"push":{"mentions":true,"direct":false,"unknown":1}}`, true},
		{"hours that are none", `{"dnd":{"from":"24:00","to":"07:00"}}`, false},
		{"hours with a sign", `{"dnd":{"from":"+1:00","to":"07:00"}}`, false},
		{"minutes of one digit", `{"dnd":{"from":"10:0","to":"07:00"}}`, false},
		{"hours without an end", `{"dnd":{"from":"22:00"}}`, false},
		{"an unknown zone", `{"dnd":{"from":"22:00","to":"07:00","time_zone":"Mars/Olympus"}}`, false},
		{"a zone that is a path", `{"dnd":{"from":"22:00","to":"07:00","time_zone":"../../etc/passwd"}}`, false},
		{"the zone of the server", `{"dnd":{"from":"22:00","to":"07:00","time_zone":"Local"}}`, false},
		{"an eighth day", `{"dnd":{"from":"22:00","to":"07:00","days":[7]}}`, false},
		{"hours as a list", `{"dnd":[]}`, false},
		{"a choice that is none", `{"push":{"mentions":"yes"}}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Preferences(json.RawMessage(tc.settings)); (err == nil) != tc.good {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestQuiet(t *testing.T) {
	night := DoNotDisturb{From: "22:00", To: "07:00", TimeZone: "Europe/Berlin"}
	weekend := DoNotDisturb{From: "22:00", To: "07:00", Days: []int{5, 6}} // Friday and Saturday
	for _, tc := range []struct {
		name string
		dnd  *DoNotDisturb
		at   string // UTC
		want bool
	}{
		{"nobody who set no hours", nil, "2026-05-04T23:00:00Z", false},
		{"before the hours", &night, "2026-05-04T19:59:59Z", false},
		{"when they begin, where the person is", &night, "2026-05-04T20:00:00Z", true},
		{"after midnight", &night, "2026-05-05T03:00:00Z", true},
		{"when they end", &night, "2026-05-05T05:00:00Z", false},
		{"in winter, an hour later", &night, "2026-12-04T20:30:00Z", false},
		{"on an evening that counts", &weekend, "2026-05-08T22:00:00Z", true},
		{"in the morning after it", &weekend, "2026-05-10T06:59:00Z", true},
		{"on an evening that does not count", &weekend, "2026-05-10T22:00:00Z", false},
		{"in the morning of a day that counts, after one that does not", &weekend, "2026-05-08T06:00:00Z", false},
		{"in the middle of a day", &DoNotDisturb{From: "12:00", To: "13:00"}, "2026-05-08T12:30:00Z", true},
		{"in no hours", &DoNotDisturb{From: "12:00", To: "12:00"}, "2026-05-08T12:00:00Z", false},
		{"in hours that cannot be read", &DoNotDisturb{From: "x", To: "y"}, "2026-05-08T12:00:00Z", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tc.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.dnd.Quiet(at); got != tc.want {
				t.Errorf("quiet is %v", got)
			}
		})
	}
}

func FuzzPreferences(f *testing.F) {
	for _, s := range []string{`{"dnd":{"from":"22:00","to":"07:00","time_zone":"Europe/Berlin","days":[1]},"push":{"direct":false}}`, `{"dnd":{"from":"0:00"}}`, `[]`, `{"dnd":0}`} {
		f.Add(s)
	}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Preferences(json.RawMessage(s))
		if p.DND.Quiet(at) && err != nil {
			t.Errorf("%q is refused and heeded", s)
		}
		p.Push.Pushes(NotifyMention)
	})
}
