package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"parley/internal/chat"
)

// pageSize is how many entries the commands ask the core for at a time.
const pageSize = 100

// userNamed finds an account by username, with or without @.
func (e *Env) userNamed(name string) (*chat.User, error) {
	u, err := e.Store.UserByName(e.Context, strings.TrimPrefix(name, "@"))
	if chat.CodeOf(err) == chat.ErrUserNotFound.Code {
		return nil, fmt.Errorf("there is no user %q: %q lists them", name, program+" user list")
	}
	return u, err
}

// roomNamed finds a room by slug, with or without #, or by id.
func (e *Env) roomNamed(name string) (chat.Room, error) {
	r, err := e.Store.RoomBySlug(e.Context, strings.TrimPrefix(name, "#"))
	if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
		if id, ok := chat.ParseRoomID(name); ok {
			r, err = e.Store.Room(e.Context, id)
		}
	}
	if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
		return r, fmt.Errorf("there is no room %q: %q lists them", name, program+" room list")
	}
	return r, err
}

// maybeRoom is roomNamed for flags: "" is no room.
func (e *Env) maybeRoom(name string) (chat.Room, error) {
	if name == "" {
		return chat.Room{}, nil
	}
	return e.roomNamed(name)
}

// roleNamed finds a role by name or id.
func (e *Env) roleNamed(name string) (chat.Role, error) {
	roles, err := e.Core.Roles(e.Context, chat.Operator)
	if err != nil {
		return chat.Role{}, err
	}
	for _, r := range roles {
		if string(r.ID) == name || strings.EqualFold(r.Name, name) {
			return r, nil
		}
	}
	return chat.Role{}, fmt.Errorf("there is no role %q: %q lists them", name, program+" role list")
}

// firstLine reads one line of standard input: a password, which must not stand on the command line.
func (e *Env) firstLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(e.Stdin, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("standard input: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError("There is no password on standard input: pipe one line into the command.")
	}
	return line, nil
}

// say prints a line.
func (e *Env) say(format string, args ...any) error {
	_, err := fmt.Fprintf(e.Stdout, format+"\n", args...)
	return err
}

// json prints a value, indented.
func (e *Env) json(v any) error {
	enc := json.NewEncoder(e.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows under a header.
func (e *Env) table(header string, rows [][]string) error {
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// plain is text that stays in its place on a terminal, and is at least a dash.
func plain(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// day is a time for tables; clock has the time of day as well.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateOnly)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// stamp is a time for JSON; nil if there is none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

// confirmed asks for --yes before something that cannot be undone.
func confirmed(yes bool, what string) error {
	if yes {
		return nil
	}
	return usageError("This " + what + ". It cannot be undone; add --yes if that is what you want.")
}

// usernames are the names of the people that things are about, by id.
func usernames[T any](e *Env, things []T, who func(T) chat.UserID) (map[chat.UserID]string, error) {
	names := make(map[chat.UserID]string)
	var ids []chat.UserID
	for _, t := range things {
		id := who(t)
		if _, known := names[id]; id != "" && !known {
			names[id] = ""
			ids = append(ids, id)
		}
	}
	for chunk := range slices.Chunk(ids, pageSize) {
		users, err := e.Store.Users(e.Context, chunk)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			names[u.ID] = u.Username
		}
	}
	return names, nil
}
