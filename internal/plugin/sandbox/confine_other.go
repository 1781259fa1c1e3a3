//go:build !linux

package sandbox

// confine does nothing here: what interrupts code that takes too much memory still works, but not for one single operation of
// the engine.
func confine(int64) error { return nil }
