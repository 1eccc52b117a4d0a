package up

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"customer360/internal/instance"
)

// Names in the folder.
const (
	lockFile     = "lock"
	configFile   = "customer360.yaml"
	passwordFile = "couchbase.password"
	logFile      = "customer360.log"
	kafkaDir     = "kafka"
	couchbaseDir = "couchbase"
	simulateDir  = "simulate"
	loyaltyDir   = "loyalty"
	stateDir     = "state"
)

// ErrInUse: another `up` holds the folder.
var ErrInUse = errors.New("in use")

// folder is the locked folder of a run.
type folder struct {
	path string
	lock *os.File
}

// openFolder makes and locks the folder; fresh empties it first.
func openFolder(path string, fresh bool) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	lock, err := instance.Lock(filepath.Join(path, lockFile))
	if errors.Is(err, instance.ErrHeld) {
		return nil, fmt.Errorf("%w: %w; stop that one (Ctrl-C in its terminal), or run this one in another folder: --dir OTHER", ErrInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("--dir %s: %w", path, err)
	}
	f := &folder{path: path, lock: lock}
	if fresh {
		if err := f.empty(); err != nil {
			return nil, errors.Join(fmt.Errorf("--fresh: %w", err), lock.Close())
		}
	}
	if err := f.tighten(); err != nil {
		return nil, errors.Join(fmt.Errorf("--dir: %w", err), lock.Close())
	}
	return f, nil
}

// own are the names of what an `up` makes.
func own() []string {
	return []string{configFile, passwordFile, logFile, kafkaDir, couchbaseDir, simulateDir, loyaltyDir, stateDir}
}

// tighten takes from others what a folder that lay there before lets them see.
func (f *folder) tighten() error {
	for _, name := range own() {
		info, err := os.Lstat(f.in(name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return err
		case info.Mode()&os.ModeSymlink != 0 || info.Mode().Perm()&0o077 == 0:
			continue
		}
		if err := os.Chmod(f.in(name), info.Mode().Perm()&^0o077); err != nil {
			return err
		}
	}
	return nil
}

// empty removes what an `up` makes, and nothing else that may lie there.
func (f *folder) empty() error {
	for _, name := range own() {
		if err := os.RemoveAll(f.in(name)); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) in(name string) string { return filepath.Join(f.path, name) }

func (f *folder) close() error { return f.lock.Close() }

// password is the embedded Couchbase's, made at the first start.
func (f *folder) password() (string, error) { return PasswordFile(f.in(passwordFile)) }

// PasswordFile returns the password that a file holds, and makes both where there
// is no file.
func PasswordFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, writeFile(path, []byte(password+"\n"), 0o600)
}

func (f *folder) write(name string, data []byte, mode os.FileMode) error {
	return writeFile(f.in(name), data, mode)
}

// writeFile replaces a file atomically.
func writeFile(path string, data []byte, mode os.FileMode) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) { // of a run that was killed: WriteFile would keep its mode
		return err
	}
	if err := os.WriteFile(temp, data, mode); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
