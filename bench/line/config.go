package line

import (
	"fmt"
	"time"

	"customer360/bench/plant"
)

// Config of a measurement.
type Config struct {
	Plant   plant.Config
	Keys    int           // customers
	Records int           // raw records of the highest rate, the customers' first ones included
	Loads   []int         // percent of the highest rate
	Lasts   time.Duration // of each
	Probes  int           // records that are followed at a time
	Rounds  int
	Seed    uint64
}

// Short is a run of two minutes.
func Short() Config {
	return Config{Plant: plant.DefaultConfig(), Keys: 20_000, Records: 60_000, Loads: []int{10, 50, 80}, Lasts: 15 * time.Second, Probes: 8, Rounds: 1, Seed: 1}
}

// Full is one of half an hour.
func Full() Config {
	c := Short()
	c.Keys, c.Records, c.Lasts, c.Rounds = 100_000, 500_000, 2*time.Minute, 3
	return c
}

// Validate reports what cannot run.
func (c Config) Validate() error {
	if c.Keys < 1 || c.Records < c.Keys || c.Lasts < time.Second || c.Probes < 1 || c.Probes > 256 || c.Rounds < 1 {
		return fmt.Errorf("line: %d customers, %d records, %v of each load, %d probes, %d rounds: use at least one customer, as many records, a second, 1 to 256 probes, one round", c.Keys, c.Records, c.Lasts, c.Probes, c.Rounds)
	}
	for _, l := range c.Loads {
		if l < 1 || l > 100 {
			return fmt.Errorf("line: a load of %d%%: use 1 to 100", l)
		}
	}
	return c.Plant.Validate()
}
