package origin

import (
	"maps"
	"slices"
)

// CommandNames are all commands but those of logging in.
func CommandNames() []string { return slices.Sorted(maps.Keys(commands)) }
