package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadToEnd calls fn with each committed record of the topic, from the start
// of every partition to its last stable offset at the time of the call;
// partition after partition, in offset order within each. client holds seed
// brokers, TLS and SASL. Tombstones come as records with a nil value.
//
// It ends where a log ends in transaction markers or aborted records, and
// where compaction has emptied its tail. An error of fn ends it, unwrapped.
func ReadToEnd(ctx context.Context, client []kgo.Opt, topic string, fn func(*kgo.Record) error) error {
	return NewReader(client, topic).Read(ctx, fn)
}

// ReadPartitions is ReadToEnd for some partitions; nil: all of them.
func ReadPartitions(ctx context.Context, client []kgo.Opt, topic string, which []int32, fn func(*kgo.Record) error) error {
	r := NewReader(client, topic)
	r.only = which
	return r.Read(ctx, fn)
}

// Reader reads a topic in rounds. It is not safe for concurrent use.
type Reader struct {
	client []kgo.Opt
	topic  string
	next   map[int32]int64
	only   []int32 // partitions; nil: all
}

// NewReader makes a Reader that begins at the start of every partition.
func NewReader(client []kgo.Opt, topic string) *Reader {
	return &Reader{client: client, topic: topic, next: map[int32]int64{}}
}

// NewReaderAt makes a Reader that begins at these offsets; at the start of the
// partitions that have none.
func NewReaderAt(client []kgo.Opt, topic string, from map[int32]int64) *Reader {
	return &Reader{client: client, topic: topic, next: maps.Clone(from)}
}

// Next is where the next Read goes on, by partition: behind everything that
// was committed when the last one began. Before the first it is empty.
func (r *Reader) Next() map[int32]int64 { return maps.Clone(r.next) }

// Read is ReadToEnd for what was committed since the last Read. After an error
// the round is read again, from where it began.
func (r *Reader) Read(ctx context.Context, fn func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(append(slices.Clone(r.client), readerOptions()...)...)
	if err != nil {
		return fmt.Errorf("reading %s: %w", r.topic, err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := listed(adm.ListCommittedOffsets(ctx, r.topic))
	if err != nil {
		return fmt.Errorf("the end of %s: %w", r.topic, err)
	}
	starts, err := listed(adm.ListStartOffsets(ctx, r.topic))
	if err != nil {
		return fmt.Errorf("the start of %s: %w", r.topic, err)
	}
	next := map[int32]int64{}
	for _, p := range slices.Sorted(maps.Keys(ends[r.topic])) {
		if r.only != nil && !slices.Contains(r.only, p) {
			continue
		}
		end := ends[r.topic][p].Offset
		start := max(r.next[p], starts[r.topic][p].Offset)
		if err := readPartition(ctx, cl, r.topic, p, start, end, fn); err != nil {
			return err
		}
		next[p] = max(start, end)
	}
	r.next = next
	return nil
}

// listed turns errors of single partitions into the error of the call.
func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	return offsets, err
}

func readPartition(ctx context.Context, cl *kgo.Client, topic string, partition int32, offset, end int64, fn func(*kgo.Record) error) error {
	f := newFetcher(cl, topic, partition, readerMaxBytes)
	for offset < end {
		answer, err := f.fetch(ctx, offset)
		if errors.Is(err, kerr.OffsetOutOfRange) { // retention was faster
			starts, lerr := listed(kadm.NewClient(cl).ListStartOffsets(ctx, topic))
			if lerr != nil {
				return fmt.Errorf("the start of %s: %w", topic, lerr)
			}
			if start := starts[topic][partition].Offset; start > offset {
				offset = start
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("reading %s/%d at %d of %d: %w", topic, partition, offset, end, err)
		}
		for _, r := range answer.records {
			if r.Offset >= end {
				return nil
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		offset = answer.next
	}
	return nil
}

// readerMaxBytes bounds one answer of a reader; a larger batch comes whole.
const readerMaxBytes = 8 << 20

// shareOfReaders is the same for each of n partitions that are read at once. There
// are up to three answers of each in memory, several times as large as here once
// they are decompressed.
func shareOfReaders(n int) int { return max(readerMaxBytes/n, 256<<10) }

// readerOptions are those of clients that only read by plain requests.
func readerOptions() []kgo.Opt {
	return []kgo.Opt{kgo.DisableClientMetrics(), kgo.BrokerMaxReadBytes(256 << 20), kgo.MetadataMinAge(metadataMinAge)}
}
