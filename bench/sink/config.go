package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"customer360/bench/result"
)

// ErrVoid: what is in Couchbase is not what must be, so the speed says nothing.
var ErrVoid = errors.New("the run is void")

// Operations, in their order.
const (
	Insert  = "insert"
	Rewrite = "rewrite"
	Replay  = "replay"
	Remove  = "remove"
)

// Config of a measurement.
type Config struct {
	Documents  int   // keys, and so messages of each operation
	InFlight   []int // operations at a time; one case each
	Rounds     int
	Contenders []string // result.Fenced, result.Plain
	Durability string   // of both, as processors/couchbase.Config has it: none or majority
	Partitions int32    // of the documents topic

	// Self is the command whose arguments --role and on make a child of this
	// package (see Child); empty: this program with the argument "sink".
	Self []string
}

// DefaultConfig is the long form: some ten minutes.
func DefaultConfig() Config {
	return Config{Documents: 50_000, InFlight: []int{1, 8, 64}, Rounds: 5, Contenders: []string{result.Fenced, result.Plain},
		Durability: "none", Partitions: 4}
}

// ShortConfig is that of `make bench`: under two minutes.
func ShortConfig() Config {
	c := DefaultConfig()
	c.Documents, c.Rounds = 15_000, 3
	return c
}

// Validate reports what cannot be measured.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Documents < 100 || c.Documents > 1_000_000 {
		bad("%d documents: use 100 to 1000000", c.Documents)
	}
	if c.Rounds < 1 || c.Rounds > 1000 {
		bad("%d rounds: use 1 to 1000", c.Rounds)
	}
	if c.Partitions < 1 || c.Partitions > 1000 {
		bad("%d partitions: use 1 to 1000", c.Partitions)
	}
	if len(c.InFlight) == 0 || len(c.Contenders) == 0 {
		bad("there is nothing to measure: name contenders and operations in flight")
	}
	for _, n := range c.InFlight {
		if n < 1 || n > 1024 {
			bad("%d operations in flight: use 1 to 1024", n)
		}
	}
	for _, name := range c.Contenders {
		if name != result.Fenced && name != result.Plain {
			bad("contender %q: use %s or %s", name, result.Fenced, result.Plain)
		}
	}
	if !slices.Contains([]string{"none", "majority"}, c.Durability) {
		bad("durability %q: use none or majority", c.Durability)
	}
	return errors.Join(errs...)
}

// settings are those of a row.
func (c Config) settings(operation string, inFlight int) (string, error) {
	b, err := json.Marshal(map[string]any{"operation": operation, "in_flight": inFlight, "records": c.Documents,
		"partitions": c.Partitions, "durability": c.Durability, "broker": "kfake and embedded node, in a process of their own"})
	if err != nil {
		return "", fmt.Errorf("the settings: %w", err)
	}
	return string(b), nil
}
