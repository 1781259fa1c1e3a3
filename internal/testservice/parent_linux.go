package testservice

import "syscall"

// EndsWithParent makes a process end with the thread that starts it, also when the test program is killed.
func EndsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
