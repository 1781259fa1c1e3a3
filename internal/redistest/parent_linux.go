package redistest

import "syscall"

// endsWithParent makes a process end with the test program, also when that is killed.
func endsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
