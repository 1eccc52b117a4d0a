package scaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"customer360/bench/plant"
	"customer360/bench/result"
)

// Case is one arrangement.
type Case struct {
	Instances  int
	Partitions int32
}

// Config of both.
type Config struct {
	Plant   plant.Config
	Cases   []Case // of scaling
	Keys    []int  // customers: of scaling the first, of growth each
	Records int    // that are measured
	Rounds  int
	Seed    uint64
}

// Short is a run of two or three minutes.
func Short() Config {
	return Config{Plant: plant.DefaultConfig(), Cases: []Case{{1, 4}, {1, 12}, {1, 48}, {2, 12}, {4, 12}},
		Keys: []int{20_000, 200_000}, Records: 200_000, Rounds: 1, Seed: 1}
}

// Full is one of an hour.
func Full() Config {
	c := Short()
	c.Cases = append(c.Cases, Case{2, 48}, Case{4, 48})
	c.Keys, c.Records, c.Rounds = []int{100_000, 1_000_000, 5_000_000}, 1_000_000, 3
	return c
}

// Validate reports what cannot run.
func (c Config) Validate() error {
	if len(c.Keys) == 0 || c.Records < 1 || c.Rounds < 1 {
		return fmt.Errorf("scaling: %d sizes of the state, %d records, %d rounds: use at least one of each", len(c.Keys), c.Records, c.Rounds)
	}
	for _, n := range c.Keys {
		if n < 1 || n > 100_000_000 {
			return fmt.Errorf("scaling: a state of %d customers", n)
		}
	}
	for _, x := range c.Cases {
		if x.Instances < 1 || x.Partitions < int32(x.Instances) {
			return fmt.Errorf("scaling: %d instances on %d partitions: each needs one", x.Instances, x.Partitions)
		}
	}
	return errors.Join(c.Plant.Validate())
}

func measured(origin result.Row, benchmark string, round int, settings map[string]any) plant.Measured {
	text, _ := json.Marshal(settings) // numbers only
	origin.Time = time.Now().UnixMicro()
	return plant.Measured{Origin: origin, Benchmark: benchmark, Contender: result.Customer360, Round: round, Settings: string(text)}
}
