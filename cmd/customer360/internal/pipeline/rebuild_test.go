package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/topology/generation"
)

func hashed(c *config.Config) { c.Pass = codec.PassHash }

func homeFirst(c *config.Config) {
	c.Pass = codec.PassHash
	c.Precedence = map[string][]string{"name": {codec.HomeDelivery, codec.Loyalty, codec.OnlineStore}}
}

// people are n rows, every second of whom the store knows, with an order each.
func (c *cluster) people(n int) (records []*kgo.Record) {
	for i := range n {
		p := at(i+1, fmt.Sprintf("Row %d", i+1), fmt.Sprintf("p%d@example.org", i+1))
		records = append(records, c.change(100+10*i, nil, p))
		if i%2 == 0 {
			c.store.set(func(customers, orders map[string]string) {
				customers[*p.email] = details(i+1, *p.email)
				orders[fmt.Sprint(i+1)] = "[" + orderOf(i+1, i+1) + "]"
			})
		}
	}
	return records
}

// asks is how many requests the store has had.
func (s *store) asks() (sum int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.asked {
		sum += n
	}
	return sum
}

// TestRebuildChangesDocuments: another precedence and pass mode. Documents are
// those of a fresh pipeline with them, the live changes during rebuild and
// promotion included; the generation that serves goes on until then.
func TestRebuildChangesDocuments(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.Config){"same configuration": func(*config.Config) {}, "other configuration": homeFirst} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			one, two := c.serve("one"), c.serve("two")
			c.produce(c.people(120)...)
			c.settle(func() string { return "" })
			before := c.documents("customer360")
			asked := c.store.asks()

			c.reconfigure(change)
			c.rebuild()
			if d := difference(before, c.documents("customer360")); d != "" {
				t.Error("a rebuild wrote documents: ", d)
			}
			if n := c.store.asks(); n != asked {
				t.Errorf("a rebuild asked the store %d times", n-asked)
			}
			if s := c.states(); !slices.Equal(s, []string{generation.Serving, generation.Ready}) {
				t.Errorf("states %v", s)
			}
			// Changes behind the rebuild, and such that come while it is promoted.
			records, _ := c.life(lifeSeed, lifeRows, lifeSize)
			for _, r := range records {
				r.Value = []byte(strings.ReplaceAll(string(r.Value), `"pos":`, `"pos":9`)) // later in the binlog
				if len(r.Value) == 0 {
					r.Value = nil
				}
			}
			c.produce(records[:len(records)/2]...)
			f := c.flow(records[len(records)/2:])
			c.promote()
			f.finish(c)
			if s := c.states(); !slices.Equal(s, []string{generation.Retired, generation.Serving}) {
				t.Errorf("states %v", s)
			}
			c.sameBytes()
			client := c.couchbase()
			for key := range c.documents("customer360") {
				if f := c.fenceOf(client, key); f.Generation != 2 || f.Offset < 1 {
					t.Errorf("%s has fence %v", key, f)
				}
			}
			for i, s := range []*served{one, two} {
				if !s.alive() {
					t.Errorf("instance %d has ended: %v", i+1, s.err)
				}
				if !s.server.Pipeline().deps.Continued {
					t.Errorf("instance %d would not wait for a Couchbase that is away", i+1)
				}
			}
			c.noLetters()
		})
	}
}

// TestScenario26_rebuild_does_not_poll: a new generation over answers that are
// there makes no request, and neither does its promotion.
func TestScenario26_rebuild_does_not_poll(t *testing.T) {
	t.Parallel()
	c := start(t)
	s := c.serve("one")
	c.produce(c.people(2000)...)
	c.settle(func() string { return "" })
	asked := c.store.asks()
	if asked < 2000 {
		t.Fatalf("%d requests for 2000 people", asked)
	}
	c.reconfigure(hashed)
	c.rebuild()
	c.promote()
	c.settle(func() string { return "" })
	if n := c.store.asks(); n != asked {
		t.Errorf("%d requests by a rebuild", n-asked)
	}
	if w := s.server.Pipeline().Poller().Status(); w.Wanted != 2000 || w.Parked != 0 {
		t.Errorf("%d wanted, %d parked", w.Wanted, w.Parked)
	}
	// It polls: a new customer is asked for.
	c.produce(c.change(90_000, nil, at(9000, "New", "new@example.org")))
	c.until("the store is asked for a new customer", func() bool { return c.store.requests("new@example.org") == 1 })
	c.sameBytes()
}

// byName takes the email from another column: no key stays what it was.
func byName(c *config.Config) { c.Delivery.Columns = map[string]string{"email": "name"} }

