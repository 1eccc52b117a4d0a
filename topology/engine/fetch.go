package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetcher reads one partition, read_committed, by plain Fetch requests. A
// consumer shows records only; a fetcher also shows the position after what is
// invisible: aborted records, markers, batches that compaction has emptied.
// That is what "read up to offset n" needs.
type fetcher struct {
	client    *kgo.Client
	topic     string
	id        kadm.TopicID
	partition int32
	maxBytes  int32
	maxWait   time.Duration
	control   bool // keep control records

	leader int32 // -1: look it up
	decode kgo.Decompressor
}

func newFetcher(client *kgo.Client, topic string, partition int32, maxBytes int) *fetcher {
	return &fetcher{client: client, topic: topic, partition: partition, maxBytes: int32(maxBytes),
		maxWait: 100 * time.Millisecond, leader: -1, decode: kgo.DefaultDecompressor()}
}

// fetched is one answer. next is the position after it, at least the offset
// asked for.
type fetched struct {
	records []*kgo.Record
	next    int64
	stable  int64
	high    int64
}

// fetch asks once. Where the leader has moved, it looks for the new one a few
// times before it gives up with a retriable error.
func (f *fetcher) fetch(ctx context.Context, offset int64) (fetched, error) {
	var last error
	for attempt := range 20 {
		if attempt > 0 {
			if err := sleep(ctx, min(time.Duration(attempt)*50*time.Millisecond, time.Second)); err != nil {
				return fetched{}, err
			}
		}
		if f.leader < 0 {
			if last = f.locate(ctx); last != nil {
				if !kerr.IsRetriable(last) || errors.Is(last, kerr.UnknownTopicOrPartition) {
					return fetched{}, last
				}
				continue
			}
		}
		answer, err := f.ask(ctx, offset)
		if err == nil || errors.Is(err, kerr.OffsetOutOfRange) || ctx.Err() != nil {
			return answer, err
		}
		if last = err; !kerr.IsRetriable(err) && !kgo.IsRetryableBrokerErr(err) {
			return answer, err
		}
		f.leader = -1
	}
	return fetched{}, fmt.Errorf("fetching %s/%d at %d: %w", f.topic, f.partition, offset, last)
}

func (f *fetcher) locate(ctx context.Context) error {
	meta, err := kadm.NewClient(f.client).Metadata(ctx, f.topic)
	if err != nil {
		return fmt.Errorf("metadata of %s: %w", f.topic, err)
	}
	t := meta.Topics[f.topic]
	if t.Err != nil {
		return fmt.Errorf("topic %s: %w", f.topic, t.Err)
	}
	p, ok := t.Partitions[f.partition]
	if !ok {
		return fmt.Errorf("%s/%d: %w", f.topic, f.partition, kerr.UnknownTopicOrPartition)
	}
	if p.Err != nil || p.Leader < 0 {
		return fmt.Errorf("%s/%d: %w", f.topic, f.partition, kerr.LeaderNotAvailable)
	}
	f.id, f.leader = t.ID, p.Leader
	return nil
}

func (f *fetcher) ask(ctx context.Context, offset int64) (fetched, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(f.maxWait.Milliseconds())
	req.MinBytes, req.MaxBytes = 1, f.maxBytes
	req.IsolationLevel = 1
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = f.topic, f.id // by name up to version 12, by id after
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = f.partition, offset, f.maxBytes
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	raw, err := f.client.Broker(int(f.leader)).RetriableRequest(ctx, req)
	if err != nil {
		return fetched{}, err
	}
	resp := raw.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fetched{}, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return fetched{}, fmt.Errorf("fetch of %s/%d was answered without it: %w", f.topic, f.partition, kerr.NotLeaderForPartition)
	}
	p, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: f.control, Offset: offset, IsolationLevel: kgo.ReadCommitted(),
		Topic: f.topic, Partition: f.partition,
	}, &resp.Topics[0].Partitions[0], f.decode, nil)
	if p.Err != nil {
		return fetched{}, p.Err
	}
	return fetched{records: p.Records, next: max(next, offset), stable: p.LastStableOffset, high: p.HighWatermark}, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
