package origin_test

import "testing"

func TestMessageNew(t *testing.T) { newWorld(t).play("message_new", nil) }
