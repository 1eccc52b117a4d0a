package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// compaction is one pass over a partition at rest.
type compaction struct {
	dir    string
	snap   snapshot
	policy policy
	now    int64
	limit  int64            // records at and behind it stay as they are
	latest map[string]int64 // key to its last offset below the limit
}

// compactPartition keeps the last record of every key and drops records of
// aborted transactions, their markers and old tombstones, as Kafka's cleaner
// does. It writes a new folder beside dir and returns what it holds.
//
// Unlike kfake's own it stays below the last stable offset, so that a
// transaction that is aborted later takes nothing with it; it honours
// min.compaction.lag.ms; and the log's start does not move, so that no group's
// offset is out of range: where the first records are gone, an empty batch
// stands for them, which Kafka's own logs have as well.
func compactPartition(dir, into string, snap snapshot, p policy, now time.Time) (snapshot, error) {
	c := compaction{dir: dir, snap: snap, policy: p, now: now.UnixMilli(), latest: make(map[string]int64)}
	if err := c.findLimit(); err != nil {
		return snapshot{}, err
	}
	if err := c.findLatest(); err != nil {
		return snapshot{}, err
	}
	out, err := newLogWriter(into, p.segment)
	if err != nil {
		return snapshot{}, err
	}
	if err := errors.Join(c.copy(out), out.close()); err != nil {
		return snapshot{}, err
	}
	cleaned := snap
	cleaned.segments = out.segments
	cleaned.aborted = nil
	for _, a := range snap.aborted {
		if a.Last >= c.limit {
			cleaned.aborted = append(cleaned.aborted, a)
		}
	}
	return cleaned, nil
}

// findLimit: below the last stable offset, below what is too young, and below
// the last batch, which says where the log ends.
func (c *compaction) findLimit() error {
	c.limit = c.snap.stable
	last := int64(0)
	err := batches(c.dir, c.snap.segments, func(s stored) (bool, error) {
		if c.policy.minLag > 0 && s.MaxTimestamp > c.now-c.policy.minLag {
			c.limit = min(c.limit, s.FirstOffset)
		}
		last = s.FirstOffset
		return true, nil
	})
	c.limit = min(c.limit, last)
	return err
}

func (c *compaction) findLatest() error {
	return batches(c.dir, c.snap.segments, func(s stored) (bool, error) {
		if s.FirstOffset >= c.limit {
			return false, nil
		}
		if s.control() || c.aborted(s) {
			return true, nil
		}
		records, err := kfake.BatchRecords(s.RecordBatch)
		if err != nil {
			return false, fmt.Errorf("reading the records at %d of %s: %w", s.FirstOffset, c.dir, err)
		}
		for _, r := range records {
			if r.Key != nil {
				c.latest[string(r.Key)] = s.FirstOffset + int64(r.OffsetDelta)
			}
		}
		return true, nil
	})
}

func (c *compaction) aborted(s stored) bool {
	if !s.transactional() {
		return false
	}
	for _, a := range c.snap.aborted {
		if a.Producer == s.ProducerID && a.First <= s.FirstOffset && s.FirstOffset <= a.Last {
			return true
		}
	}
	return false
}

func (c *compaction) copy(out *logWriter) error {
	out.start = c.snap.start
	return batches(c.dir, c.snap.segments, func(s stored) (bool, error) {
		switch {
		case s.FirstOffset >= c.limit:
			return true, out.verbatim(s)
		case s.control() || c.aborted(s):
			return true, nil
		}
		records, err := kfake.BatchRecords(s.RecordBatch)
		if err != nil {
			return false, fmt.Errorf("reading the records at %d of %s: %w", s.FirstOffset, c.dir, err)
		}
		for _, r := range records {
			offset := s.FirstOffset + int64(r.OffsetDelta)
			timestamp := s.FirstTimestamp + r.TimestampDelta64
			superseded := r.Key != nil && c.latest[string(r.Key)] != offset
			expired := r.Key != nil && r.Value == nil && c.now-timestamp >= c.policy.tombstones
			if superseded || expired || offset < c.snap.start {
				continue
			}
			if err := out.add(r, offset, timestamp, s.PartitionLeaderEpoch); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}
