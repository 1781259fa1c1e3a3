package core

import (
	"encoding/json"

	"parley/internal/chat"
)

// MaxEmbeds is how many embeds one message can carry.
const MaxEmbeds = 10

// CheckEmbeds refuses embeds that are not what the field promises. Fails with embeds_invalid; the text begins with the embed
// that is wrong.
func CheckEmbeds(embeds []json.RawMessage) error {
	if len(embeds) > MaxEmbeds {
		return chat.InvalidField("embeds", "embeds_invalid", "Cannot have more than %d embeds", MaxEmbeds)
	}
	return nil
}
