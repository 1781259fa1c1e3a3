package origin

import (
	"context"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
)

var serverCommands = map[string]command{
	"ping":          func(context.Context, *socket, *request) (any, error) { return pongPacket{"pong", "pong"}, nil },
	"server_update": serverUpdate,
	"server_info":   serverInfo,
}

type pongPacket struct {
	Cmd string `json:"cmd"`
	Val string `json:"val"`
}

// serverPacket is what the server is called and looks like; what is not set is empty (specs: originchats-commands §8).
type serverPacket struct {
	Cmd    string `json:"cmd"`
	Name   string `json:"name"`
	Icon   string `json:"icon"`
	Banner string `json:"banner"`
}

func (d *Dialect) serverPacket(cmd, host string, s core.ServerSettings) serverPacket {
	return serverPacket{cmd, s.Name, d.picture(host, s.IconURL), d.picture(host, s.BannerURL)}
}

// picture is the address of a picture: one that is kept here by the address of this server.
func (d *Dialect) picture(host, address string) string {
	if strings.HasPrefix(address, "/") {
		return d.base(host) + address
	}
	return address
}

// serverChanged encodes that the server's settings changed. Pictures that are kept here are told by the public address alone,
// because the packet is the same for everybody.
func (d *Dialect) serverChanged(ctx context.Context) any {
	s, err := d.core.Server(ctx)
	if err != nil {
		d.log.Warn("the server's settings could not be read", "error", err)
		return nil
	}
	return d.serverPacket("server_update", "", s)
}

func serverUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.require(ctx, q, chat.ManageServer); err != nil {
		return nil, err
	}
	var ch core.ServerChange
	given := false
	for _, f := range []struct {
		field, text string
		to          **string
	}{{"name", "Name", &ch.Name}, {"icon", "Icon", &ch.Icon}, {"banner", "Banner", &ch.Banner}} {
		raw, there := q.fields[f.field]
		if !there {
			continue
		}
		if kind := kindOf(raw); kind != "str" && kind != "NoneType" {
			return nil, refuse(q.cmd, f.text+" must be a string or null")
		}
		text, err := q.text(f.field)
		if err != nil {
			return nil, err
		}
		given = true
		if f.field == "name" && text == "" {
			ch.Cleared = append(ch.Cleared, core.SettingName)
			continue
		}
		*f.to = &text
	}
	if !given {
		return nil, refuse(q.cmd, "No updates provided")
	}
	now, err := s.dialect.core.UpdateServer(ctx, s.actor, ch)
	if err != nil {
		if e := chat.AsError(err); e.Kind == chat.Invalid && e.Field != "" {
			return nil, q.wrongType(e.Field)
		}
		return nil, err
	}
	s.dialect.hub.Caught()
	return s.dialect.serverPacket(q.cmd, s.host, now), nil
}

func serverInfo(ctx context.Context, s *socket, q *request) (any, error) {
	now, err := s.dialect.core.Server(ctx)
	if err != nil {
		return nil, err
	}
	return s.dialect.serverPacket(q.cmd, s.host, now), nil
}
