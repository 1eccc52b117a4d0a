package verify

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/processors/couchbase"
	"customer360/topology"
)

// Config of a run.
type Config struct {
	Settings    topology.Settings // of the serving generation
	Share       Share             // of the keys
	Repair      bool
	Samples     int           // how many differences are told one by one
	Wait        time.Duration // how long the sink may stand still before what it has not reached counts as pending
	Temp        string        // where the temporary folder is made; "": the system's place
	Workers     int           // look-ups under way at a time
	KeepForeign bool          // couchbase.foreign: keep
}

// DefaultConfig looks at all keys and repairs nothing.
func DefaultConfig() Config {
	return Config{Settings: topology.DefaultSettings(), Share: All, Samples: 20, Wait: 30 * time.Second, Workers: 64}
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Share <= 0 || c.Share > All:
		return errors.New("the sample must be more than 0% and at most 100%")
	case c.Samples < 0:
		return fmt.Errorf("%d samples: use 0 or more", c.Samples)
	case c.Wait < 0:
		return fmt.Errorf("a wait of %v: use 0 or more", c.Wait)
	case c.Workers < 1:
		return fmt.Errorf("%d workers: use 1 or more", c.Workers)
	}
	return c.Settings.Validate()
}

// Deps are passed in.
type Deps struct {
	Kafka   []kgo.Opt
	Auditor *couchbase.Auditor
	Log     *slog.Logger // progress
}

// Share is a part of all keys, from 0 to 1. Which keys it has depends on their
// bytes alone; a smaller share is a part of a larger one.
type Share float64

// All are all keys.
const All Share = 1

var errShare = errors.New("a share is a percentage as 1% or 0.5%, more than 0% and at most 100%")

// ParseShare reads a percentage: 1%, 0.5%.
func ParseShare(text string) (Share, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || math.IsNaN(percent) || percent <= 0 || percent > 100 {
		return 0, errShare
	}
	return Share(percent / 100), nil
}

// String is the share as ParseShare reads it.
func (s Share) String() string { return strconv.FormatFloat(float64(s)*100, 'g', 6, 64) + "%" }

// has says whether a key belongs to the share.
func (s Share) has(key []byte) bool {
	if s >= All {
		return true
	}
	h := fnv.New64a()
	_, _ = h.Write(key)
	// FNV's high bits say little of short keys; a multiplication spreads them.
	return float64((h.Sum64()*0x9e3779b97f4a7c15)>>11)/(1<<53) < float64(s)
}
