package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/internal/model"
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
			story(startCompacting(t, compacts, change...))
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
// is staged with what the model makes of the raw topics and, in a scenario's
// first run, with a calm run over them.
func (c *cluster) sameBytes() {
	c.t.Helper()
	c.settle(func() string { return "" })
	m := c.model()
	documents, staged := map[string]string{}, map[string]string{}
	for key, body := range m.Documents() {
		documents[key] = string(body)
	}
	for key, s := range m.Staged(time.Now()) {
		staged[key] = string(s.Body)
	}
	c.same("the model", map[string]map[string]string{"customer360": documents, "staging": staged})
	if c.compacts {
		return // the model says enough: it agreed with the calm run over the same records
	}
	calm := c.calmRun()
	c.same("a calm run", map[string]map[string]string{"customer360": calm.documents("customer360"), "staging": calm.documents("staging")})
}

func (c *cluster) same(as string, want map[string]map[string]string) {
	c.t.Helper()
	for bucket, documents := range want {
		if d := difference(documents, c.documents(bucket)); d != "" {
			c.t.Errorf("%s, against %s: %s", bucket, as, d)
		}
	}
}

// model has applied all that ever stood in the raw topics.
func (c *cluster) model() *model.Model {
	c.t.Helper()
	m := model.New(model.Options{HomeDeliveryTopic: c.config.Delivery.Topic, PassMode: string(c.config.Pass), Precedence: c.config.Precedence,
		Layout: c.config.Delivery.Layout, Columns: c.config.Delivery.Columns, Table: &c.config.Delivery.Table,
		Partitions:         func(string) int32 { return c.rawCount() },
		HomeDeliveryExpiry: c.config.Couchbase.HomeDeliveryExpiry, LoyaltyExpiry: c.config.Couchbase.LoyaltyExpiry})
	for _, r := range c.everRaw() {
		headers := map[string][]byte{}
		for _, h := range r.Headers {
			headers[h.Key] = h.Value
		}
		m.Apply(model.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: headers})
	}
	return m
}
