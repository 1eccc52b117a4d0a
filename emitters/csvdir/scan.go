package csvdir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// folder watches which files are there and since when they have been stable.
type folder struct {
	cfg   Config
	files map[string]*sighting // by name
	known bool                 // it has been looked at before
}

// sighting is a file as it was last seen.
type sighting struct {
	path  string
	size  int64
	mtime int64
	since time.Time // size and mtime are as they are since then, at least
	first time.Time // first seen with any size
	late  bool      // it came after the first look at the folder
	hash  *examined // nil: not read yet
	noted bool      // decided: nothing is to be done about it as it is
	retry time.Time // it could not be opened: not before that
}

// same says that size and time are those of the file now.
func (s *sighting) same(info fs.FileInfo) bool {
	return info.Size() == s.size && info.ModTime().UnixNano() == s.mtime
}

// look lists the folder. A folder that is missing is empty.
func (d *folder) look(now time.Time) error {
	entries, err := os.ReadDir(d.cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking into the folder: %w", err)
	}
	seen := map[string]*sighting{}
	for _, e := range entries {
		if !d.cfg.matches(e.Name()) {
			continue
		}
		path := filepath.Join(d.cfg.Dir, e.Name())
		info, err := os.Stat(path) // through links
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		s := d.files[e.Name()]
		if s == nil {
			s = &sighting{path: path, first: now, late: d.known, size: -1}
		}
		if !s.same(info) {
			*s = sighting{path: path, size: info.Size(), mtime: info.ModTime().UnixNano(), since: now, first: s.first, late: s.late}
		}
		seen[e.Name()] = s
	}
	d.files, d.known = seen, true
	return nil
}

// stable returns the files that are complete, the newest first. Where a newer
// one is still being written, the others wait for it, but not for ever.
func (d *folder) stable(now time.Time) (files []*sighting, wait bool) {
	all := slices.SortedFunc(maps.Values(d.files), func(a, b *sighting) int {
		return cmp.Or(cmp.Compare(b.mtime, a.mtime), cmp.Compare(a.path, b.path))
	})
	for _, s := range all {
		switch {
		case now.Sub(s.since) >= d.cfg.Stable:
			files = append(files, s)
		case len(files) == 0 && now.Sub(s.first) < 10*d.cfg.Stable:
			return nil, true
		default:
			wait = true
		}
	}
	return files, wait
}

// idle says that the folder holds nothing but what was decided about, by a
// look of its own.
func (d *folder) idle() bool {
	entries, err := os.ReadDir(d.cfg.Dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, e := range entries {
		if !d.cfg.matches(e.Name()) {
			continue
		}
		info, err := os.Stat(filepath.Join(d.cfg.Dir, e.Name()))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if s := d.files[e.Name()]; s == nil || !s.noted || !s.same(info) {
			return false
		}
	}
	return true
}
