package csvdir

import (
	"slices"
	"time"
)

// ledger is the fold of loyalty.files. Every decision about a file is made on
// it alone, so that all instances decide alike.
type ledger struct {
	files map[string]held
	topic string // id of loyalty.members; "": not known
}

// held is an entry with when it was learned of, by this process's own clock.
type held struct {
	File
	learned time.Time
}

func newLedger() *ledger { return &ledger{files: map[string]held{}} }

func (l *ledger) put(f File, now time.Time) { l.files[f.Key()] = held{f, now} }
func (l *ledger) remove(key string)         { delete(l.files, key) }

// lost says that what the entry tells of members went to a topic that was deleted
// since: the one of its name holds nothing of the file.
func (l *ledger) lost(f *File) bool { return f.Topic != "" && l.topic != "" && f.Topic != l.topic }

// watermark is the newest file of which members may hold rows, or whose touch
// made them newer; nil before the first import. It counts in a topic that was
// created anew, too: an older file is no substitute for the newest one.
func (l *ledger) watermark() *File {
	var newest *File
	for _, h := range l.files {
		if (h.began() || h.Phase == Unchanged) && (newest == nil || h.compare(newest) > 0) {
			newest = &h.File
		}
	}
	return newest
}

// judgement is what is to be done about a file.
type judgement int

const (
	settled   judgement = iota // nothing: done, held, failed, skipped
	older                      // it is older than what was imported, and nobody has noted that
	unchanged                  // it was touched, and nobody has noted that
	fresh                      // import it from its beginning
	resume                     // go on where an import of it stopped
)

// judge decides about a file by its time and hash. The entry returned is what
// is known of it, nil where nothing is. now matters only to files that were
// refused for a time in the future.
func (l *ledger) judge(f *File, now time.Time) (judgement, *File) {
	var entry *File
	if h, ok := l.files[f.Key()]; ok {
		entry = &h.File
	}
	mark := l.watermark()
	order := 1
	if mark != nil {
		order = f.compare(mark)
	}
	switch {
	case order == 0 && l.lost(mark):
		return fresh, entry
	case order == 0 && mark.current():
		return settled, entry
	case order == 0:
		return resume, entry
	case entry != nil && entry.settled(now):
		return settled, entry
	case order < 0:
		return older, entry
	case mark != nil && mark.current() && mark.Hash == f.Hash && !l.lost(mark):
		return unchanged, entry
	}
	return fresh, entry
}

// busy returns the import that another instance is at work on: one whose entry
// changed less than patience ago.
func (l *ledger) busy(me string, now time.Time, patience time.Duration) (File, bool) {
	for _, h := range l.files {
		if h.underWay() && h.Instance != me && now.Sub(h.learned) < patience {
			return h.File, true
		}
	}
	return File{}, false
}

// halfDone returns the files that were begun and not finished, but for the one
// under that key.
func (l *ledger) halfDone(but string) []File {
	return l.where(func(f *File) bool { return (f.Phase == Rows || f.Phase == Withdrawn) && f.Key() != but })
}

// waiting returns the held files that could still be accepted, newest first.
func (l *ledger) waiting() []File {
	mark := l.watermark()
	return l.where(func(f *File) bool { return f.Phase == Held && (mark == nil || f.compare(mark) > 0) })
}

// outdated returns the entries beyond the newest keep ones that say nothing
// any more.
func (l *ledger) outdated(keep int) []File {
	mark := l.watermark()
	all := l.where(func(f *File) bool { return mark != nil && f.compare(mark) < 0 })
	return all[min(keep, len(all)):]
}

// all returns every file, newest first.
func (l *ledger) all() []File { return l.where(func(*File) bool { return true }) }

func (l *ledger) where(keep func(*File) bool) []File {
	var files []File
	for _, h := range l.files {
		if keep(&h.File) {
			files = append(files, h.File)
		}
	}
	slices.SortFunc(files, func(a, b File) int { return b.compare(&a) })
	return files
}
