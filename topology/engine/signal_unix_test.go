//go:build unix

package engine_test

import "syscall"

const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
	sigUser = syscall.SIGUSR1
)
