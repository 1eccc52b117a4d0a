package engine

import (
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/lz4"
)

// Config of one group on one instance. Take DefaultConfig and set Client,
// Group, Instance, Dir, Transactional and NewHash.
type Config struct {
	Client   []kgo.Opt // seed brokers, TLS, SASL
	Group    string    // Kafka group id and goka group, as in "merge.g1"
	Instance string    // unique and stable; client id; the transactional id is <group>-<instance>
	Dir      string    // local state of this instance, below <Dir>/<group>/<topic>.<partition>

	// Transactional: exactly once. Otherwise a sink: at least once, offsets
	// committed contiguously behind work that is done; no table.
	Transactional bool

	// Standbys is how many other instances keep a copy of each partition of the
	// table; the largest among the instances counts.
	Standbys int
	// Expendable are the inputs of which nothing is lost that cannot be had again:
	// where their offsets are gone the group goes on at the start of the log.
	Expendable []string
	// Missed is told once for each input whose removals may have been compacted away
	// before the group has read them, since it stood still for longer than the topic
	// keeps them. Its error ends the group; nil: any such input does.
	Missed  func(error) error
	Address string // host:port of this instance's /status; told to the group, "" for none

	CommitInterval     time.Duration
	TransactionTimeout time.Duration // longer than the longest callback; a commit gives up at two thirds
	SessionTimeout     time.Duration // a member that is silent for so long is out
	RebalanceTimeout   time.Duration
	DrainTimeout       time.Duration // sinks: how long a revoke waits for work under way
	FlushInterval      time.Duration // no committed state waits longer for the disk; what waits is read from Kafka again after a crash

	MaxRecordBytes        int // key, value and headers of one record; every topic must take it
	MaxTransactionBytes   int // a transaction with that much output is committed early
	MaxTransactionRecords int
	MaxInFlight           int // sinks: messages delivered and not done, over all partitions
	MaxInFlightBytes      int
	QueueBytes            int // messages fetched and not yet delivered, over all partitions

	Compression string // of produced batches: none, snappy, lz4, zstd

	// NewHash makes the partitioner of goka and of all emits (topology.NewHasher).
	NewHash func() hash.Hash32

	StoreBytes int // memory of leveldb (write buffers, indices of tables), over all partitions
	CacheBytes int // encoded states kept in memory, over all partitions; nearly all may wait there for the disk. 0: none

	Now func() time.Time // by which the age of local state and of commits is told; nil: time.Now
}

const mostStandbys = 8

// DefaultConfig has everything but names, places and the hash.
func DefaultConfig() Config {
	return Config{
		CommitInterval:        100 * time.Millisecond,
		TransactionTimeout:    15 * time.Second,
		SessionTimeout:        8 * time.Second,
		RebalanceTimeout:      30 * time.Second,
		DrainTimeout:          5 * time.Second,
		FlushInterval:         30 * time.Second,
		MaxRecordBytes:        17 << 20,
		MaxTransactionBytes:   16 << 20,
		MaxTransactionRecords: 100_000,
		MaxInFlight:           4096,
		MaxInFlightBytes:      64 << 20,
		QueueBytes:            4 << 20,
		StoreBytes:            64 << 20,
		Compression:           "snappy",
	}
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("engine: "+format, args...)) }
	if len(c.Client) == 0 {
		bad("no client options: where is Kafka?")
	}
	for name, s := range map[string]string{"group": c.Group, "instance": c.Instance} {
		if s == "" {
			bad("the %s has no name", name)
		}
	}
	if c.Dir == "" && c.Transactional {
		bad("no folder for local state")
	}
	if c.NewHash == nil {
		bad("no hash: keys would lie on other partitions than Debezium's")
	}
	for name, d := range map[string]time.Duration{"commit interval": c.CommitInterval, "transaction timeout": c.TransactionTimeout,
		"session timeout": c.SessionTimeout, "rebalance timeout": c.RebalanceTimeout, "drain timeout": c.DrainTimeout, "flush interval": c.FlushInterval} {
		if d <= 0 {
			bad("the %s is %v", name, d)
		}
	}
	for name, n := range map[string]int{"record": c.MaxRecordBytes, "transaction": c.MaxTransactionBytes, "in-flight": c.MaxInFlightBytes, "queue": c.QueueBytes, "store": c.StoreBytes} {
		if n < 1<<16 || n > 1<<30 {
			bad("%d bytes for the %s limit: use 64 KiB to 1 GiB", n, name)
		}
	}
	if c.MaxTransactionRecords < 1 || c.MaxInFlight < 1 {
		bad("record limits of %d in a transaction, %d in flight", c.MaxTransactionRecords, c.MaxInFlight)
	}
	if c.CommitInterval > c.TransactionTimeout/3 {
		bad("commits every %v do not fit transactions of %v", c.CommitInterval, c.TransactionTimeout)
	}
	if c.DrainTimeout > c.RebalanceTimeout/2 {
		bad("a drain of %v does not fit rebalances of %v", c.DrainTimeout, c.RebalanceTimeout)
	}
	if c.Standbys < 0 || c.Standbys > mostStandbys {
		bad("%d standby copies: use 0 to %d", c.Standbys, mostStandbys)
	}
	if c.CacheBytes < 0 || c.CacheBytes > 1<<34 {
		bad("a cache of %d bytes", c.CacheBytes)
	}
	if _, err := c.compression(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// batchOverhead covers the framing of a batch, of its record and of headers.
const batchOverhead = 1024

// Fits says whether a record of that size may be written: a callback asks
// before SetValue or Emit and chooses something else (a dead letter) where it
// may not. headerBytes are those of names and values.
func (c Config) Fits(key string, valueBytes int, headerBytes int) bool {
	return len(key)+valueBytes+headerBytes <= c.MaxRecordBytes-batchOverhead
}

// now is the wall clock.
func (c Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c Config) transactionalID() string { return c.Group + "-" + c.Instance }

// compression is the client's option.
func (c Config) compression() (kgo.Opt, error) {
	switch c.Compression {
	case "none":
		return kgo.ProducerBatchCompression(kgo.NoCompression()), nil
	case "lz4":
		return kgo.WithCompressor(lz4.Compressor()), nil
	case "snappy":
		return kgo.ProducerBatchCompression(kgo.SnappyCompression()), nil
	case "zstd":
		return kgo.ProducerBatchCompression(kgo.ZstdCompression()), nil
	}
	return nil, fmt.Errorf("engine: compression %q: use none, lz4, snappy or zstd", c.Compression)
}

// limits are the client's, to match MaxRecordBytes.
func (c Config) limits() []kgo.Opt {
	record := int32(c.MaxRecordBytes)
	return []kgo.Opt{
		kgo.ProducerBatchMaxBytes(record),
		kgo.MaxBufferedRecords(2 * windowBytes / recordOverhead), // never reached: Produce does not wait
		// These are soft: a larger batch comes whole when it is first in an
		// answer, and kgo rotates. Small ones keep partitions mixed, and memory
		// low: a record of 20 bytes on the wire takes hundreds in the client.
		kgo.FetchMaxPartitionBytes(512 << 10),
		kgo.FetchMaxBytes(4 << 20),
		kgo.BrokerMaxReadBytes(8 * max(record, 16<<20)),
		kgo.BrokerMaxWriteBytes(4 * max(record, 32<<20)),
	}
}

// admin are the options of the client for everything but group and transactions.
func (c Config) admin() []kgo.Opt {
	return append(slices.Clone(c.Client), append(readerOptions(), kgo.ClientID(c.Instance))...)
}
