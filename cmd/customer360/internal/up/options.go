package up

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"customer360/internal/local/couchbase"
)

// Options are the flags of `up`.
type Options struct {
	Dir       string
	Customers int
	Seed      int64
	Once      bool
	Fresh     bool

	// Addresses of 127.0.0.1 for other programs; port 0 takes any free one.
	Kafka, Couchbase, Store, HTTP string

	Night           time.Duration // between two CSV exports
	EventsPerSecond float64       // that the simulators make after the load
	Pprof           bool          // serve /debug/pprof beside /metrics
	Fault           string        // what goes wrong in the embedded Couchbase, as couchbase.ParseFaults reads it; "": nothing

	Out, Err io.Writer
	Now      func() time.Time
}

// DefaultOptions are those of a bare `customer360 up`.
func DefaultOptions() Options {
	return Options{
		Dir: ".customer360", Customers: 3000, Seed: 1,
		Kafka: "127.0.0.1:19092", Couchbase: "127.0.0.1:21210", Store: "127.0.0.1:18080", HTTP: "127.0.0.1:8360",
		Night: time.Minute, EventsPerSecond: 2, Now: time.Now,
	}
}

// Validate reports flags that make no run.
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("--dir is empty: name a folder")
	case o.Customers < 0:
		return fmt.Errorf("--customers %d: use 0 or more", o.Customers)
	case o.Night <= 0:
		return fmt.Errorf("--night %v: must be more than 0", o.Night)
	case o.EventsPerSecond < 0:
		return fmt.Errorf("--events %v: use 0 or more", o.EventsPerSecond)
	}
	if _, err := o.faults(); err != nil {
		return err
	}
	for flag, address := range o.addresses() {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("%s %q is no address: write host:port", flag, address)
		}
	}
	return nil
}

func (o Options) faults() ([]couchbase.Fault, error) {
	if o.Fault == "" {
		return nil, nil
	}
	faults, err := couchbase.ParseFaults(o.Fault)
	if err != nil {
		return nil, fmt.Errorf("--fault: %w", err)
	}
	return faults, nil
}

func (o Options) addresses() map[string]string {
	return map[string]string{"--kafka": o.Kafka, "--couchbase": o.Couchbase, "--store": o.Store, "--http": o.HTTP}
}

// checkPorts finds a used port before anything is started, and says how to
// choose another.
func (o Options) checkPorts() error {
	for _, flag := range []string{"--kafka", "--couchbase", "--store", "--http"} {
		address := o.addresses()[flag]
		l, err := net.Listen("tcp", address)
		if err != nil {
			host, _, _ := net.SplitHostPort(address)
			return fmt.Errorf("%w; choose another port, or any free one: %s %s", err, flag, net.JoinHostPort(host, "0"))
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// FaultKinds are the kinds of --fault, for a help text.
func FaultKinds() string { return strings.Join(couchbase.FaultKinds(), ", ") }
