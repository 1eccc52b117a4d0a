// Package instance gives a process its name and its folder for local state:
// the host plus the first free slot, held by a lock for as long as the process
// lives. The transactional ids and the leveldb folders follow the name, so a
// restart finds its own state again and two processes on one host never share
// it; a killed process's lock is released by the kernel.
package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"customer360/internal/filesystem"
)

// maxSlots bounds the search: nobody runs this many processes in one folder.
const maxSlots = 256

// Slot is a held slot.
type Slot struct {
	Name string // host-N
	Dir  string // <folder>/N
	lock *os.File
}

// Claim takes the first free slot below dir. name, where it is given, replaces
// host-N; then only its own folder is tried.
func Claim(dir, name string) (*Slot, error) {
	if name != "" {
		s, err := try(filepath.Join(dir, safe(name)), name)
		if errors.Is(err, ErrHeld) {
			return nil, fmt.Errorf("instance %s is running already: %w", name, err)
		}
		return s, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the host's name, for the name of the instance: %w", err)
	}
	for n := range maxSlots {
		s, err := try(filepath.Join(dir, strconv.Itoa(n)), fmt.Sprintf("%s-%d", safe(host), n))
		if !errors.Is(err, ErrHeld) {
			return s, err
		}
	}
	return nil, fmt.Errorf("all %d slots below %s are held", maxSlots, dir)
}

func try(dir, name string) (*Slot, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for local state: %w", err)
	}
	lock, err := Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	return &Slot{Name: name, Dir: dir, lock: lock}, nil
}

// Release gives the slot back; the folder stays.
func (s *Slot) Release() error { return s.lock.Close() }

// ErrHeld: another process holds the lock. The error's text names it.
var ErrHeld = errors.New("held by another process")

// Lock takes the lock file, and writes the process's number into it. Closing
// the file, or the process's end, releases it.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock file: %w", err)
	}
	if err := filesystem.Lock(f); err != nil {
		holder, _ := os.ReadFile(path)
		_ = f.Close() // it was not locked
		if errors.Is(err, filesystem.ErrLocked) {
			if pid := strings.TrimSpace(string(holder)); pid != "" {
				return nil, fmt.Errorf("%s: %w, number %s", path, ErrHeld, pid)
			}
			return nil, fmt.Errorf("%s: %w", path, ErrHeld)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	return f, nil
}

// Held says whether a process holds the lock file, and its number as text.
func Held(path string) (bool, string) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return false, ""
	}
	defer f.Close() //nolint:errcheck // only read
	if err := filesystem.LockShared(f); err == nil {
		return false, ""
	}
	holder, _ := os.ReadFile(path)
	return true, strings.TrimSpace(string(holder))
}

// safe keeps what may stand in a transactional id and a folder's name.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' && s != "." && s != ".." {
			return r
		}
		return '_'
	}, s)
}
