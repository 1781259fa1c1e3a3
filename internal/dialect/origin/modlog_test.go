package origin_test

import "testing"

func TestA40Modlog(t *testing.T) { newWorld(t).play("modlog", nil) }
