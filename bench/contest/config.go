package contest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"customer360/bench/load"
)

// Config of a contest.
type Config struct {
	Load       load.Config
	Warmup     int // records of each run that are not measured
	Partitions int32
	Rounds     int
	Contenders []Contender   // in the order of their turns
	Once       []Contender   // of these, those that run in the first round only
	Limit      time.Duration // of one run

	CommitInterval time.Duration // of our contenders that have transactions

	Broker    Broker
	Bootstrap string // of External
	BrokerPID int    // of External, for its CPU; 0: not told
	Root      string // of the repository: deploy/stack, bench/peers
	Dir       string // for builds, data, state and logs; "": a temporary one, removed
}

// Broker says which one a contest has.
type Broker string

// The brokers.
const (
	Kafka    Broker = "kafka"    // deploy/stack/kafka.sh, in a temporary folder
	Kfake    Broker = "kfake"    // in memory, in the process that measures
	External Broker = "external" // one that runs already
)

// DefaultConfig is a contest of all contenders, of half an hour; stock goka runs once.
func DefaultConfig() Config {
	return Config{
		Load:   load.Config{Records: 1_000_000, Keys: 100_000, Distribution: load.Uniform, Mix: load.Mixed, Seed: 1},
		Warmup: 300_000, Partitions: 4, Rounds: 5, Contenders: All(), Once: []Contender{GokaStock}, Limit: 15 * time.Minute,
		CommitInterval: Engine().CommitInterval, Broker: Kafka, Root: ".",
	}
}

// Validate reports what cannot be measured.
func (c Config) Validate() error {
	if err := c.Load.Validate(); err != nil {
		return err
	}
	switch {
	case c.Rounds < 1 || c.Rounds > 1000:
		return fmt.Errorf("%d rounds: use 1 to 1000", c.Rounds)
	case c.Warmup < 0 || c.Warmup >= c.Load.Records:
		return fmt.Errorf("a warm-up of %d records leaves none of %d to measure", c.Warmup, c.Load.Records)
	case c.Partitions < 1 || c.Partitions > 4096:
		return fmt.Errorf("%d partitions: use 1 to 4096", c.Partitions)
	case len(c.Contenders) == 0:
		return fmt.Errorf("no contenders: use some of %s", join(All()))
	case c.Broker != Kafka && c.Broker != Kfake && c.Broker != External:
		return fmt.Errorf("broker %q: use %s, %s or %s", c.Broker, Kafka, Kfake, External)
	case c.Broker == External && c.Bootstrap == "":
		return fmt.Errorf("an external broker needs its address: use --bootstrap host:port")
	case c.Limit <= 0 || c.CommitInterval <= 0:
		return fmt.Errorf("a limit of %v for a run, a commit interval of %v", c.Limit, c.CommitInterval)
	}
	for i, name := range c.Contenders {
		switch {
		case !name.known():
			return fmt.Errorf("contender %q: use some of %s", name, join(All()))
		case slices.Contains(c.Contenders[:i], name):
			return fmt.Errorf("contender %s is named twice", name)
		case c.Broker == Kfake && !name.Ours():
			return fmt.Errorf("%s needs a real broker: kfake is for our own contenders", name)
		}
	}
	return nil
}

// settings of a contender's rows.
func (c Config) settings(m Measurement) (string, error) {
	b, err := json.Marshal(map[string]any{
		"records": c.Load.Records, "keys": c.Load.Keys, "distribution": c.Load.Distribution, "mix": c.Load.Mix, "seed": c.Load.Seed,
		"warmup": c.Warmup, "partitions": c.Partitions, "broker": c.broker(), "gc": m.GC, "job": m.Job,
	})
	if err != nil {
		return "", fmt.Errorf("the settings: %w", err)
	}
	return string(b), nil
}

func (c Config) broker() string {
	switch c.Broker {
	case Kafka:
		return "Apache Kafka, one node on the same machine"
	case Kfake:
		return "kfake, in memory, no Kafka"
	}
	return "external"
}
