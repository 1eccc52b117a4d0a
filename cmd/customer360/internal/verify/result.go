package verify

import (
	"customer360/internal/fielddiff"
	"customer360/processors/couchbase"
)

// Result is what a run found. Counts are of keys.
type Result struct {
	Generation int    `json:"generation"`
	Sample     string `json:"sample"` // the share of the keys that was looked at

	Documents int `json:"documents"` // keys of the log with a document
	Removals  int `json:"removals"`  // keys of the log that are removed

	// Listed is how the keys of Couchbase were listed, "" where they could not be:
	// then NotListed says why, and documents that the log does not know were not
	// looked for.
	Listed    string `json:"listed,omitempty"`
	NotListed string `json:"not_listed,omitempty"`
	Live      int    `json:"couchbase_documents"` // seen in Couchbase

	Equal       int            `json:"equal"`
	Quarantined int            `json:"quarantined"` // removed until a rebuild, as it should be
	Foreign     int            `json:"foreign"`     // somebody else's documents, which are left alone
	InFlight    int            `json:"in_flight"`   // changed again and again while they were looked at
	Pending     int            `json:"pending"`     // the sink has not reached their newest message, and stands still
	Differences int            `json:"differences"`
	Reasons     map[Reason]int `json:"reasons"`
	Repair      *Repaired      `json:"repair,omitempty"`
	Samples     []Sample       `json:"samples"`
	Seconds     float64        `json:"seconds"`
}

// Repaired is what --repair has done.
type Repaired struct {
	Written   int `json:"written"`
	Removed   int `json:"removed"`
	Remaining int `json:"remaining"` // still differ afterwards
}

// Sample is one difference.
type Sample struct {
	Key       string             `json:"key"`
	Reason    Reason             `json:"reason"`
	Pending   bool               `json:"pending,omitempty"` // the sink has not reached it
	Log       *couchbase.Fence   `json:"log_fence,omitempty"`
	Couchbase *couchbase.Fence   `json:"couchbase_fence,omitempty"`
	Fields    []fielddiff.Change `json:"fields,omitempty"` // before: Couchbase's, after: the log's; secrets masked
	Repair    string             `json:"repair,omitempty"` // what became of it
}

// IsEqual says whether Couchbase is now what the log says.
func (r *Result) IsEqual() bool {
	if r.Repair != nil {
		return r.Repair.Remaining == 0
	}
	return r.Differences == 0 && r.Pending == 0
}
