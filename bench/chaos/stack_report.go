package chaos

import "customer360/bench/stack"

// StackReport is what a course on the real source systems found.
type StackReport struct {
	Seconds float64      `json:"seconds"` // of faults
	Seed    uint64       `json:"seed"`
	Faults  map[Kind]int `json:"faults"`

	Statements stack.Statements `json:"statements"`
	Files      int              `json:"csv_files"`
	Changes    int              `json:"store_changes"`
	Requests   int              `json:"store_requests"`

	// Checkpoints are how often everything was compared; the rest is of the last.
	Checkpoints int `json:"checkpoints"`
	Compared    int `json:"compared"` // documents, over all checkpoints
	Documents   int `json:"documents"`
	Staged      int `json:"staged"`
	Rows        int `json:"rows"`
	Members     int `json:"members"`

	Findings

	Letters map[string]int `json:"dead_letters"` // by stage and reason
	// Exits are ends of instances by themselves; Restarts those of failed tasks of
	// the connector. Each was started again.
	Exits    int `json:"exits"`
	Restarts int `json:"connector_restarts"`
}

// Right says whether nothing is wrong, and something was compared.
func (r StackReport) Right() bool { return r.Wrong() == 0 && r.Checkpoints > 0 && r.Documents > 0 }