// TestRebuildRemovesWhatOnlyTheFormerHad: every key changes. What the former
// generation had is removed under the new one's number, what it had removed
// gets that fence too.
func TestRebuildRemovesWhatOnlyTheFormerHad(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	var records []*kgo.Record
	for i := range 60 {
		records = append(records, c.change(100+10*i, nil, at(i+1, fmt.Sprintf("n%d@example.org", i+1), fmt.Sprintf("p%d@example.org", i+1))))
	}
	gone := at(60, "n60@example.org", "p60@example.org")
	c.produce(append(records, c.change(9000, gone, nil), c.tombstone(60))...)
	c.settle(func() string { return "" })
	if n := len(c.documents("customer360")); n != 59 {
		t.Fatalf("%d documents", n)
	}
	c.reconfigure(byName)
	c.rebuild()
	c.promote()
	c.sameBytes()
	documents := c.documents("customer360")
	if len(documents) != 59 || documents["n1@example.org"] == "" {
		t.Errorf("documents %v", slices.Sorted(maps.Keys(documents)))
	}
	client := c.couchbase()
	for i := range 60 {
		if f := c.fenceOf(client, fmt.Sprintf("p%d@example.org", i+1)); f.Generation != 2 || f.Offset != 0 {
			t.Errorf("what was p%d has fence %v", i+1, f)
		}
	}
}

// TestRebuildRefusals: each with its words, and nothing of it changes a state.
func TestRebuildRefusals(t *testing.T) {
	t.Parallel()
	c := start(t)
	refused := func(err error, words ...string) {
		t.Helper()
		if !errors.Is(err, generation.ErrRefused) {
			t.Errorf("%v is no refusal", err)
		}
		for _, word := range words {
			if !strings.Contains(fmt.Sprint(err), word) {
				t.Errorf("%v lacks %q", err, word)
			}
		}
	}
	r := c.run("one")
	r.stop()
	_, err := generation.NewLog(c.kafka).Abandon(c.within())
	refused(err, "no generation is being built")
	refused(c.promoteWith(c.config, "r"), "no generation is being built")
	other := c.config
	hashed(&other)
	replay := generation.Replay{Source: codec.HomeDelivery, Offsets: map[int32]int64{0: 7}}
	refused(c.rebuildWith(other, "r", replay), "partition 0 has offsets from 0 to 0, and not 7")
	if err := c.rebuildWith(other, "r", generation.Replay{}); err != nil {
		t.Fatal(err)
	}
	refused(c.rebuildWith(c.config, "r", generation.Replay{}), "generation 2 is ready", `pass was "hash" and is now "keep"`, "abandon")
	refused(c.rebuildWith(other, "r", generation.Replay{Source: codec.HomeDelivery, Offsets: map[int32]int64{0: 0}}), "the replay was of everything")
	refused(c.promoteWith(c.config, "r"), "generation 2 is ready")
	_, _, err = generation.NewLog(c.kafka).Remove(c.within(), 1, Settings(c.config))
	refused(err, "generation 1 is serving")
	if s := c.states(); !slices.Equal(s, []string{generation.Serving, generation.Ready}) {
		t.Errorf("states %v", s)
	}
	if err := c.rebuildWith(other, "r", generation.Replay{}); err != nil { // ready: it catches up
		t.Error(err)
	}
}

// TestAbandonEndsWhoBuilds: the builder ends by itself, the number is not used
// again, and the topics of the abandoned one can be removed.
func TestAbandonEndsWhoBuilds(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	c.produce(c.people(20)...)
	c.settle(func() string { return "" })
	other := c.config
	hashed(&other)
	r, err := NewRebuild(c.within(), other, c.deps("builder"), generation.Replay{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.p.Run(c.within()) }()
	c.until("the builder is a member, and all its processors have their folders", func() bool {
		folders, err := filepath.Glob(filepath.Join(c.in("builder"), "*.g2"))
		return err == nil && len(folders) == 4 && c.owns("builder", "merge.g2", 4)
	})
	if _, err := generation.NewLog(c.kafka).Abandon(c.within()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, generation.ErrChanged) || !strings.Contains(err.Error(), "abandoned") {
		t.Errorf("the builder ended with: %v", err)
	}
	c.rebuild()
	if s := c.states(); !slices.Equal(s, []string{generation.Serving, generation.Abandoned, generation.Ready}) {
		t.Errorf("states %v", s)
	}
	groups, topics, err := generation.NewLog(c.kafka).Remove(c.within(), 2, Settings(c.config))
	if err != nil || !slices.Contains(groups, "merge.g2") || !slices.Contains(topics, "customer360.documents.g2") || slices.Contains(groups, "restpoll") {
		t.Errorf("removed %v and %v, %v", groups, topics, err)
	}
	listed, err := kadm.NewClient(c.broker.Client(t)).ListTopics(c.within())
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		if strings.Contains(name, ".g2") {
			t.Errorf("topic %s is left", name)
		}
	}
	dropped, err := DropFolders(c.in("builder"), c.state(), Settings(c.config))
	if err != nil || len(dropped) != 4 {
		t.Errorf("dropped %v, %v", dropped, err)
	}
	c.promote()
	if s := c.states(); !slices.Equal(s, []string{generation.Retired, generation.Removed, generation.Serving}) {
		t.Errorf("states %v", s)
	}
	c.sameBytes()
}
