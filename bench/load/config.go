package load

import (
	"fmt"
	"sort"
)

// Distribution says how often which customer is met.
type Distribution string

// The distributions.
const (
	Uniform Distribution = "uniform"
	Zipf    Distribution = "zipf"
)

// Mix says what the records do.
type Mix string

// The mixes.
const (
	Asserts Mix = ""      // every record changes merge's table
	Mixed   Mix = "mixed" // withdraws, stale asserts, empty values, second identities as well
)

// Form is how a record is encoded.
type Form string

// The forms.
const (
	Binary Form = "binary" // codec.Record.AppendValue
	JSON   Form = "json"
)

// Config decides the records.
type Config struct {
	Records      int
	Keys         int // customers; at most Records
	Distribution Distribution
	Mix          Mix
	Seed         uint64
}

// Validate reports what makes no load.
func (c Config) Validate() error {
	if c.Keys < 1 || c.Records < c.Keys || c.Records > 1<<30 {
		return fmt.Errorf("load: %d records of %d keys: use at least one record for each key, and at most %d", c.Records, c.Keys, 1<<30)
	}
	if c.Distribution != Uniform && c.Distribution != Zipf {
		return fmt.Errorf("load: distribution %q: use %s or %s", c.Distribution, Uniform, Zipf)
	}
	if c.Mix != Asserts && c.Mix != Mixed {
		return fmt.Errorf("load: mix %q: use %q or %q", c.Mix, Asserts, Mixed)
	}
	return nil
}

// Generator makes the records, any number of times.
type Generator struct {
	cfg     Config
	weights []uint64 // of Zipf: sums of the first customers' weights
}

// New checks the configuration.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Generator{cfg: cfg}
	if cfg.Distribution == Zipf {
		g.weights = make([]uint64, cfg.Keys)
		sum := uint64(0)
		for i := range g.weights {
			sum += (1 << 32) / uint64(i+1)
			g.weights[i] = sum
		}
	}
	return g, nil
}

// customer is whom record i is about.
func (g *Generator) customer(i int, d *dice) int {
	switch {
	case i < g.cfg.Keys:
		return i
	case g.weights == nil:
		return d.Below(g.cfg.Keys)
	}
	at := d.Next() % g.weights[g.cfg.Keys-1]
	return sort.Search(g.cfg.Keys, func(k int) bool { return g.weights[k] > at })
}
