package status

import (
	"slices"
	"time"

	"customer360/cmd/customer360/internal/web"
)

// Report is one look at everything.
type Report struct {
	At          time.Time    `json:"at"`
	Kafka       string       `json:"kafka"`   // bootstrap addresses
	Brokers     int          `json:"brokers"` // that the cluster has now
	Generations []Generation `json:"generations"`
	Groups      []Group      `json:"groups"`
	Instances   []Instance   `json:"instances"`
	DeadLetters DeadLetters  `json:"dead_letters"`
}

// Generation that serves, or that is being made beside it.
type Generation struct {
	Number int       `json:"number"`
	State  string    `json:"state"`
	Since  time.Time `json:"since,omitzero"`
}

// Group is one consumer group of the product.
type Group struct {
	Name       string `json:"group"`
	Stage      string `json:"stage"` // the word of run --only
	Generation int    `json:"generation"`
	State      string `json:"state"` // Kafka's: Empty, PreparingRebalance, CompletingRebalance, Stable, Dead
	Protocol   string `json:"protocol,omitempty"`
	Partitions int    `json:"partitions"`
	Unassigned int    `json:"unassigned"`
	// Lag is data not committed yet: transaction markers at the end do not count.
	Lag        int64      `json:"lag"`
	LastCommit *time.Time `json:"last_commit,omitempty"` // the newest that a member tells
	Members    []Member   `json:"members"`
	// Idle says why it may be empty; "" where it should run.
	Idle string `json:"idle,omitempty"`
}

// Member is one instance in one group.
type Member struct {
	Instance   string     `json:"instance"`
	Host       string     `json:"host"`
	Address    string     `json:"http,omitempty"`
	Partitions []int32    `json:"partitions"`
	Lag        int64      `json:"lag"`
	Standby    []int32    `json:"standby"`        // assigned copies
	Says       *web.Group `json:"says,omitempty"` // nil: it was not asked, or does not answer
}

// Instance is one process.
type Instance struct {
	Name    string     `json:"instance"`
	Host    string     `json:"host"`
	Address string     `json:"http,omitempty"`
	Problem string     `json:"problem,omitempty"` // why it could not be asked
	Parts   []web.Part `json:"parts,omitempty"`
}

// DeadLetters are counted by coordinates.
type DeadLetters struct {
	Total   int `json:"total"`
	Pending int `json:"pending"` // never retried
}

// Missing are the groups that should have members and have none.
func (r Report) Missing() (missing []Group) {
	for _, g := range r.Groups {
		if len(g.Members) == 0 && g.Idle == "" {
			missing = append(missing, g)
		}
	}
	return missing
}

// Stages are the parts that the groups without members belong to.
func Stages(groups []Group) (stages []string) {
	for _, g := range groups {
		if !slices.Contains(stages, g.Stage) {
			stages = append(stages, g.Stage)
		}
	}
	return stages
}
