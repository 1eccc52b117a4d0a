// Package instance gives a process its name and its folder for local state:
// host, mark of the folder and first free slot, held by a lock for as long as
// the process lives. The transactional ids and the leveldb folders follow it,
// so a restart finds its own state again and two processes on one host never
// share it; a killed process's lock is released by the kernel.
//
// The mark tells folders on one host apart: it is drawn once and kept in the
// file "mark" there. A folder from before there were marks has none.
package instance

import (
	"crypto/rand"
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
	Name string // host-mark-N
	Dir  string // <folder>/N
	lock *os.File
}

// Claim takes the first free slot below dir. name, where it is given, replaces
// host-mark-N; then only its own folder is tried.
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
	mark, err := markOf(dir)
	if err != nil {
		return nil, fmt.Errorf("the mark of the folder for local state: %w", err)
	}
	if mark != "" {
		host += "-" + mark
	}
	for n := range maxSlots {
		s, err := try(filepath.Join(dir, strconv.Itoa(n)), fmt.Sprintf("%s-%d", safe(host), n))
		if !errors.Is(err, ErrHeld) {
			return s, err
		}
	}
	return nil, fmt.Errorf("all %d slots below %s are held", maxSlots, dir)
}

// markFile holds the folder's mark.
const markFile = "mark"

// markOf reads the folder's mark, and draws it where the folder is new.
func markOf(dir string) (string, error) {
	path := filepath.Join(dir, markFile)
	for {
		if text, err := os.ReadFile(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return strings.TrimSpace(string(text)), err
		}
		if _, err := os.Stat(filepath.Join(dir, "0")); err == nil {
			// Of a process that draws one at this moment, or from before there were marks.
			text, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return "", nil
			}
			return strings.TrimSpace(string(text)), err
		}
		if err := drawMark(dir, path); err != nil {
			return "", err
		}
	}
}

// drawMark writes a mark whole; of several processes the first one wins.
func drawMark(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, markFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone where it was renamed
	_, err = f.WriteString(strings.ToLower(rand.Text()[:4]) + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(f.Name(), path) // a file system without links
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
