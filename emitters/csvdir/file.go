package csvdir

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"customer360/codec"
)

// Phase is how far a file has come.
type Phase string

// The phases. Those from Seen to Done follow each other; the others end a
// file, until an operator, its return or a newer file changes that.
const (
	Seen      Phase = "seen"      // an instance reads and checks it; nothing is written
	Rows      Phase = "rows"      // its rows are being written, File.Row says how far
	Withdrawn Phase = "withdrawn" // its rows are written, the members that it lacks are being withdrawn
	Done      Phase = "done"

	Held       Phase = "held"       // would remove too much; nothing is written until it is accepted
	Accepted   Phase = "accepted"   // an operator released it
	Failed     Phase = "failed"     // cannot be read as it is; not tried again until it changes
	Incomplete Phase = "incomplete" // written in part, and gone or overtaken by a newer one
	Skipped    Phase = "skipped"    // older than what was imported
	Unchanged  Phase = "unchanged"  // touched: the same content as the last import, with a newer time
)

// File is one file's entry in loyalty.files: one content with one modification
// time. The same content with another time is another entry, so that of
// A, B, A the third counts.
type File struct {
	Format int `json:"format,omitempty"` // of the entry; 0 is 1

	Name  string `json:"name"`
	MTime int64  `json:"mtime"` // Unix nanoseconds
	Hash  string `json:"hash"`  // SHA-256 of the bytes as stored, hex
	Size  int64  `json:"size"`
	Phase Phase  `json:"phase"`
	// Topic is the id of the loyalty.members that the entry is about: what was
	// written to it is gone with it. Older entries name none and count for any.
	Topic string `json:"topic,omitempty"`
	// Reason says, for people, why the file is held, failed, skipped, incomplete.
	Reason string `json:"reason,omitempty"`

	Encoding  string `json:"encoding,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`

	Rows       int64 `json:"rows"`                 // data rows in the file, known once it is checked
	Row        int64 `json:"row,omitempty"`        // the last row that is written or rejected
	Written    int64 `json:"written"`              // rows that were published
	Rejected   int64 `json:"rejected"`             // rows that went to the dead letters
	Duplicates int64 `json:"duplicates,omitempty"` // rows that a later one of the same id replaced
	Known      int64 `json:"known,omitempty"`      // members before the import
	Removes    int64 `json:"removes,omitempty"`    // members that the file would withdraw or does
	Withdrawn  int64 `json:"withdrawn"`            // members that were withdrawn

	Accepted bool      `json:"accepted,omitempty"` // an operator let it pass
	Instance string    `json:"instance,omitempty"` // who wrote this entry
	Started  time.Time `json:"started"`
	Time     time.Time `json:"time"` // of this entry
}

// Key is the file's key in loyalty.files: content hash, @, modification time.
func (f *File) Key() string { return f.Hash + "@" + strconv.FormatInt(f.MTime, 10) }

// Modified is the file's modification time.
func (f *File) Modified() time.Time { return time.Unix(0, f.MTime) }

// ShortHash is enough of the hash for people, and for Accept.
func (f *File) ShortHash() string { return f.Hash[:min(12, len(f.Hash))] }

// compare orders files as decoders order their rows: by time, then content.
func (f *File) compare(o *File) int {
	return cmp.Or(cmp.Compare(f.MTime, o.MTime), cmp.Compare(f.Hash, o.Hash))
}

// began says that members may hold rows of the file.
func (f *File) began() bool {
	switch f.Phase {
	case Rows, Withdrawn, Done, Incomplete:
		return true
	}
	return false
}

// current says that members were as the file has them.
func (f *File) current() bool { return f.Phase == Done || f.Phase == Unchanged }

// maxFuture is how far ahead of the clock a file's time may be: more than any
// time zone that a host has wrong. A file from next year would outrank every
// other one until then.
const maxFuture = 24 * time.Hour

// ahead says by how much the file's time is too far ahead of a clock.
func (f *File) ahead(clock time.Time) time.Duration {
	return max(0, f.Modified().Sub(clock)-maxFuture)
}

// settled says that nothing more is to be done about the file, unless an
// operator says so. A clock that was wrong can be right by now.
func (f *File) settled(now time.Time) bool {
	switch f.Phase {
	case Failed:
		return f.ahead(f.Time) == 0 || f.ahead(now) > 0
	case Held, Skipped, Unchanged:
		return true
	}
	return f.began()
}

// underWay says that an instance is at work on the file, or died over it.
func (f *File) underWay() bool { return f.Phase == Seen || f.Phase == Rows || f.Phase == Withdrawn }

func (f *File) encode() []byte {
	b, _ := json.Marshal(f) // strings, numbers and times of this century
	return b
}

// fileFormat is the number of the entries' format. An entry says it from 2 on.
const fileFormat = 1

// decodeFile reads an entry of loyalty.files and holds it against its key.
func decodeFile(key, value []byte) (File, error) {
	var f File
	if err := json.Unmarshal(value, &f); err != nil {
		return File{}, fmt.Errorf("an entry of loyalty.files: %w", err)
	}
	if err := codec.CheckFormat(f.Format, fileFormat); err != nil {
		return File{}, fmt.Errorf("an entry of loyalty.files: %w", err)
	}
	if f.Key() != string(key) || strings.TrimSpace(f.Hash) == "" {
		return File{}, fmt.Errorf("an entry of loyalty.files has the key %q and is about %q", key, f.Key())
	}
	return f, nil
}
