package chat

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // people live in zones that a machine need not know
)

// NotificationPreferences are the part of a person's settings that the server heeds: when and of what to push.
type NotificationPreferences struct {
	DND  *DoNotDisturb `json:"dnd"`
	Push *PushChoices  `json:"push"`
}

// DoNotDisturb are the hours of a day in which a person wants no pushes.
type DoNotDisturb struct {
	From     string `json:"from"`                // "22:00"
	To       string `json:"to"`                  // "07:00"; before From: of the next day; the same: no hours
	TimeZone string `json:"time_zone,omitempty"` // name in the IANA database; empty: UTC
	Days     []int  `json:"days,omitempty"`      // on which the hours begin, 0 is Sunday; none: every day
}

// PushChoices says which notifications are pushed; what is not given is.
type PushChoices struct {
	Mentions *bool `json:"mentions"`
	Replies  *bool `json:"replies"`
	Direct   *bool `json:"direct"`
	Invites  *bool `json:"invites"`
	System   *bool `json:"system"`
}

// Preferences reads a person's settings. Fails, with a text for people, where a part that the server heeds has another form.
func Preferences(settings json.RawMessage) (p NotificationPreferences, err error) {
	if len(settings) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(settings, &p); err != nil {
		return p, errors.New("dnd is {from, to, time_zone, days}, and push says true or false of mentions, replies, direct, invites and system")
	}
	if p.DND != nil {
		return p, p.DND.check()
	}
	return p, nil
}

func (d *DoNotDisturb) check() error {
	for _, s := range []string{d.From, d.To} {
		if _, ok := minuteOfDay(s); !ok {
			return errors.New("dnd.from and dnd.to are times of day as 22:00")
		}
	}
	if _, err := d.zone(); err != nil {
		return errors.New("dnd.time_zone is a name such as Europe/Berlin")
	}
	if len(d.Days) > 7 || slices.ContainsFunc(d.Days, func(day int) bool { return day < 0 || day > 6 }) {
		return errors.New("dnd.days are numbers from 0, Sunday, to 6")
	}
	return nil
}

func (d *DoNotDisturb) zone() (*time.Location, error) {
	if d.TimeZone == "Local" || len(d.TimeZone) > 100 {
		return nil, errors.New("unknown time zone") // the server's own is nobody's business
	}
	return time.LoadLocation(d.TimeZone)
}

// minuteOfDay reads "22:00" or "7:30".
func minuteOfDay(s string) (int, bool) {
	hour, minute, ok := strings.Cut(s, ":")
	h, err1 := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	ok = ok && err1 == nil && err2 == nil && len(hour) <= 2 && len(minute) == 2 && h < 24 && m < 60
	return int(h*60 + m), ok
}

// Quiet reports whether at is within the hours. Hours that cannot be read are none.
func (d *DoNotDisturb) Quiet(at time.Time) bool {
	if d == nil || d.check() != nil {
		return false
	}
	zone, err := d.zone()
	if err != nil {
		return false
	}
	at = at.In(zone)
	begin, _ := minuteOfDay(d.From)
	end, _ := minuteOfDay(d.To)
	now, today := at.Hour()*60+at.Minute(), int(at.Weekday())
	on := func(day int) bool { return len(d.Days) == 0 || slices.Contains(d.Days, (day+7)%7) }
	if begin <= end {
		return now >= begin && now < end && on(today)
	}
	return now >= begin && on(today) || now < end && on(today-1)
}

// Pushes reports whether notifications of a type are pushed.
func (p *PushChoices) Pushes(t NotificationType) bool {
	if p == nil {
		return true
	}
	var chosen *bool
	switch t {
	case NotifyMention:
		chosen = p.Mentions
	case NotifyReply:
		chosen = p.Replies
	case NotifyDirect:
		chosen = p.Direct
	case NotifyRoomInvite:
		chosen = p.Invites
	case NotifySystem:
		chosen = p.System
	}
	return chosen == nil || *chosen
}
