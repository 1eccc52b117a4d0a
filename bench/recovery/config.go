package recovery

import (
	"encoding/json"
	"fmt"
	"time"

	"customer360/bench/plant"
	"customer360/bench/result"
)

// Config of all three.
type Config struct {
	Plant  plant.Config
	Peers  []plant.Peer // recovery only
	Keys   int          // customers
	Rounds int
	Seed   uint64
}

// Short has 100,000 customers, Full a million.
func Short() Config {
	return Config{Plant: plant.DefaultConfig(), Keys: 100_000, Rounds: 1, Seed: 1}
}

// Full has a million customers, three times.
func Full() Config {
	c := Short()
	c.Keys, c.Rounds = 1_000_000, 3
	return c
}

// Validate reports what cannot run.
func (c Config) Validate() error {
	if c.Keys < 10 || c.Keys > 100_000_000 || c.Rounds < 1 {
		return fmt.Errorf("recovery: %d customers, %d rounds: use at least ten customers and one round", c.Keys, c.Rounds)
	}
	return c.Plant.Validate()
}

// measured has the settings of all.
func (c Config) measured(origin result.Row, benchmark, contender string, round int, more map[string]any) plant.Measured {
	settings := map[string]any{"keys": c.Keys, "partitions": c.Plant.Partitions}
	for name, value := range more {
		settings[name] = value
	}
	text, _ := json.Marshal(settings) // texts, numbers, and nothing else
	origin.Time = time.Now().UnixMicro()
	return plant.Measured{Origin: origin, Benchmark: benchmark, Contender: contender, Round: round, Settings: string(text)}
}
