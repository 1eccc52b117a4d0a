package verify

import (
	"bytes"

	"customer360/processors/couchbase"
)

// Reason says how Couchbase differs from the log.
type Reason string

const (
	Missing    Reason = "missing"    // the log has a document, Couchbase has none
	Differing  Reason = "differing"  // the fence is right and the body (or its flags) is not
	Outdated   Reason = "outdated"   // an older fence of this generation
	Generation Reason = "generation" // a fence of another generation
	Extra      Reason = "extra"      // fenced in Couchbase, and removed or unknown in the log
	Newer      Reason = "newer"      // a fence that the log has not reached
	Foreign    Reason = "foreign"    // a document without a fence under a key of the log
)

// Reasons in the order in which they are reported.
func Reasons() []Reason {
	return []Reason{Missing, Differing, Outdated, Generation, Extra, Newer, Foreign}
}

// Meaning is a reason in words.
func (r Reason) Meaning() string {
	return map[Reason]string{
		Missing:    "the log has a document, Couchbase has none",
		Differing:  "the fence is right, the document is not",
		Outdated:   "Couchbase has an older version",
		Generation: "Couchbase has a version of another generation",
		Extra:      "Couchbase has a document of ours that the log has not",
		Newer:      "Couchbase has a version that the log has not reached",
		Foreign:    "somebody else's document lies under a key of the log",
	}[r]
}

// compare says how what was found differs from the key's newest message; nil is
// a key that the log does not know. "" where all is as it should be. A document
// without a fence that is nobody's concern is foreign to the caller: see
// isForeign.
func compare(e *entry, f couchbase.Found, generation int64) Reason {
	if e == nil {
		if f.Live && f.Fenced {
			return Extra
		}
		return ""
	}
	older := f.Fenced && f.Fence.Compare(e.fence) < 0
	switch {
	case f.Fenced && f.Fence.Compare(e.fence) > 0:
		if f.Fence.Generation != generation {
			return Generation
		}
		return Newer
	case e.body != nil && !f.Live:
		return Missing
	case e.body == nil && f.Live && f.Fenced:
		return Extra
	case e.body == nil && f.Live: // somebody else's, where nothing is ours
		return ""
	case f.Live && !f.Fenced:
		return Foreign
	case older && f.Fence.Generation != generation:
		return Generation
	case older:
		return Outdated
	case e.body != nil && (f.Binary || !bytes.Equal(e.body, f.Body)):
		return Differing
	}
	return "" // a tombstone's fence may be purged: nothing is there, as it should be
}

// isForeign tells of a document that is somebody else's and stays as it is.
func isForeign(e *entry, f couchbase.Found, keep bool) bool {
	return f.Live && !f.Fenced && (keep || e == nil || e.body == nil)
}
