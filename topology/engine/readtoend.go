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
	cl, err := kgo.NewClient(append(slices.Clone(client), readerOptions()...)...)
	if err != nil {
		return fmt.Errorf("reading %s: %w", topic, err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := listed(adm.ListCommittedOffsets(ctx, topic))
	if err != nil {
		return fmt.Errorf("the end of %s: %w", topic, err)
	}
	starts, err := listed(adm.ListStartOffsets(ctx, topic))
	if err != nil {
		return fmt.Errorf("the start of %s: %w", topic, err)
	}
	partitions := ends[topic]
	for _, p := range slices.Sorted(maps.Keys(partitions)) {
		start := starts[topic][p].Offset
		if err := readPartition(ctx, cl, topic, p, start, partitions[p].Offset, fn); err != nil {
			return err
		}
	}
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

// readerOptions are those of clients that only read by plain requests.
func readerOptions() []kgo.Opt {
	return []kgo.Opt{kgo.DisableClientMetrics(), kgo.BrokerMaxReadBytes(256 << 20), kgo.MetadataMinAge(metadataMinAge)}
}
