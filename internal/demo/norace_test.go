//go:build !race

package demo

// fraction of the community that tests make.
const fraction = 1
