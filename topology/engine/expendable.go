package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// An expendable input holds nothing that cannot be had again. Where its committed
// offset is gone (it expired, or the topic was created anew) or points at nothing
// (retention went past it), the group goes on at the start of the log, which any
// other input refuses.

func (c Config) expendable(topic string) bool { return slices.Contains(c.Expendable, topic) }

// adjust is asked where the fetches of a new generation begin, after onOffsets.
func (inc *incarnation) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	s := inc.current.Load()
	if s == nil {
		return offsets, nil
	}
	for topic, partitions := range offsets {
		if !inc.cfg.expendable(topic) {
			continue
		}
		start, end, err := logBounds(ctx, kadm.NewClient(inc.group.admin), topic)
		if err != nil {
			inc.fail(err)
			return nil, err
		}
		for p := range partitions {
			c := s.claims[topicPartition{topic, p}]
			if c == nil {
				continue
			}
			was, at := c.restart(start[p], end[p])
			partitions[p] = kgo.NewOffset().At(at) // without its epoch, by which the client would find a log that lost its end
			if at != was {
				inc.group.log.Warn("the offset to go on from is gone, and with it what was unread; it will be had again",
					"topic", topic, "partition", p, "committed", was, "start", at)
			}
		}
	}
	return offsets, nil
}

// restart moves a claim that would begin outside of the log to its start. It says
// where it was, and where it begins.
func (c *claim) restart(start, end int64) (was, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was = c.position.Offset
	if start <= was && was <= end {
		return was, was
	}
	c.position, c.committed = kgo.EpochOffset{Epoch: -1, Offset: start}, start
	return was, start
}

// fetchError is the end of a fetch. What retention has taken from an expendable
// input in the meantime is passed over by the next incarnation. A log that has lost
// its end, and grown again, does not get it back.
func (c Config) fetchError(topic string, partition int32, err error) error {
	var lost *kgo.ErrDataLoss
	switch expendable := c.expendable(topic); {
	case expendable && errors.Is(err, kerr.OffsetOutOfRange):
		return fmt.Errorf("fetching %s/%d: %w: %v", topic, partition, ErrRefetch, err)
	case !expendable && errors.As(err, &lost):
		return fatalf("fetching %s/%d: %w: the broker has lost records that this group had read (a leader that was behind, a power failure), and wrote others in their place: rebuild", topic, partition, err)
	}
	return fmt.Errorf("fetching %s/%d: %w", topic, partition, err)
}
