package plant

import (
	"errors"
	"fmt"
	"time"

	"customer360/bench/result"
)

// Config of a plant.
type Config struct {
	Binary         string // bin/customer360
	Scripts        string // deploy/stack
	Dir            string // a new folder is made in it for each plant; "" for the system's temporary one
	Partitions     int32
	Standbys       int
	CommitInterval time.Duration // 0: the product's own
	Patience       time.Duration // for each thing that is waited for
}

// DefaultConfig has the product's partitions.
func DefaultConfig() Config {
	return Config{Binary: "bin/customer360", Scripts: "deploy/stack", Partitions: 12, Patience: 10 * time.Minute}
}

// Validate reports what cannot run.
func (c Config) Validate() error {
	if c.Binary == "" || c.Scripts == "" {
		return errors.New("plant: name the product's binary (make build) and the folder deploy/stack")
	}
	if c.Partitions < 1 || c.Partitions > 1000 || c.Standbys < 0 || c.CommitInterval < 0 || c.Patience <= 0 {
		return fmt.Errorf("plant: %d partitions, %d standbys, commits every %v, %v of patience", c.Partitions, c.Standbys, c.CommitInterval, c.Patience)
	}
	return nil
}

// ErrVoid: the output was wrong, so nothing that was measured counts.
var ErrVoid = errors.New("the run is void")

// Measured is one round's rows of one contender: origin's columns with the
// values and their units.
type Measured struct {
	Origin    result.Row // commit, machine, and time of the start
	Benchmark string
	Contender string
	Round     int
	Settings  string
}

// Row is one of them.
func (m Measured) Row(metric, unit string, value float64) result.Row {
	r := m.Origin
	r.Benchmark, r.Contender, r.Round, r.Settings = m.Benchmark, m.Contender, int32(m.Round), m.Settings
	r.Metric, r.Unit, r.Value = metric, unit, value
	return r
}
