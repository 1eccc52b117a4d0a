package simulate

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config says what world it is and where its systems write. An empty CSVDir, Topic
// or Listen leaves that system out: others play it.
type Config struct {
	Dir       string // the simulator's own folder: its progress
	CSVDir    string // where Loyalty drops its exports
	Topic     string // of Home Delivery's change events; it must exist, or come
	Listen    string // of the Online Store
	Seed      int64
	Customers int // people, Matthew Groves included; 0 and 1 are Matthew alone

	Night           time.Duration // between two exports of Loyalty
	EventsPerSecond float64       // over Home Delivery and Online Store; 0: nothing happens
	// Once loads and freezes: the whole snapshot, one export, then no life.
	Once bool
	// KeepCSV is how many exports stay in CSVDir, so that it does not grow for ever.
	KeepCSV int
}

// DefaultConfig is the world of `customer360 up`, without its folders.
func DefaultConfig() Config {
	return Config{
		Topic:  "dbserver1.inventory.customers",
		Listen: "127.0.0.1:0",
		Seed:   1, Customers: 3000,
		Night: time.Minute, EventsPerSecond: 2, KeepCSV: 5,
	}
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Dir != "", "simulate: dir is empty")
	check(c.CSVDir != "" || c.Topic != "" || c.Listen != "", "simulate: csv dir, topic and listen address are empty: there is no system to play")
	check(c.Customers >= 0 && c.Customers <= 100_000_000, "simulate: customers is %d, not 0 to 100000000", c.Customers)
	check(c.Night > 0, "simulate: night is %v, not above 0", c.Night)
	check(c.EventsPerSecond >= 0 && c.EventsPerSecond <= 100_000, "simulate: events per second is %v, not 0 to 100000", c.EventsPerSecond)
	check(c.KeepCSV >= 1, "simulate: keep csv is %d, not 1 or more", c.KeepCSV)
	if c.Listen != "" {
		_, _, err := net.SplitHostPort(c.Listen)
		check(err == nil, "simulate: listen address %q: want host:port", c.Listen)
	}
	return errors.Join(errs...)
}

// Deps are what the world is given.
type Deps struct {
	Log   *slog.Logger
	Kafka []kgo.Opt        // how to reach the brokers
	Now   func() time.Time // the events' times; nil: time.Now
}
