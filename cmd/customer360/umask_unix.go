//go:build unix

package main

import "syscall"

func ownerOnly() { syscall.Umask(0o077) }
