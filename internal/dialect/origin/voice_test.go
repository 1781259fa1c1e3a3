package origin_test

import "testing"

func TestA18Voice(t *testing.T) { newWorld(t).play("voice", nil) }
