package sweep

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec/debezium"
)

// Why a sweep is refused.
var (
	ErrNoSnapshot = errors.New("the topic holds no snapshot")
	ErrIncomplete = errors.New("the newest snapshot is not complete")
	ErrTooMany    = errors.New("the sweep would withdraw too many rows")
	ErrRowsReturn = errors.New("rows that are to be withdrawn come back again and again")
)

// Config of a sweep.
type Config struct {
	Topic    string
	MaxShare float64 // of the rows: more are refused
	Minimum  int     // so many are never refused for their share
	Accept   bool    // whatever the share
	DryRun   bool    // write nothing
	Samples  int     // how many keys are told
	Temp     string  // where the temporary folder is made; "": the system's place
	By       string  // who, for the header of the nulls
}

// DefaultConfig needs a topic.
func DefaultConfig() Config {
	return Config{MaxShare: 0.1, Minimum: 10, Samples: 20, By: "customer360 sweep"}
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Topic == "":
		return errors.New("no topic")
	case !(c.MaxShare >= 0 && c.MaxShare <= 1):
		return fmt.Errorf("a share of %v: use 0 to 1", c.MaxShare)
	case c.Minimum < 0 || c.Samples < 0:
		return errors.New("counts must not be negative")
	}
	return nil
}

// Deps are passed in.
type Deps struct {
	Kafka   []kgo.Opt
	Decoder *debezium.Decoder
	Log     *slog.Logger // progress

	beforeWrite func() // a test's: after the topic was read, before the nulls are written
}

// Result is what a sweep did, or would do.
type Result struct {
	Topic    string      `json:"topic"`
	Snapshot SnapshotEnd `json:"snapshot"`
	Rows     int         `json:"rows"`  // that are known
	Swept    int         `json:"swept"` // of them withdrawn, or to be withdrawn
	Share    float64     `json:"share"` // swept of the rows
	DryRun   bool        `json:"dry_run,omitempty"`
	Keys     []string    `json:"keys"` // some of them
	Seconds  float64     `json:"seconds"`
}

// SnapshotEnd is where the newest snapshot's last row lies.
type SnapshotEnd struct {
	Place     string    `json:"place"` // in the binlog
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	At        time.Time `json:"at"`
}

// in says it in a header and in messages.
func (s SnapshotEnd) in(topic string) string {
	return fmt.Sprintf("the snapshot at %s, complete at %s/%d/%d", s.Place, topic, s.Partition, s.Offset)
}
