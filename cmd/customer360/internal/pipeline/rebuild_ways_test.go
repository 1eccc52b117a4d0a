package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/topology"
	"customer360/topology/generation"
)

// TestRebuildChangesPartitions: the next generation has another count; the raw
// topics keep theirs, and the poller's table moves without a request. A second
// rebuild, with the count as it is, leaves the poller alone.
func TestRebuildChangesPartitions(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.serve("one")
	c.produce(c.people(200)...)
	c.settle(func() string { return "" })
	asked, raw := c.store.asks(), c.config.Kafka.Partitions
	c.reconfigure(func(c *config.Config) { c.Kafka.Partitions = 7 })
	c.rawPartitions = raw
	c.rebuild()
	c.promote()
	c.produce(c.change(9000, nil, at(900, "Later", "later@example.org")))
	c.settle(func() string { return "" })
	if n := c.store.asks(); n != asked+1 {
		t.Errorf("%d requests, for one new customer", n-asked)
	}
	settings := s.server.Pipeline().Graph().Settings
	if settings.PollerGroup() != "restpoll.g2" || settings.Polls() != "onlinestore.polls.g2" || settings.PartitionsOf(topology.LoyaltyTopic) != raw {
		t.Errorf("%+v", settings)
	}
	if n := len(c.broker.Cluster.PartitionInfos("customer360.documents.g2")); n != 7 {
		t.Errorf("%d partitions", n)
	}
	c.sameDocuments()

	// Members and answers still go where their topics' counts put them.
	c.csv("loyalty.csv", time.Hour, append([]string{csvHeader}, members(1, 20, "5")...)...)
	c.store.set(func(customers, _ map[string]string) {
		customers["later@example.org"] = details(900, "later@example.org")
	})
	c.settle(func() string {
		if len(c.read(topology.LoyaltyTopic)) < 20 {
			return "no members"
		}
		return ""
	})
	for _, topic := range []string{topology.LoyaltyTopic, topology.AnswersTopic} {
		for _, r := range c.read(topic) {
			if r.Partition != topology.Partition(r.Key, raw) {
				t.Errorf("%s: %s lies on partition %d", topic, r.Key, r.Partition)
			}
		}
	}
	c.noLetters()

	c.reconfigure(hashed)
	c.rebuild()
	c.promote()
	c.sameDocuments()
	if g := s.server.Pipeline().Graph().Settings; g.PollerGroup() != "restpoll.g2" || g.Generation != 3 {
		t.Errorf("%+v", g)
	}
	for _, number := range []int{1, 2} {
		groups, topics, err := generation.NewLog(c.kafka).Remove(c.within(), number, Settings(c.config))
		if err != nil || slices.Contains(groups, "restpoll") != (number == 1) || slices.Contains(topics, topology.PollsTopic) != (number == 1) || slices.Contains(groups, "restpoll.g2") {
			t.Errorf("removing %d: %v, %v, %v", number, groups, topics, err)
		}
	}
	c.produce(c.change(9100, nil, at(901, "Last", "last@example.org")))
	c.sameDocuments()
}

// sameDocuments is sameBytes without a calm run, whose raw topics would have
// other counts.
func (c *cluster) sameDocuments() {
	c.t.Helper()
	c.settle(func() string { return "" })
	documents := map[string]string{}
	for key, body := range c.model().Documents() {
		documents[key] = string(body)
	}
	c.same("the model", map[string]map[string]string{"customer360": documents})
}

