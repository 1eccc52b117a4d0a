package pipeline

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestScenario07_failover_lower_binlog: a new server begins at file 1 and
// counts; what the old one's connector repeats later does not.
func TestScenario07_failover_lower_binlog(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		a, b, x := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org"), at(1, "Anne", "c@example.org")
		old := []*kgo.Record{
			c.event(binlog{server: 10, file: 7, pos: 900}, nil, a),
			c.event(binlog{server: 10, file: 7, pos: 950}, a, b),
		}
		c.produce(old...)
		c.expect(map[string]string{"b@example.org": b.document()})
		c.produce(c.event(binlog{server: 11, file: 1, pos: 120}, b, x))
		want := map[string]string{"c@example.org": x.document()}
		c.expect(want)
		for i := range old {
			c.produce(again(old[i:]...)...)
			c.expect(want)
		}
		gone := c.event(binlog{server: 11, file: 1, pos: 300}, x, nil)
		c.produce(gone, c.tombstone(1))
		c.expect(map[string]string{})
		c.produce(again(old...)...)
		c.expect(map[string]string{})
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario08_reset_master_resnapshot: behind RESET MASTER the same server
// begins anew; the snapshot counts although its place is lower, and so does
// what follows it.
func TestScenario08_reset_master_resnapshot(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		a, b, x := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org"), at(1, "Anne", "c@example.org")
		c.produce(c.event(binlog{server: 10, file: 7, pos: 900}, nil, a))
		c.expect(map[string]string{"a@example.org": a.document()})
		c.produce(c.event(binlog{file: 1, pos: 4, snapshot: true}, nil, b))
		c.expect(map[string]string{"b@example.org": b.document()})
		c.produce(c.event(binlog{server: 10, file: 1, pos: 200}, b, x))
		c.expect(map[string]string{"c@example.org": x.document()})
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario09_suffix_replay: the last 1000 of many events come again with
// new offsets: no document changes, not even for a moment.
func TestScenario09_suffix_replay(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		records, want := c.life(lifeSeed, lifeRows, lifeSize)
		c.produce(records...)
		c.expect(want)
		last := func() (offsets string) {
			for _, p := range c.broker.Cluster.PartitionInfos(c.follow.graph.Settings.Documents()) {
				offsets += fmt.Sprint(p.Partition, ":", p.HighWatermark, " ")
			}
			return offsets
		}
		before := last()
		c.produce(again(records[len(records)-1000:]...)...)
		c.expect(want)
		if after := last(); after != before {
			c.t.Errorf("documents were written: the topic ended at %s, and ends at %s", before, after)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// foreign tells a story of captured rows, with records between them that a connector
// can be told to route to the table's topic: they change nothing, are no dead
// letters, and are counted under a reason.
func foreign(t *testing.T, rowsOf, reason string, others []captured) {
	t.Helper()
	t.Parallel()
	scenario(t, func(c *cluster) {
		r := c.run("one")
		all := capture(t, rowsOf)
		for i, row := range all {
			c.produce(row.record(row.Partition))
			for j := i; j < len(others); j += len(all) {
				c.produce(others[j].record(c.place(others[j].record(0).Key)))
			}
		}
		rows, staged := endState(t, all)
		want := map[string]string{}
		for _, r := range rows {
			want[r.Mail] = r.document()
		}
		c.expect(want)
		if d := difference(staged, c.documents("staging")); d != "" {
			c.t.Error("staging: ", d)
		}
		if n := r.metric("customer360_processors_ignored_total", "source", "home_delivery", "reason", reason); int(n) < len(others) {
			c.t.Errorf("%v records counted as %s, want %d", n, reason, len(others))
		}
		c.noLetters()
		c.sameBytes()
	})
}

func TestScenario14_other_table_in_topic(t *testing.T) {
	var others []captured
	for i := range 5 {
		key := fmt.Sprintf(`{"id":%d}`, 1001+i) // of rows that the table has, too
		value := fmt.Sprintf(`{"before":null,"after":{"id":%d,"customer_id":1001,"email":"other@example.org"},"source":{"version":"3.3.1.Final",`+
			`"connector":"mysql","name":"dbserver1","ts_ms":1795423842000,"snapshot":"false","db":"inventory","table":"addresses","server_id":223344,`+
			`"gtid":null,"file":"mysql-bin.000009","pos":%d,"row":0},"transaction":null,"op":"c","ts_ms":1795423842294}`, 1001+i, 9000+i)
		others = append(others, captured{Key: &key, Value: &value})
	}
	foreign(t, "noschema.all", "other table", others)
}

func TestScenario14_heartbeat(t *testing.T) {
	foreign(t, "noschema.all", "heartbeat", capture(t, "extras.heartbeat-topic"))
}

func TestScenario14_ddl(t *testing.T) {
	for _, schema := range []string{"noschema", "schema"} {
		t.Run(schema, func(t *testing.T) { foreign(t, schema+".all", "ddl", capture(t, schema+".schema-change-topic")) })
	}
}

func TestScenario14_truncate(t *testing.T) {
	foreign(t, "schema.all", "truncate", capture(t, "extras.truncate"))
}

func TestScenario14_transaction_records(t *testing.T) {
	foreign(t, "noschema.all", "transaction", capture(t, "extras.transaction-topic"))
}
