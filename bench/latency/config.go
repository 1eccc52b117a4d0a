package latency

import (
	"errors"
	"fmt"
	"time"

	"customer360/bench/plant"
)

// Config of a measurement.
type Config struct {
	Plant     plant.Config
	Peers     []plant.Peer
	Intervals []time.Duration // commit intervals of the product; 0: as shipped
	Rates     []int           // records/s
	Keys      int             // customers, all of them there before a rate begins
	Warmup    time.Duration   // at the first rate, before it
	Lasts     time.Duration   // of each rate
	Backlog   int             // records worked off at the end, for the pause of commits; 0: none
	Rounds    int
	Seed      uint64
}

// Short is a run of two minutes, and Full one of half an hour.
func Short() Config {
	c := Config{Plant: plant.DefaultConfig(), Intervals: []time.Duration{0}, Rates: []int{5_000, 15_000}, Keys: 20_000,
		Warmup: 10 * time.Second, Lasts: 10 * time.Second, Backlog: 200_000, Rounds: 1, Seed: 1}
	c.Plant.Partitions = 4
	return c
}

// Full has more rounds, and the product with other commit intervals.
func Full() Config {
	c := Short()
	c.Intervals = []time.Duration{0, 50 * time.Millisecond, 20 * time.Millisecond}
	c.Keys, c.Lasts, c.Backlog, c.Rounds = 100_000, 30*time.Second, 500_000, 3
	return c
}

// Validate reports what cannot run.
func (c Config) Validate() error {
	if len(c.Intervals)+len(c.Peers) == 0 || len(c.Rates) == 0 {
		return errors.New("latency: no contender, or no rate")
	}
	for _, r := range c.Rates {
		if r < 1 || r > 1_000_000 {
			return fmt.Errorf("latency: %d records a second: use 1 to 1,000,000", r)
		}
	}
	if c.Keys < 1 || c.Lasts < time.Second || c.Warmup < 0 || c.Backlog < 0 || c.Rounds < 1 {
		return fmt.Errorf("latency: %d customers, %v of each rate, %v of warm-up, a backlog of %d, %d rounds: use at least one customer, second and round", c.Keys, c.Lasts, c.Warmup, c.Backlog, c.Rounds)
	}
	return c.Plant.Validate()
}

// records that a run needs.
func (c Config) records() int {
	n := c.Keys + c.Backlog + plant.RecordsOf(c.Rates[0], c.Warmup)
	for _, r := range c.Rates {
		n += plant.RecordsOf(r, c.Lasts)
	}
	return n
}
