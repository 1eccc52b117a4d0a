package csvdir

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// span is the part of a topic that exists now, up to its high watermarks.
// Nothing of ours is open behind them once the fence is held.
type span struct {
	topic      string
	id         string
	start, end map[int32]int64
	next       map[int32]int64 // where to read on
}

func spanOf(ctx context.Context, admin *kadm.Client, topic string) (*span, error) {
	meta, err := admin.Metadata(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", topic, err)
	}
	if err := meta.Topics.Error(); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", topic, err)
	}
	s := &span{topic: topic, id: meta.Topics[topic].ID.String(), start: map[int32]int64{}, end: map[int32]int64{}}
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("the start of %s: %w", topic, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("the end of %s: %w", topic, err)
	}
	starts.Each(func(o kadm.ListedOffset) { s.start[o.Partition] = o.Offset })
	ends.Each(func(o kadm.ListedOffset) { s.end[o.Partition] = o.Offset })
	s.next = maps.Clone(s.start)
	return s, nil
}

// from moves the beginning.
func (s *span) from(offsets map[int32]int64) {
	for p, o := range offsets {
		s.next[p] = o
	}
}

// read calls fn with the committed records between next and end. Control
// records are kept and not shown: the end is mostly a transaction's marker.
// Buffers are small, since an import must not need much memory.
func (s *span) read(ctx context.Context, client []kgo.Opt, fn func(*kgo.Record) error) error {
	at := map[int32]kgo.Offset{}
	for p, next := range s.next {
		if next < s.end[p] {
			at[p] = kgo.NewOffset().At(next)
		}
	}
	if len(at) == 0 {
		return nil
	}
	opts := append(client[:len(client):len(client)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.topic: at}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxBytes(1<<20), kgo.FetchMaxPartitionBytes(256<<10),
		kgo.MaxConcurrentFetches(1), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for left := len(at); left > 0; {
		fetches := cl.PollRecords(ctx, 5000)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading %s: %w", s.topic, err)
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			before := s.next[r.Partition]
			if failed != nil || before >= s.end[r.Partition] {
				return
			}
			s.next[r.Partition] = r.Offset + 1
			if r.Offset+1 >= s.end[r.Partition] {
				left--
			}
			if r.Offset < s.end[r.Partition] && !r.Attrs.IsControl() {
				failed = fn(r)
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}
