package engine

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Offsets are positions in topics: topic -> partition -> offset.
type Offsets map[string]map[int32]int64

// StableEnds are the topics' last stable offsets: what readers of committed
// records can come to.
func StableEnds(ctx context.Context, cl *kgo.Client, topics ...string) (Offsets, error) {
	ends, err := listed(kadm.NewClient(cl).ListCommittedOffsets(ctx, topics...))
	if err != nil {
		return nil, fmt.Errorf("the end of %v: %w", topics, err)
	}
	all := Offsets{}
	ends.Each(func(o kadm.ListedOffset) { all.set(o.Topic, o.Partition, o.Offset) })
	return all, nil
}

func (o Offsets) set(topic string, partition int32, offset int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][partition] = offset
}

// Behind is how many offsets lie between the group's commits and the goal, 0
// when it has done all that lies before it: transaction markers, aborted and
// compacted records are not waited for.
func Behind(ctx context.Context, cl *kgo.Client, group string, goal Offsets) (int64, error) {
	committed, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil && !is(err, kerr.GroupIDNotFound) {
		return 0, fmt.Errorf("the offsets of group %s: %w", group, err)
	}
	var left int64
	for topic, partitions := range goal {
		for p, end := range partitions {
			at := int64(0)
			if o, ok := committed.Lookup(topic, p); ok {
				at = max(o.At, 0)
			}
			if at < end && !OnlyInvisible(ctx, cl, topic, p, at, end) {
				left += end - at
			}
		}
	}
	return left, nil
}
