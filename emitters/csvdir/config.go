package csvdir

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config says where files come from and when one of them counts.
type Config struct {
	Dir      string // the watched folder; it need not exist yet
	StateDir string // the importer's own folder: the cache of known members, files being sorted
	Pattern  string // names of files that are read, separated by commas; case is ignored
	Instance string // names this instance in loyalty.files; unique, and the same after a restart

	Stable   time.Duration // size and mtime unchanged for so long: the file is complete
	Poll     time.Duration // a look at the folder without an event, where events fail or get lost
	Takeover time.Duration // another instance's import without progress for so long is taken over

	// A file that would remove more than HoldShare (0 to 1) of the known
	// members, and more than HoldMinimum of them, is held for an operator.
	HoldShare   float64
	HoldMinimum int

	TransactionRows  int    // rows of one Kafka transaction
	TransactionBytes int    // their bytes, at most about that
	Compression      string // none, gzip, snappy, lz4, zstd

	History int // entries that loyalty.files keeps
}

// DefaultConfig is complete but for Dir, StateDir and Instance.
func DefaultConfig() Config {
	return Config{
		Pattern: "*.csv,*.csv.gz", Stable: 2 * time.Second, Poll: 10 * time.Second, Takeover: 15 * time.Second,
		HoldShare: 0.10, HoldMinimum: 3,
		TransactionRows: 10_000, TransactionBytes: 4 << 20, Compression: "snappy", History: 1000,
	}
}

// Validate reports what is wrong, each thing with its name as in Config.
func (c Config) Validate() error {
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(c.Dir == "", "Dir: the folder to watch is missing")
	refuse(c.StateDir == "", "StateDir: a folder for the importer's own files is missing")
	refuse(c.Instance == "", "Instance: a name is missing")
	refuse(len(c.patterns()) == 0, "Pattern: no pattern of file names, like *.csv")
	for _, p := range c.patterns() {
		_, err := filepath.Match(p, "")
		refuse(err != nil || strings.Contains(p, "/"), "Pattern: %q is no pattern of file names, like *.csv", p)
	}
	refuse(c.Stable < 0, "Stable: %s is negative", c.Stable)
	refuse(c.Poll <= 0, "Poll: %s must be above 0", c.Poll)
	refuse(c.Takeover <= 0, "Takeover: %s must be above 0", c.Takeover)
	refuse(!(c.HoldShare >= 0 && c.HoldShare <= 1), "HoldShare: %v is no share from 0 to 1", c.HoldShare)
	refuse(c.HoldMinimum < 0, "HoldMinimum: %d is negative", c.HoldMinimum)
	refuse(c.TransactionRows < 1, "TransactionRows: %d must be above 0", c.TransactionRows)
	refuse(c.TransactionBytes < 1, "TransactionBytes: %d must be above 0", c.TransactionBytes)
	refuse(c.History < 10, "History: %d: keep at least 10 files", c.History)
	_, err := c.codec()
	refuse(err != nil, "Compression: %w", err)
	return errors.Join(errs...)
}

func (c Config) patterns() []string {
	var patterns []string
	for p := range strings.SplitSeq(strings.ToLower(c.Pattern), ",") {
		if p = strings.TrimSpace(p); p != "" {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

// Matches says whether a file of that name is read, in any case. Hidden files never are:
// rsync and editors write through them.
func (c Config) Matches(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	for _, p := range c.patterns() {
		if ok, _ := filepath.Match(p, strings.ToLower(name)); ok {
			return true
		}
	}
	return false
}

func (c Config) codec() (kgo.CompressionCodec, error) {
	switch c.Compression {
	case "none":
		return kgo.NoCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.NoCompression(), fmt.Errorf("no compression is called %q: use none, gzip, snappy, lz4 or zstd", c.Compression)
}

// Deps is what the importer is given.
type Deps struct {
	Log      *slog.Logger          // nil: nothing is logged
	Registry prometheus.Registerer // nil: nothing is registered
	Kafka    []kgo.Opt             // seed brokers, TLS, SASL
	Now      func() time.Time      // nil: time.Now
}

func (d Deps) complete() Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}