// TestRebuildMendsAKeyForm: the connector writes wrapped keys from some day on,
// which stops the pipeline. A new snapshot, and a rebuild from its time on, is
// the way out.
func TestRebuildMendsAKeyForm(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.serve("one")
	s.mayEnd = true
	a, b, gone := at(1, "Anne", "a@example.org"), at(2, "Bert", "b@example.org"), at(3, "Cleo", "c@example.org")
	c.produce(c.change(100, nil, a), c.change(110, nil, b), c.change(120, nil, gone))
	c.expect(map[string]string{*a.email: a.document(), *b.email: b.document(), *gone.email: gone.document()})

	since := time.Now().Add(time.Hour).Truncate(time.Millisecond) // the clock of who writes the topic
	wrapped := func(r *kgo.Record, after time.Duration) *kgo.Record {
		r.Key = fmt.Appendf(nil, `{"schema":{"type":"struct","optional":false},"payload":%s}`, r.Key)
		r.Partition, r.Timestamp = c.place(r.Key), since.Add(after)
		return r
	}
	a.name = "Anne the Second" // changed by a wrapped key: refused
	c.produce(wrapped(c.change(200, at(1, "Anne", "a@example.org"), a), -time.Second))
	select {
	case <-s.ended:
	case <-time.After(deadline):
		t.Fatal("the pipeline goes on")
	}
	if s.err == nil || !strings.Contains(s.err.Error(), "customer360 rebuild") {
		t.Errorf("it ended with: %v", s.err)
	}
	c.produce(wrapped(c.event(binlog{file: 3, pos: 300, snapshot: true}, nil, a), 0), wrapped(c.event(binlog{file: 3, pos: 300, snapshot: true}, nil, b), 0))
	replay := generation.Replay{Source: codec.HomeDelivery, Time: since}
	if err := c.rebuildWith(c.config, "rebuilder", replay); err != nil {
		t.Fatal(err)
	}
	c.serves = nil
	c.promote()
	c.serve("one")
	c.expect(map[string]string{*a.email: a.document(), *b.email: b.document()})
	pins := c.state().KeyForms
	if pins[topology.HomeDeliveryTopic] != "bare" || pins["g2/"+topology.HomeDeliveryTopic] != "wrapped" {
		t.Errorf("pins %v", pins)
	}
	if g := c.state().Generations[2]; !strings.HasPrefix(g.Replay, "home_delivery from ") {
		t.Errorf("its replay is said to be %q", g.Replay)
	}
}

// TestRebuildFromOffsets leaves out what lies before, and says so.
func TestRebuildFromOffsets(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	var records []*kgo.Record
	want := map[string]string{}
	from := map[int32]int64{}
	for i := range 40 {
		p := at(i+1, fmt.Sprintf("Row %d", i+1), fmt.Sprintf("p%d@example.org", i+1))
		r := c.change(100+10*i, nil, p)
		if r.Partition == 1 && from[1] < 3 {
			from[1]++
		} else {
			want[*p.email] = p.document()
		}
		records = append(records, r)
	}
	if from[1] != 3 {
		t.Fatalf("partition 1 has %d rows", from[1])
	}
	c.produce(records...)
	c.settle(func() string { return "" })
	if err := c.rebuildWith(c.config, "rebuilder", generation.Replay{Source: codec.HomeDelivery, Offsets: from}); err != nil {
		t.Fatal(err)
	}
	if r := c.state().Generations[2].Replay; r != "home_delivery from offsets 1=3" {
		t.Errorf("its replay is %q", r)
	}
	c.promote()
	c.expect(want)
}

// TestRebuildClearsAQuarantine: a key had too many identities for a while, and
// compaction has taken that away.
func TestRebuildClearsAQuarantine(t *testing.T) {
	t.Parallel()
	c := startCompacting(t, true)
	c.serve("one")
	const rows = 300
	var shared, moved []*kgo.Record
	want := map[string]string{}
	for i := range rows {
		before, after := at(i+1, fmt.Sprintf("Row %d", i+1), "shared@example.org"), at(i+1, fmt.Sprintf("Row %d", i+1), fmt.Sprintf("p%d@example.org", i+1))
		if i == 0 {
			after = before
		}
		want[*after.email] = after.document()
		shared, moved = append(shared, c.change(100+10*i, nil, before)), append(moved, c.change(9000+10*i, before, after))
	}
	c.produce(shared...)
	c.expect(map[string]string{})
	c.produce(moved...)
	quarantined := map[string]string{}
	for key, body := range want {
		if key != "shared@example.org" {
			quarantined[key] = body
		}
	}
	c.expect(quarantined)
	for p := range c.config.Kafka.Partitions { // the newest batch of a partition is not compacted
		id := 1000
		for c.place(rowKey(id)) != p {
			id++
		}
		c.produce(c.change(20_000, nil, at(id, "Last", fmt.Sprintf("last%d@example.org", p))))
		want[fmt.Sprintf("last%d@example.org", p)] = at(id, "Last", fmt.Sprintf("last%d@example.org", p)).document()
	}
	c.settle(func() string { return "" })
	c.step()
	c.rebuild()
	c.promote()
	c.expect(want)
}
