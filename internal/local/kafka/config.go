package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Config is where the broker keeps its data and how careful it is with it.
type Config struct {
	Dir    string // the data folder; made if missing
	Listen string // an address of this machine, with a port; port 0 is any free one
	// MinFreeBytes is the free space of Dir's disk at which the broker stops,
	// while it still can in order. At four times as much it begins to warn.
	MinFreeBytes uint64
	// CompactEvery is how often superseded records are cleared away, and at every
	// start that long after the last time. Clients lose their connections for as
	// long as it takes. 0: never.
	CompactEvery time.Duration
	// SyncWrites makes every batch durable before it is acknowledged. Without it
	// kill -9 loses nothing, a power failure may.
	SyncWrites bool
}

// DefaultConfig is the broker of `customer360 up`, without its folder.
func DefaultConfig() Config {
	return Config{
		Listen:       "127.0.0.1:0",
		MinFreeBytes: 64 << 20,
		CompactEvery: time.Hour,
		SyncWrites:   true,
	}
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("kafka: dir is empty"))
	}
	// The address is also what clients are told to connect to.
	if addr, err := netip.ParseAddrPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("kafka: listen address %q: want an IP address and a port, as 127.0.0.1:9092", c.Listen))
	} else if addr.Addr().IsUnspecified() {
		errs = append(errs, fmt.Errorf("kafka: listen address %q: name one address of this machine, clients are told to connect to it", c.Listen))
	}
	if c.CompactEvery < 0 {
		errs = append(errs, fmt.Errorf("kafka: compact every %v is negative", c.CompactEvery))
	}
	return errors.Join(errs...)
}

// Deps are what the broker is given.
type Deps struct {
	Log *slog.Logger
}
