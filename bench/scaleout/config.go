package scaleout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config of a run.
type Config struct {
	Binary    string // bin/customer360
	Scripts   string // deploy/stack
	Dir       string // an empty folder
	Customers int
	Rate      int // updates a second while processes come and go; 0: none, and no steps: a calm run alone
	Standbys  int
	Partition int32
	Seed      uint64
	Parts     string        // of run --only: some of rekey, merge, staging, sink
	Patience  time.Duration // for each thing that is waited for
}

// DefaultConfig is a run of some minutes.
func DefaultConfig() Config {
	return Config{Binary: "bin/customer360", Scripts: "deploy/stack", Customers: 20_000, Rate: 600, Partition: 12, Seed: 1, Parts: "rekey,merge,staging,sink", Patience: 10 * time.Minute}
}

func (c Config) runs(stage string) bool { return slices.Contains(strings.Split(c.Parts, ","), stage) }

// Validate reports what cannot run.
func (c Config) Validate() error {
	if c.Customers < 1 || c.Customers > 50_000_000 || c.Rate < 0 || c.Rate > 1_000_000 || c.Partition < 4 || c.Standbys < 0 {
		return fmt.Errorf("scaleout: %d customers, %d updates a second, %d partitions, %d standbys: use at least one customer, four partitions", c.Customers, c.Rate, c.Partition, c.Standbys)
	}
	for _, part := range strings.Split(c.Parts, ",") {
		if !slices.Contains([]string{"rekey", "merge", "staging", "sink"}, part) {
			return fmt.Errorf("scaleout: the part %q: use some of rekey,merge,staging,sink", part)
		}
	}
	if c.Rate > 0 && (!c.runs("rekey") || !c.runs("merge")) {
		return fmt.Errorf("scaleout: without rekey and merge no documents flow")
	}
	return nil
}
