package pipeline

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	local "customer360/internal/local/couchbase"
	"customer360/processors/couchbase"
	"customer360/topology"
)

// document is a record as merge writes it: an empty body removes.
func (c *cluster) document(key string, fence int64, body string) *kgo.Record {
	settings := topology.DefaultSettings()
	r := &kgo.Record{Topic: settings.Documents(), Key: []byte(key), Partition: c.place([]byte(key)), Headers: []kgo.RecordHeader{
		{Key: codec.HeaderGeneration, Value: []byte("1")}, {Key: codec.HeaderFence, Value: strconv.AppendInt(nil, fence, 10)}}}
	if body != "" {
		r.Value = []byte(body)
	}
	return r
}

// fence checks the fence in the xattr _c360 of a document or tombstone, exactly.
func (c *cluster) fence(key string, want int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cfg := CouchbaseConfig(c.config)
	client, err := couchbase.Connect(ctx, cfg, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	f, ok, err := client.Fence(ctx, cfg.Documents, key)
	if err != nil || !ok || f != (couchbase.Fence{Generation: 1, Offset: want}) {
		c.t.Errorf("the fence of %s is %v (%t, %v), want offset %d of generation 1", key, f, ok, err, want)
	}
}

// zombie is a sink whose network can hold its writes up.
func (c *cluster) zombie() (*running, *strait) {
	c.t.Helper()
	s, address := c.strait()
	there := *c
	there.config.Couchbase.ConnectionString = address
	return there.run("zombie", "sink"), s
}

const theKey = "order::1"

// stranded is a sink that died, or lost its partitions, with a write under way
// after its look-up: key holds what before says, and the write is the record's.
func (c *cluster) stranded(before []*kgo.Record, want map[string]string, write *kgo.Record) *strait {
	c.t.Helper()
	c.run("poller", "restpoll")
	z, s := c.zombie()
	c.until("the sink serves", z.serving)
	for _, r := range before {
		c.produce(r)
	}
	c.expect(want)
	s.hold()
	c.produce(write)
	c.until("its write is under way", s.caught)
	z.cancel()
	if err := z.wait(); err != nil {
		c.t.Fatalf("the sink ended with: %v", err)
	}
	if d := difference(want, c.documents("customer360")); d != "" {
		c.t.Fatal(d)
	}
	return s
}

// A, then B and A again in one batch, and B arrives late: A.
func TestScenario30_sink_ABA(t *testing.T) {
	const a, b = `{"n":"A"}`, `{"n":"B"}`
	t.Run("one batch", func(t *testing.T) {
		t.Parallel()
		scenario(t, func(c *cluster) {
			c.run("one", "sink", "restpoll")
			c.produce(c.document(theKey, 105, a))
			c.expect(map[string]string{theKey: a})
			c.produce(c.document(theKey, 107, b), c.document(theKey, 110, a))
			c.expect(map[string]string{theKey: a})
			c.fence(theKey, 110)
			c.produce(c.document(theKey, 107, b)) // again, from a writer that was left behind
			c.expect(map[string]string{theKey: a})
			c.fence(theKey, 110)
		})
	})
	t.Run("late write", func(t *testing.T) {
		t.Parallel()
		scenario(t, func(c *cluster) {
			late := c.stranded([]*kgo.Record{c.document(theKey, 105, a)}, map[string]string{theKey: a}, c.document(theKey, 107, b))
			c.produce(c.document(theKey, 110, a))
			c.run("successor", "sink")
			c.expect(map[string]string{theKey: a})
			c.fence(theKey, 110)
			c.refused(late)
			c.expect(map[string]string{theKey: a})
			c.fence(theKey, 110)
		})
	})
}

// refused lets late writes arrive: the node must refuse every one of them.
func (c *cluster) refused(late *strait) {
	c.t.Helper()
	for _, status := range late.release() {
		if status == memd.StatusSuccess {
			c.t.Error("a late write was applied")
		}
	}
}

// A removal, and a document that is older arrives late: it stays removed.
func TestScenario30_removal_before_late_write(t *testing.T) {
	const old, young = `{"n":"old"}`, `{"n":"young"}`
	firstWrite := func(how string) func(*config.Config) {
		return func(c *config.Config) { c.Couchbase.FirstWrite = how }
	}
	for name, s := range map[string]struct {
		before map[string]string
		change func(*config.Config)
	}{
		"over a document":               {map[string]string{theKey: old}, firstWrite("insert")},
		"where there was none, reserve": {nil, firstWrite("reserve")},
		"where there was none, insert":  {nil, firstWrite("insert")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(c *cluster) {
				var before []*kgo.Record
				for key, body := range s.before {
					before = append(before, c.document(key, 100, body))
				}
				late := c.stranded(before, s.before, c.document(theKey, 105, young))
				c.produce(c.document(theKey, 110, ""))
				c.run("successor", "sink")
				c.expect(map[string]string{})
				c.fence(theKey, 110)
				c.refused(late)
				c.expect(map[string]string{})
				c.fence(theKey, 110)
				c.produce(c.document(theKey, 105, young)) // and once more by the log
				c.expect(map[string]string{})
				c.fence(theKey, 110)
				c.produce(c.document(theKey, 120, young)) // a newer one counts
				c.expect(map[string]string{theKey: young})
				c.fence(theKey, 120)
			}, s.change)
		})
	}
}

// ambiguous makes every kind of write time out once, and looks for one result.
func ambiguous(t *testing.T, kind local.FaultKind) {
	for _, how := range []string{"insert", "reserve"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(c *cluster) {
				r := c.run("one", "sink", "restpoll")
				c.until("the sink serves", r.serving)
				for i, step := range []struct{ what, body string }{
					{"first write", `{"n":1}`}, {"replaced", `{"n":2}`}, {"removed", ""}, {"removed again", ""}, {"back", `{"n":5}`},
				} {
					fence, want := int64(101+i), map[string]string{}
					if step.body != "" {
						want[theKey] = step.body
					}
					c.struck(kind, c.document(theKey, fence, step.body), want)
					c.fence(theKey, fence)
				}
				want := map[string]string{theKey: `{"n":5}`}
				c.struck(kind, c.document("order::2", 106, ""), want) // what never existed
				c.fence("order::2", 106)
				if n := r.documentsSink().Status().DeadLetters; n != 0 {
					c.t.Errorf("%d dead letters", n)
				}
			}, func(c *config.Config) { c.Couchbase.Timeout, c.Couchbase.FirstWrite = 300*time.Millisecond, how })
		})
	}
}

// struck writes a record whose write meets the fault once.
func (c *cluster) struck(kind local.FaultKind, r *kgo.Record, want map[string]string) {
	c.t.Helper()
	before := c.node.FaultHits()
	c.node.SetFaults(local.Fault{Kind: kind, Rate: 1, Times: 1, Bucket: "customer360", Opcodes: []memd.CmdCode{memd.CmdSubDocMultiMutation}})
	c.produce(r)
	c.expect(want)
	c.node.SetFaults()
	if hits := c.node.FaultHits() - before; hits != 1 {
		c.t.Errorf("%s: the fault struck %d times, want once", r.Key, hits)
	}
}

func TestScenario31_ambiguous_timeout_applied(t *testing.T) {
	ambiguous(t, local.FaultTimeoutAfter)
}

func TestScenario31_ambiguous_timeout_not_applied(t *testing.T) {
	ambiguous(t, local.FaultTimeoutBefore)
}
