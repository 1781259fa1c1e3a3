//go:build race

package sandbox

// slowdown is how much more the race detector takes.
const slowdown = 12
