package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/codec"
	"customer360/processors/couchbase"
	"customer360/topology"
	"customer360/topology/engine"
)

// age makes the commits of a stopped group as old as if it had stood still since.
func (c *cluster) age(group string, by time.Duration) {
	c.t.Helper()
	ctx, adm := context.Background(), kadm.NewClient(c.client)
	committed, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		c.t.Fatal(err)
	}
	older := kadm.Offsets{}
	committed.Each(func(o kadm.OffsetResponse) {
		pins, _, dated := strings.Cut(o.Metadata, " at=")
		if !dated {
			c.t.Errorf("%s/%d was committed without a time: %q", o.Topic, o.Partition, o.Metadata)
		}
		o.Metadata = fmt.Sprintf("%s at=%d", pins, time.Now().Add(-by).Unix())
		older.Add(o.Offset)
	})
	if err := adm.CommitAllOffsets(ctx, group, older); err != nil {
		c.t.Fatal(err)
	}
}

// TestASinkThatStoodStillForTooLong: removals that it has not read are compacted away
// by then. What they should have removed is found and removed.
func TestASinkThatStoodStillForTooLong(t *testing.T) {
	t.Parallel()
	c := start(t)
	one := c.run("one")
	a, b := at(1, "Anne", "a@example.org"), at(2, "Bob", "b@example.org")
	c.produce(c.change(100, nil, a))
	c.expect(map[string]string{"a@example.org": a.document()})
	one.stop()
	rest := c.run("one", "rekey", "merge", "restpoll", "staging")
	c.produce(c.change(101, nil, b))
	c.until("merge has written", func() bool { return len(c.fences()) == 2 })
	rest.stop()
	c.hand().fenced("ghost@example.org", a.document(), couchbase.Fence{Generation: 1, Offset: 1}) // removed, and the tombstone compacted away
	c.age(topology.DefaultSettings().SinkGroup(), topology.TombstoneRetention+time.Hour)
	c.run("one")
	c.expect(map[string]string{"a@example.org": a.document(), "b@example.org": b.document()})
}

// TestARekeyThatStoodStillForTooLong does not go on: its table would have for ever
// what was removed meanwhile.
func TestARekeyThatStoodStillForTooLong(t *testing.T) {
	t.Parallel()
	c := start(t)
	one := c.run("one")
	a := at(1, "Anne", "a@example.org")
	c.produce(c.change(100, nil, a))
	c.expect(map[string]string{"a@example.org": a.document()})
	one.stop()
	group := topology.DefaultSettings().RekeyGroup(codec.HomeDelivery)
	c.age(group, topology.TombstoneRetention+time.Hour)
	one = c.run("one") // nothing is unread
	c.expect(map[string]string{"a@example.org": a.document()})
	one.stop()
	c.age(group, topology.TombstoneRetention+time.Hour)
	c.produce(c.change(101, a, at(1, "Anna", "a@example.org")))
	if err := c.run("one").wait(); !errors.Is(err, engine.ErrMissed) || !strings.Contains(err.Error(), "rebuild") {
		t.Errorf("it ended with %v", err)
	}
}
