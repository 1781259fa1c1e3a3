package origin_test

import "testing"

func TestA33Threads(t *testing.T) { newWorld(t).play("threads", nil) }
