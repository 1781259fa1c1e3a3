//go:build !race

package sandbox

// slowdown is how much more the race detector takes, which is not there.
const slowdown = 1
