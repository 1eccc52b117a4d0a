package contest

import (
	"fmt"
	"strings"

	"customer360/bench/load"
)

// Contender names who does the job.
type Contender string

// The contenders.
const (
	Customer360     Contender = "customer360"      // processors.Merge as shipped
	Customer360JSON Contender = "customer360-json" // the same, its records as JSON
	StreamsEOS      Contender = "streams-eos"      // Kafka Streams, exactly_once_v2
	StreamsALO      Contender = "streams-alo"      // Kafka Streams, at_least_once
	GokaStock       Contender = "goka-stock"       // goka as it comes, at least once
	Raw             Contender = "raw"              // franz-go copies the records, idempotent
	RawTxn          Contender = "raw-txn"          // the same in transactions
)

// All are the contenders in the order of their first turns.
func All() []Contender {
	return []Contender{Customer360, StreamsEOS, Customer360JSON, StreamsALO, RawTxn, Raw, GokaStock}
}

// Parse reads names separated by commas.
func Parse(names string) ([]Contender, error) {
	var all []Contender
	for name := range strings.SplitSeq(names, ",") {
		c := Contender(strings.TrimSpace(name))
		if !c.known() {
			return nil, fmt.Errorf("contender %q: use some of %s", name, join(All()))
		}
		all = append(all, c)
	}
	return all, nil
}

func join(contenders []Contender) string {
	var names []string
	for _, c := range contenders {
		names = append(names, string(c))
	}
	return strings.Join(names, ",")
}

func (c Contender) known() bool {
	for _, a := range All() {
		if a == c {
			return true
		}
	}
	return false
}

// Form is how the contender's records are encoded. The copies of raw are of
// those that customer360 reads.
func (c Contender) Form() load.Form {
	switch c {
	case Customer360, Raw, RawTxn:
		return load.Binary
	}
	return load.JSON
}

// Merges says whether it folds documents; else it copies records.
func (c Contender) Merges() bool { return c != Raw && c != RawTxn }

// Java says whether it is Kafka Streams.
func (c Contender) Java() bool { return c == StreamsEOS || c == StreamsALO }

// Ours says whether Contend runs it.
func (c Contender) Ours() bool { return !c.Java() && c != GokaStock }
