package origin_test

import (
	"strings"
	"testing"
)

func TestA07MessageNew(t *testing.T) { newWorld(t).play("message_new", nil) }

func TestA08MessageErrors(t *testing.T) {
	newWorld(t).play("message_errors", map[string]any{"long": strings.Repeat("ü", 2001)})
}

func TestA09A41Replies(t *testing.T) { newWorld(t).play("message_replies", nil) }

func TestA10A11EditAndDelete(t *testing.T) {
	newWorld(t).play("message_edit", map[string]any{"long": strings.Repeat("x", 2001)})
}

func TestA12Typing(t *testing.T) { newWorld(t).play("typing", nil) }

func TestA15FindAndPin(t *testing.T) { newWorld(t).play("message_pin", nil) }

func TestA16Reactions(t *testing.T) {
	newWorld(t).play("message_react", map[string]any{"emoji201": strings.Repeat("a", 201)})
}

func TestA17Hidden(t *testing.T) { newWorld(t).play("hidden", nil) }
