package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// topic is the documents topic, as the parent writes it.
type topic struct {
	client *kgo.Client
	admin  *kadm.Client
	name   string
	group  string
}

func openTopic(p places) (*topic, error) {
	s := settingsOf(p.Partitions)
	cl, err := kgo.NewClient(append(p.kafka(), kgo.TransactionalID("customer360-bench"), kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.KafkaHasher(topology.Murmur2))))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	return &topic{client: cl, admin: kadm.NewClient(cl), name: s.Documents(), group: s.SinkGroup()}, nil
}

func (t *topic) close() { t.client.Close() }

// ends are the offsets that come next.
func (t *topic) ends(ctx context.Context) (map[string]map[int32]int64, error) {
	listed, err := t.admin.ListEndOffsets(ctx, t.name)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("the end of %s: %w", t.name, err)
	}
	ends := map[string]map[int32]int64{t.name: {}}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Topic][o.Partition] = o.Offset })
	return ends, nil
}

// write makes the segment visible, all of it at once.
func (t *topic) write(ctx context.Context, s segment) error {
	if err := t.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	var failed kgo.FirstErrPromise
	for i := range s.documents {
		t.client.Produce(ctx, s.record(t.name, i), failed.Promise())
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("producing the documents: %w", errors.Join(err, t.client.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort)))
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing the documents: %w", err)
	}
	return nil
}

// resume lets the sink's group begin at these offsets.
func (t *topic) resume(ctx context.Context, at map[string]map[int32]int64) error {
	var offsets kadm.Offsets
	for topic, partitions := range at {
		for partition, offset := range partitions {
			offsets.AddOffset(topic, partition, offset, -1)
		}
	}
	committed, err := t.admin.CommitOffsets(ctx, t.group, offsets)
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return fmt.Errorf("setting the offsets of %s: %w", t.group, err)
	}
	return nil
}
