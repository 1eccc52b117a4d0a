package emitters

import (
	"encoding/json"
	"errors"
	"fmt"

	"customer360/bench/result"
)

// ErrVoid: the output is not what must be, so the speed says nothing.
var ErrVoid = errors.New("the run is void")

// Config of a measurement.
type Config struct {
	Rows      int   // of the CSV file; 0: no csv
	Customers int   // people of the store's world, of whom some are its customers; 0: no poll
	InFlight  []int // requests at a time; one case each
	Rounds    int

	// Self is the command whose arguments --role and on make a child of this
	// package (see Child); empty: this program with the argument "emitters".
	Self []string
}

// DefaultConfig is the long form: a million rows.
func DefaultConfig() Config {
	return Config{Rows: 1_000_000, Customers: 60_000, InFlight: []int{16, 64}, Rounds: 5}
}

// ShortConfig is that of `make bench`: under two minutes.
func ShortConfig() Config {
	return Config{Rows: 300_000, Customers: 10_000, InFlight: []int{16}, Rounds: 3}
}

// Validate reports what cannot be measured.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Rows != 0 && (c.Rows < 100 || c.Rows > 100_000_000) {
		bad("%d rows: use 100 to 100000000, or 0 for none", c.Rows)
	}
	if c.Customers != 0 && (c.Customers < 100 || c.Customers > 10_000_000) {
		bad("%d customers: use 100 to 10000000, or 0 for none", c.Customers)
	}
	if c.Rows == 0 && (c.Customers == 0 || len(c.InFlight) == 0) {
		bad("there is nothing to measure: name rows, or customers and requests in flight")
	}
	if c.Rounds < 1 || c.Rounds > 1000 {
		bad("%d rounds: use 1 to 1000", c.Rounds)
	}
	for _, n := range c.InFlight {
		if n < 1 || n > 1000 {
			bad("%d requests in flight: use 1 to 1000", n)
		}
	}
	return errors.Join(errs...)
}

// run is one run of one contender, as its row's settings have it.
type run struct {
	contender string
	operation string // csv or poll
	records   int    // rows, or customers asked for
	inFlight  int    // 0: does not apply
}

// runs of a round, without their records' final number.
func (c Config) runs() []run {
	var all []run
	if c.Rows > 0 {
		all = append(all, run{result.CSVDir, "csv", c.Rows, 0}, run{result.EncodingCSV, "csv", c.Rows, 0})
	}
	for _, n := range c.InFlight {
		if c.Customers > 0 {
			all = append(all, run{result.RestPoll, "poll", c.Customers, n}, run{result.NetHTTP, "poll", c.Customers, n})
		}
	}
	return all
}

func (r run) settings() (string, error) {
	s := map[string]any{"operation": r.operation, "records": r.records, "broker": "kfake and simulated store, in a process of their own"}
	if r.inFlight > 0 {
		s["in_flight"] = r.inFlight
	}
	b, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("the settings: %w", err)
	}
	return string(b), nil
}
