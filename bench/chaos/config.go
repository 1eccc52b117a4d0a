package chaos

import (
	"errors"
	"fmt"
	"time"
)

// Config is one run.
type Config struct {
	Binary string // the customer360 program
	Dir    string // an empty folder for everything the run writes
	Seed   uint64
	Length time.Duration // of the faults, from when everything is ready

	Customers int           // of the simulated world
	Events    int           // a second
	Night     time.Duration // between two CSV exports

	// Patience bounds each wait: for everything to be ready, to settle, to end.
	Patience time.Duration
}

// DefaultConfig is `make chaos`, without program and folder.
func DefaultConfig() Config {
	return Config{Seed: 1, Length: time.Minute, Customers: 300, Events: 30, Night: 7 * time.Second, Patience: 2 * time.Minute}
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Binary != "", "no program: name customer360")
	check(c.Dir != "", "no folder")
	check(c.Length >= 10*time.Second, "%v is too short for a fault to be met: 10 s or more", c.Length)
	check(c.Customers >= 1, "%d customers: 1 or more", c.Customers)
	check(c.Events >= 1, "%d events a second: 1 or more", c.Events)
	check(c.Night > 0, "a night of %v: more than 0", c.Night)
	check(c.Patience > 0, "patience of %v: more than 0", c.Patience)
	return errors.Join(errs...)
}
