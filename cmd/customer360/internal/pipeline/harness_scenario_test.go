package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/topology"
)

// aged is how much older than they are a compaction takes the records for:
// older than min.compaction.lag.ms of the raw topics, younger than
// delete.retention.ms, which no reader may lag behind.
const aged = 7*24*time.Hour + 12*time.Hour

// scenario runs a story as it is, and once more with every compacted topic
// compacted at each of its steps: behind all that it waits for, and where it
// calls step.
func scenario(t *testing.T, story func(c *cluster), change ...func(*config.Config)) {
	for name, compacts := range map[string]bool{"calm": false, "compacted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, change...)
			c.compacts = compacts
			story(c)
		})
	}
}

// step compacts, in a scenario's second run.
func (c *cluster) step() {
	c.t.Helper()
	if !c.compacts || c.follow == nil {
		return
	}
	c.everRaw() // before it is gone
	c.broker.Compact(c.t, time.Now().Add(aged))
}

func (c *cluster) everRaw() []*kgo.Record {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	raw, err := c.follow.everRaw(ctx)
	if err != nil {
		c.t.Fatalf("reading the raw topics: %v", err)
	}
	return raw
}

// calmRun is a cluster that has merged the same raw records without any trouble.
func (c *cluster) calmRun() *cluster {
	c.t.Helper()
	calm := start(c.t, c.changes...)
	calm.run("calm", "rekey", "merge", "staging", "sink")
	calm.follow.idle = []string{topology.RestpollGroup}
	var records []*kgo.Record
	for _, r := range c.everRaw() {
		records = append(records, &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value,
			Headers: r.Headers, Timestamp: r.Timestamp})
	}
	calm.produce(records...)
	calm.settle(func() string { return "" })
	return calm
}

// sameBytes waits until nothing moves and compares all documents and all that
// is staged with those of a calm run over the same raw topics.
func (c *cluster) sameBytes() {
	c.t.Helper()
	c.settle(func() string { return "" })
	calm := c.calmRun()
	for _, bucket := range []string{"customer360", "staging"} {
		if d := difference(calm.documents(bucket), c.documents(bucket)); d != "" {
			c.t.Errorf("%s, against a calm run: %s", bucket, d)
		}
	}
}
