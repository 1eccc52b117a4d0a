package gendiff

import "customer360/internal/fielddiff"

// What happened to a key between the two generations.
type What string

const (
	Added             What = "added"
	Removed           What = "removed"
	Changed           What = "changed"
	QuarantinedNow    What = "quarantined by the new one"
	QuarantinedBefore What = "quarantined by the old one"
)

// Result is what the comparison found. Counts are of keys.
type Result struct {
	From        int         `json:"from"`   // generation
	To          int         `json:"to"`     // generation
	State       string      `json:"state"`  // of the latter; filled in by the caller
	Behind      int64       `json:"behind"` // records that the latter has still to read
	CaughtUp    bool        `json:"caught_up"`
	Customers   Kind        `json:"customers"`
	Orders      Kind        `json:"orders"`
	Quarantined Quarantined `json:"quarantined"`
	Fields      []Field     `json:"fields"` // of changed documents, the most frequent first
	Samples     []Sample    `json:"samples"`
	Seconds     float64     `json:"seconds"`
}

// Kind counts documents of one kind. Keys that one side has quarantined are in
// From or To only.
type Kind struct {
	From    int `json:"from"`
	To      int `json:"to"`
	Equal   int `json:"equal"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
}

func (k Kind) differences() int { return k.Added + k.Removed + k.Changed }

// Quarantined counts the keys that are quarantined on both sides, in the old
// generation only, in the new one only.
type Quarantined struct {
	Both   int `json:"both"`
	Before int `json:"before"`
	Now    int `json:"now"`
}

// Field counts the documents in which a field differs.
type Field struct {
	Field     string `json:"field"`
	Documents int    `json:"documents"`
}

// Sample is one difference.
type Sample struct {
	Key    string             `json:"key"`
	What   What               `json:"what"`
	Fields []fielddiff.Change `json:"fields,omitempty"` // secrets masked
}

// IsEqual says whether both generations have the same documents.
func (r *Result) IsEqual() bool {
	return r.Customers.differences()+r.Orders.differences()+r.Quarantined.Before+r.Quarantined.Now == 0
}
