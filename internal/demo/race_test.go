//go:build race

package demo

// fraction of the community that tests make: the race detector slows the database down twenty times.
const fraction = 6
