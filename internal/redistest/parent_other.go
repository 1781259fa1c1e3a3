//go:build !linux

package redistest

import "syscall"

// endsWithParent is only known on Linux; elsewhere a test program that is killed leaves its server behind.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
