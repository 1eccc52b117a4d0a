//go:build !linux

package chaos

import (
	"errors"
	"syscall"
)

var errNoLimit = errors.New("a full disk is made on Linux only")

func fillDisk(int) error { return errNoLimit }

func emptyDisk(int) error { return errNoLimit }

func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
