package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// scenario is a load with a name.
type scenario struct {
	name, about string
	load        Load
}

// people is how people of all scenarios behave; the rest is how many they are and how they come together.
var people = Load{
	Online: 0.1, Devices: 1.3, Talk: 0.5, Daily: 10, Peak: 3, Events: 1, Changes: 1.5, Reads: 60, Comings: 4, Misses: 0.3,
	Files: 0.03, FileSize: 500e3, Views: 10,
}

func with(base Load, change func(*Load)) Load {
	change(&base)
	return base
}

// scenarios are the named loads; the first is the default.
var scenarios = []scenario{
	{"town", "10⁴ people: one community with a few big rooms", with(people, func(l *Load) {
		l.Users, l.Rooms = 1e4, 400
		l.Sizes = []RoomSize{{5, 0.6}, {50, 0.3}, {500, 0.09}, {5000, 0.01}}
	})},
	{"campus", "10⁵ people: a university or a company", with(people, func(l *Load) {
		l.Users, l.Rooms = 1e5, 20e3
		l.Online, l.Daily = 0.3, 20
		l.Sizes = []RoomSize{{5, 0.7}, {30, 0.25}, {300, 0.0495}, {10e3, 0.0005}}
	})},
	{"city", "10⁶ people in many communities", with(people, func(l *Load) {
		l.Users, l.Rooms = 1e6, 200e3
		l.Sizes = []RoomSize{{5, 0.7}, {40, 0.25}, {400, 0.049}, {10e3, 0.00099}, {100e3, 0.00001}}
	})},
	{"world", "10⁸ people", with(people, func(l *Load) {
		l.Users, l.Rooms = 1e8, 30e6
		l.Sizes = []RoomSize{{3, 0.8}, {40, 0.18}, {400, 0.0195}, {10e3, 0.00049}, {100e3, 0.00001}}
	})},
	{"broadcast", "10⁵ listeners in one room where a few speak", with(people, func(l *Load) {
		l.Users, l.Rooms, l.Online, l.Devices = 1e5, 1, 0.5, 1
		l.Daily, l.Peak, l.Events, l.Changes = 0.1, 10, 0, 0.5
		l.Sizes = []RoomSize{{1e5, 1}}
	})},
}

func scenarioOf(name string) (scenario, error) {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, fmt.Errorf("there is no scenario %q: there are %s", name, names())
	}
	return scenarios[i], nil
}

// parseSizes reads classes of rooms as in "5:0.7,50:0.25,1000:0.05".
func parseSizes(text string) ([]RoomSize, error) {
	var out []RoomSize
	for item := range strings.SplitSeq(text, ",") {
		members, share, ok := strings.Cut(strings.TrimSpace(item), ":")
		m, err1 := strconv.ParseFloat(members, 64)
		s, err2 := strconv.ParseFloat(share, 64)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("sizes: %q is not members:share, as in 50:0.25", item)
		}
		out = append(out, RoomSize{m, s})
	}
	return out, nil
}

func formatSizes(sizes []RoomSize) string {
	var items []string
	for _, s := range sizes {
		items = append(items, fmt.Sprintf("%.15g:%.15g", s.Members, s.Share))
	}
	return strings.Join(items, ",")
}
