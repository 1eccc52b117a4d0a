package csvdir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// folder watches which files are there and since when they have been stable.
type folder struct {
	cfg   Config
	files map[string]*sighting // by name
	known bool                 // it has been looked at before

	outside []string // links that lead out of it, which are not read
}

// sighting is a file as it was last seen.
type sighting struct {
	name  string
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
	infos, outside, err := d.list()
	if err != nil {
		return fmt.Errorf("looking into the folder: %w", err)
	}
	seen := map[string]*sighting{}
	for name, info := range infos {
		s := d.files[name]
		if s == nil {
			s = &sighting{name: name, first: now, late: d.known, size: -1}
		}
		if !s.same(info) {
			*s = sighting{name: name, size: info.Size(), mtime: info.ModTime().UnixNano(), since: now, first: s.first, late: s.late}
		}
		seen[name] = s
	}
	d.files, d.outside, d.known = seen, outside, true
	return nil
}

// list returns the files that count, by name, and the links that do not
// because they lead out of the folder.
func (d *folder) list() (infos map[string]fs.FileInfo, outside []string, err error) {
	root, err := os.OpenRoot(d.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer root.Close() //nolint:errcheck // read only
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, nil, err
	}
	infos = map[string]fs.FileInfo{}
	for _, e := range entries {
		if !d.cfg.Matches(e.Name()) {
			continue
		}
		info, err := root.Stat(e.Name()) // through links
		switch link := e.Type()&fs.ModeSymlink != 0; {
		case err == nil && info.Mode().IsRegular():
			infos[e.Name()] = info
		case err != nil && link && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			outside = append(outside, e.Name())
		}
	}
	return infos, outside, nil
}

// open opens a file of the folder; not one that has become a link out of it.
func (d *folder) open(name string) (*os.File, error) {
	root, err := os.OpenRoot(d.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // read only
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	return f, nil
}

// outsideProblem says why a link is passed over: a link to any file of the
// host would make rows and dead letters of it.
func outsideProblem(name string) string {
	return fmt.Sprintf("%s is a link that leads out of the watched folder and is not read: put the file itself there, or import it by hand", name)
}

// stable returns the files that are complete, the newest first. Where a newer
// one is still being written, the others wait for it, but not for ever.
func (d *folder) stable(now time.Time) (files []*sighting, wait bool) {
	all := slices.SortedFunc(maps.Values(d.files), func(a, b *sighting) int {
		return cmp.Or(cmp.Compare(b.mtime, a.mtime), cmp.Compare(a.name, b.name))
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
	infos, _, err := d.list()
	if err != nil {
		return false
	}
	for name, info := range infos {
		if s := d.files[name]; s == nil || !s.noted || !s.same(info) {
			return false
		}
	}
	return true
}
