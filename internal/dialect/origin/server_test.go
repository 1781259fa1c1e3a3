package origin_test

import "testing"

func TestPing(t *testing.T) { newWorld(t).play("ping", nil) }
