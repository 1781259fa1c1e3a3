//go:build !linux

package testservice

import "syscall"

// EndsWithParent is only known on Linux; elsewhere a test program that is killed leaves its servers behind.
func EndsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
