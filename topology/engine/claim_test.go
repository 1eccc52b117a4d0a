package engine

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A marker that a later leader wrote takes the position with it in offset and
// epoch: with the record's epoch, a real broker answers that the log was
// truncated, at each start anew.
func TestPositionHasTheEpochOfTheMarker(t *testing.T) {
	record := func(offset int64, epoch int32) *kgo.Record { return &kgo.Record{Offset: offset, LeaderEpoch: epoch} }
	marker := func(offset int64, epoch int32) *kgo.Record {
		return &kgo.Record{Offset: offset, LeaderEpoch: epoch, Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Control: true})}
	}
	for name, fetches := range map[string][][]*kgo.Record{
		"one fetch":                  {{record(6, 2), marker(7, 4), marker(8, 4)}},
		"marker in a later fetch":    {{record(6, 2)}, {marker(7, 4)}, {marker(8, 4)}},
		"marker without any records": {{marker(7, 3), marker(8, 4)}},
	} {
		c := &claim{maxQueue: 1 << 20, position: kgo.EpochOffset{Epoch: -1, Offset: -1}, lastRetired: true, tail: new(batch)}
		c.changed = sync.NewCond(&c.mu)
		for _, f := range fetches {
			c.push(f, time.Time{}, 0)
		}
		if c.last != nil {
			c.retire(c.last)
		}
		if at, _ := c.at(); at != (kgo.EpochOffset{Epoch: 4, Offset: 9}) {
			t.Errorf("%s: position %+v, want offset 9 of epoch 4", name, at)
		}
	}
}
