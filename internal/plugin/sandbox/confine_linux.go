package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// rlimitData is RLIMIT_DATA (getrlimit(2)): memory that the process can write to and shares with nobody.
const rlimitData = 2

// confine has the system refuse the process more than so many bytes beside those it has, and files and dumps altogether. When
// it is refused memory, the process ends.
func confine(more int64) error {
	have, err := dataSize()
	if err != nil {
		return err
	}
	// Memory is taken from the system in arenas of 64 MiB.
	size := uint64(have + more + 64<<20)
	for _, l := range []struct {
		what int
		max  uint64
	}{{rlimitData, size}, {syscall.RLIMIT_CORE, 0}, {syscall.RLIMIT_FSIZE, 0}} {
		if err := syscall.Setrlimit(l.what, &syscall.Rlimit{Cur: l.max, Max: l.max}); err != nil {
			return err
		}
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness) // people first; without it the rest still holds
	return nil
}

const niceness = 5

// dataSize is VmData of proc(5), in bytes.
func dataSize() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmData:")); ok {
			kB, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kB << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status does not say how large the process is")
}
