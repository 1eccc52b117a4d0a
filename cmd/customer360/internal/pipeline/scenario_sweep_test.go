package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/sweep"
	"customer360/codec/debezium"
	"customer360/topology"
)

// snapshotOf is a snapshot of a table, its last row marked unless it is cut off.
func (c *cluster) snapshotOf(pos int, complete bool, rows ...*person) (records []*kgo.Record) {
	for i, row := range rows {
		r := c.event(binlog{file: 3, pos: pos, snapshot: true}, nil, row)
		if complete && i == len(rows)-1 {
			r.Value = bytes.Replace(r.Value, []byte(`"snapshot":"true"`), []byte(`"snapshot":"last"`), 1)
		}
		records = append(records, r)
	}
	return records
}

// swept runs sweep with the cluster's configuration.
func (c *cluster) swept(change ...func(*sweep.Config)) (*sweep.Result, error) {
	c.t.Helper()
	d, err := debezium.New(debezium.DefaultConfig())
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := sweep.DefaultConfig()
	cfg.Topic, cfg.Temp = topology.HomeDeliveryTopic, c.t.TempDir()
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return sweep.Run(ctx, cfg, sweep.Deps{Kafka: c.kafka, Decoder: d})
}

// TestScenario13_vanished_row_sweep: a new snapshot lacks row 7: a sweep
// withdraws it, and asked again nothing; a replay from the start into new groups
// (sameBytes) makes the same bytes.
func TestScenario13_vanished_row_sweep(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		var people []*person
		all := map[string]string{}
		for id := 1; id <= 12; id++ {
			p := at(id, fmt.Sprintf("Person %d", id), fmt.Sprintf("p%d@example.org", id))
			people = append(people, p)
			all[*p.email] = p.document()
		}
		c.produce(c.snapshotOf(100, true, people...)...)
		c.expect(all)
		r, err := c.swept()
		if err != nil || r.Swept != 0 || r.Rows != 12 {
			t.Fatalf("of a snapshot that holds all: %+v, %v", r, err)
		}
		without := append(append([]*person{}, people[:6]...), people[7:]...)
		c.produce(c.snapshotOf(500, false, without[:5]...)...)
		if r, err := c.swept(); !errors.Is(err, sweep.ErrIncomplete) {
			t.Fatalf("of a snapshot that is under way: %+v, %v", r, err)
		}
		c.produce(c.snapshotOf(500, true, without...)...)
		c.expect(all) // Debezium says nothing of row 7
		if r, err := c.swept(func(c *sweep.Config) { c.DryRun = true }); err != nil || r.Swept != 1 {
			t.Fatalf("a dry run: %+v, %v", r, err)
		}
		c.expect(all)
		if r, err := c.swept(); err != nil || r.Swept != 1 || len(r.Keys) != 1 || r.Keys[0] != `{"id":7}` {
			t.Fatalf("the sweep: %+v, %v", r, err)
		}
		delete(all, "p7@example.org")
		c.expect(all)
		if _, ok := c.documents("staging")[`{"id":7}`]; ok {
			t.Error("row 7 is still in staging")
		}
		before := len(c.everRaw())
		if r, err := c.swept(); err != nil || r.Swept != 0 {
			t.Fatalf("asked again: %+v, %v", r, err)
		}
		if after := len(c.everRaw()); after != before {
			t.Errorf("asked again, %d records were written", after-before)
		}
		c.noLetters()
		c.sameBytes()
	})
}
