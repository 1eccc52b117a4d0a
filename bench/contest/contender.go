package contest

import (
	"fmt"
	"strings"

	"customer360/bench/load"
	"customer360/bench/result"
)

// Contender names who does the job.
type Contender string

// The contenders; package result says what each is.
const (
	Customer360     Contender = result.Customer360
	Customer360JSON Contender = result.Customer360JSON
	StreamsEOS      Contender = result.StreamsEOS
	StreamsALO      Contender = result.StreamsALO
	GokaStock       Contender = result.GokaStock
	Raw             Contender = result.Raw
	RawTxn          Contender = result.RawTxn
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
