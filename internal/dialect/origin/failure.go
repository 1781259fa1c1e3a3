package origin

import (
	"context"
	"errors"
	"fmt"

	"parley/internal/chat"
)

// refusal is an error in the protocol's own words.
type refusal struct {
	src  string // the command; empty: the packet has no src
	text string
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

// refuse is a refusal of a command.
func refuse(cmd, text string) error { return &refusal{cmd, text} }

// refusef is refuse with a format.
func refusef(cmd, format string, args ...any) error {
	return &refusal{cmd, fmt.Sprintf(format, args...)}
}

// plain is a refusal whose packet does not name the command.
func plain(text string) error { return &refusal{"", text} }

// Refusals that several commands share (specs: originchats-commands §0).
var (
	errLogInFirst = errors.New("log in first")
	errOwnerOnly  = plain("Access denied: 'owner' role required")
	errNoView     = plain("Access denied to this channel")
)

// needs is the refusal of a command that a permission opens, by its name on the wire.
func needs(cmd, permission string) error {
	return refusef(cmd, "Access denied: '%s' permission required", permission)
}

type errorPacket struct {
	Cmd string `json:"cmd"`
	Src string `json:"src,omitempty"`
	Val string `json:"val"`
}

type authErrorPacket struct {
	Cmd string `json:"cmd"`
	Val string `json:"val"`
}

// fail answers a request with an error. Refusals go out as they are; of the core's errors, limits have a packet of their own,
// and a fault of ours is logged and told no more of.
func (s *socket) fail(ctx context.Context, q *request, err error) {
	if errors.Is(err, errLogInFirst) {
		s.reply(q, authErrorPacket{"auth_error", "Authentication required"})
		return
	}
	if own := new(refusal); errors.As(err, &own) {
		s.reply(q, errorPacket{"error", own.src, own.text})
		return
	}
	cmd := ""
	if q != nil {
		cmd = q.cmd
	}
	if p, ok := s.dialect.limited(err); ok {
		s.reply(q, p)
		return
	}
	e := chat.AsError(err)
	switch {
	case e.Kind == chat.Internal:
		s.dialect.incident(ctx, err)
		s.reply(q, errorPacket{"error", cmd, "Internal error"})
	default:
		s.reply(q, errorPacket{"error", cmd, e.Text})
	}
}

// inWords puts the protocol's words in place of errors of the core, by their code. Others stay as they are.
func inWords(err error, cmd string, words map[string]string) error {
	if err == nil {
		return nil
	}
	if text, ok := words[chat.CodeOf(err)]; ok {
		return refuse(cmd, text)
	}
	return err
}
