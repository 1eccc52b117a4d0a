package verify

import (
	"encoding/json"

	"customer360/processors/couchbase"
)

// finding is what is known of a key that differs.
type finding struct {
	reason Reason
	entry  *entry // the log's newest then; nil: the log does not know the key
	found  couchbase.Found
	judged bool // looked at after the sink had passed the entry
}

// stored is a finding in the temporary folder. Bodies stay where they are.
type stored struct {
	Reason    Reason           `json:"r"`
	Known     bool             `json:"k,omitempty"`
	Partition int32            `json:"p,omitempty"`
	Offset    int64            `json:"o,omitempty"`
	Log       couchbase.Fence  `json:"l"`
	Couchbase *couchbase.Fence `json:"c,omitempty"`
	Judged    bool             `json:"j,omitempty"`
	Pending   bool             `json:"w,omitempty"`
	Foreign   bool             `json:"f,omitempty"` // it lay without a fence
}

func (f finding) stored() stored {
	s := stored{Reason: f.reason, Judged: f.judged}
	if f.entry != nil {
		s.Known, s.Partition, s.Offset, s.Log = true, f.entry.partition, f.entry.offset, f.entry.fence
	}
	if f.found.Fenced {
		s.Couchbase = &f.found.Fence
	}
	return s
}

func (f finding) append(b []byte) []byte { return f.stored().append(b) }

func (s stored) append(b []byte) []byte {
	text, err := json.Marshal(s)
	if err != nil { // numbers and one of seven words always marshal
		return b
	}
	return append(b, text...)
}

func parseFinding(b []byte) (s stored, err error) {
	return s, json.Unmarshal(b, &s)
}

// same says whether the log's newest message of the key is still the one that
// the finding is about.
func (s stored) same(e *entry) bool {
	if e == nil || !s.Known {
		return e == nil && !s.Known
	}
	return e.partition == s.Partition && e.offset == s.Offset
}
