package filesystem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func open(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestALockIsExclusiveAndReadableAndEndsWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := open(t, path, os.O_RDWR|os.O_CREATE)
	if err := Lock(first); err != nil {
		t.Fatal(err)
	}
	if _, err := first.WriteString("4711\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "4711\n" {
		t.Errorf("a locked file reads as %q, %v", text, err)
	}
	second, reader := open(t, path, os.O_RDWR), open(t, path, os.O_RDONLY)
	if err := Lock(second); !errors.Is(err, ErrLocked) {
		t.Errorf("a second exclusive lock: %v", err)
	}
	if err := LockShared(reader); !errors.Is(err, ErrLocked) {
		t.Errorf("a shared lock beside an exclusive one: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := LockShared(reader); err != nil {
		t.Errorf("a shared lock after the file was closed: %v", err)
	}
	if err := LockShared(second); err != nil {
		t.Errorf("two shared locks: %v", err)
	}
}

func TestIdentityFollowsTheFileNotTheName(t *testing.T) {
	dir := t.TempDir()
	identity := func(name string) uint64 {
		t.Helper()
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		id, err := Identity(path, info)
		if err != nil || id == 0 {
			t.Fatalf("%s: %d, %v", name, id, err)
		}
		return id
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, b := identity("a"), identity("b")
	if a == b {
		t.Errorf("two files have the identity %d", a)
	}
	if err := os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if got := identity("a"); got != b {
		t.Errorf("after the rename: %d, want %d", got, b)
	}
}

func TestFreeBytes(t *testing.T) {
	if n, err := FreeBytes(t.TempDir()); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := FreeBytes(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there has free space")
	}
}

func TestFullAndReadOnlyDisks(t *testing.T) {
	full := fmt.Errorf("write: %w", &os.PathError{Err: syscall.ENOSPC})
	readOnly := fmt.Errorf("open: %w", &os.PathError{Err: syscall.EROFS})
	if !NoSpace(full) || NoSpace(readOnly) || NoSpace(nil) || !ReadOnly(readOnly) || ReadOnly(full) || ReadOnly(nil) {
		t.Error("a full disk and a read-only one are not told apart")
	}
}
