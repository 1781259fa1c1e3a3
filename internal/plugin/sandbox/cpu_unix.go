//go:build unix

package sandbox

import (
	"syscall"
	"time"
)

// cpuTime is how long the process has run on processors: where others compete for them, that is what code can be held to.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
