package origin

import (
	"context"
	"maps"
)

// command handles one command of a person who is logged in. It returns the reply, or nil when there is none beside what it sent
// or caused.
type command func(ctx context.Context, s *socket, q *request) (any, error)

// commands are all commands but those of logging in, by name.
var commands = gather(
	serverCommands,
	pluginCommands,
	slashCommands,
	messageCommands,
	embedCommands,
	pollCommands,
	webhookCommands,
	historyCommands,
	threadCommands,
	unreadCommands,
	roleCommands,
	userRoleCommands,
	channelCommands,
	voiceCommands,
	findCommands,
	reactionCommands,
	pinCommands,
	emojiCommands,
	attachmentCommands,
	limiterCommands,
	userCommands,
	moderationCommands,
	modlogCommands,
	pushCommands,
)

func gather(tables ...map[string]command) map[string]command {
	all := make(map[string]command)
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}
