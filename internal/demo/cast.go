package demo

import (
	"parley/internal/chat"
)

// person is somebody of the story.
type person struct {
	username, name, bio string
	status              chat.Status
	says                string // status message
	rank                chat.Rank
	role                string // one of roles, or none
	german              bool

	actor chat.Actor
	user  *chat.User
}

// cast is everybody.
var cast = []person{
	{username: "mara", name: "Mara Lindqvist", bio: "Baker, early riser, keeper of the starter. I started this place.", status: chat.Online, says: "at the oven", rank: chat.RankOwner, role: "Baker", german: true},
	{username: "tomas", name: "Tomás Arrieta", bio: "Skipper of anything that floats. Teaches the Wednesday class.", status: chat.Online, says: "⛵ if there is wind", rank: chat.RankAdmin, role: "Skipper"},
	{username: "priya", name: "Priya Raman", bio: "Writes the software that weighs the dough. Tea, not coffee.", status: chat.Busy, says: "release week", rank: chat.RankModerator},
	{username: "jonas", name: "Jonas Becker", bio: "Tischler, Bäckerssohn, Stammtischgründer. Fragen? Einfach fragen.", status: chat.Online, german: true},
	{username: "aiko", name: "Aiko Tanabe", bio: "Illustrator. Draws the labels on the bags.", status: chat.Away, says: "back at three"},
	{username: "leila", name: "Leila Haddad", bio: "Keeps the books, reads the others.", status: chat.Online, role: "Baker"},
	{username: "owen", name: "Owen Pritchard", bio: "New here. Sells sails, talks a lot.", status: chat.Online},
	{username: "sofia", name: "Sofia Marchetti", bio: "Cooks for twelve by mistake. Recipes on request.", status: chat.Online, says: "simmering", german: true},
	{username: "kwame", name: "Kwame Mensah", bio: "Carpenter by day, choir by night. Runs the workshops.", status: chat.Online, role: "Skipper"},
	{username: "greta", name: "Greta Vogel", bio: "Lehrerin, Seglerin, immer mit Kuchen.", status: chat.Offline, german: true, role: "Skipper"},
	{username: "dmitri", name: "Dmitri Sokolov", bio: "Databases and dumplings.", status: chat.Online, german: true},
	{username: "nora", name: "Nora Kelly", bio: "Runs the help desk so that nobody else has to.", status: chat.Away, says: "on holiday until Monday 🌴"},
}

// roles are the community's own.
var roles = []chat.Role{
	{Name: "Baker", Description: "Has a key to the bakery.", Color: "#c2783c", SelfAssignable: true, Hoisted: true},
	{Name: "Skipper", Description: "May take a boat out alone.", Color: "#2b6cb0", SelfAssignable: true},
}

// room is a place of the story.
type room struct {
	key, name, topic, about string
	kind                    chat.RoomType
	form                    chat.RoomForm
	book                    string
	owner                   string
	people                  []string // empty: everybody
	scenes                  int

	id      chat.RoomID
	members []*person
	last    *chat.Message
}

// places are the rooms. The first one is the server's own, which may be there already.
var places = []room{
	{key: "general", name: "general", about: "For everyone and everything.", kind: chat.Public, book: "general", scenes: 88},
	{key: "bakery", name: "Bakery co-op", topic: "Shifts, flour, and what comes out of the oven", about: "The bakery that belongs to those who eat its bread.", kind: chat.Public, book: "bakery",
		owner: "mara", people: []string{"mara", "leila", "sofia", "jonas", "aiko", "kwame", "nora", "greta"}, scenes: 108},
	{key: "sailing", name: "Sailing club", topic: "Next: Saturday, high water at noon", about: "Boats, weather, and the people between them.", kind: chat.Public, book: "sailing",
		owner: "tomas", people: []string{"tomas", "kwame", "greta", "owen", "nora", "mara", "aiko"}, scenes: 88},
	{key: "release", name: "Release planning", topic: "Freeze on Thursday", about: "The people who keep the software running.", kind: chat.Public, book: "release",
		owner: "priya", people: []string{"priya", "dmitri", "nora", "jonas", "tomas"}, scenes: 96},
	{key: "support", name: "Support", topic: "Ask anything", about: "No question is too small.", kind: chat.Public, book: "support", owner: "nora", scenes: 72},
	{key: "recipes", name: "Recipes", topic: "One dish, one thread", about: "Tried, eaten, approved.", kind: chat.Public, form: chat.Forum, book: "recipes",
		owner: "sofia", people: []string{"sofia", "leila", "mara", "aiko", "dmitri", "greta", "owen", "kwame"}, scenes: 36},
	{key: "stammtisch", name: "Stammtisch", topic: "Hier wird Deutsch gesprochen", about: "Jeden zweiten Mittwoch, und dazwischen hier.", kind: chat.Private, book: "stammtisch",
		owner: "jonas", people: []string{"jonas", "greta", "mara", "sofia", "dmitri"}, scenes: 58},
	{key: "committee", name: "Committee", topic: "What is said here stays here", about: "The people we elected.", kind: chat.Private, book: "committee",
		owner: "mara", people: []string{"mara", "tomas", "priya", "leila"}, scenes: 36},
	{key: "workshop", name: "Workshop", topic: "Sessions on Sunday at five", about: "Come in, mute yourself, learn something.", kind: chat.Public, form: chat.Voice, book: "workshop",
		owner: "kwame", people: []string{"kwame", "aiko", "tomas", "sofia", "dmitri", "leila"}, scenes: 12},
	{key: "mara+tomas", kind: chat.Direct, book: "direct", people: []string{"mara", "tomas"}, scenes: 16},
	{key: "priya+jonas", kind: chat.Direct, book: "direct", people: []string{"priya", "jonas"}, scenes: 12},
	{key: "aiko+leila", kind: chat.Direct, book: "direct", people: []string{"aiko", "leila"}, scenes: 14},
}
