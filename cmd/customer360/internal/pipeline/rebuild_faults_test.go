package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/topology"
	"customer360/topology/generation"
)

// TestRebuildKilledInEachPhase: the builder and the promoter are killed at every
// step that Kafka sees, before and behind it, one death after the other. Each
// time the next one goes on; in the end the documents are those of a calm run.
func TestRebuildKilledInEachPhase(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	var records []*kgo.Record
	for i := range 80 {
		records = append(records, c.change(100+10*i, nil, at(i+1, fmt.Sprintf("n%d@example.org", i+1), fmt.Sprintf("p%d@example.org", i+1))))
	}
	c.produce(records...)
	c.settle(func() string { return "" })
	c.reconfigure(byName)
	state := endOf(topology.GenerationsTopic, false)
	stateWritten := endOf(topology.GenerationsTopic, true)
	creates := request{kmsg.CreateTopics, func(kmsg.Request) bool { return true }, false}
	createsOne := request{kmsg.CreateTopics, func(kmsg.Request) bool { return true }, true}
	steps := []struct {
		do, what string
		at       request
		states   []string // afterwards
	}{
		{"rebuild", "building is not written", state, []string{generation.Serving}},
		{"rebuild", "building is written", stateWritten, []string{generation.Serving, generation.Building}},
		{"rebuild", "no topic is there", creates, []string{generation.Serving, generation.Building}},
		{"rebuild", "a topic is there", createsOne, []string{generation.Serving, generation.Building}},
		{"rebuild", "no first offset", commitOf("merge.g2"), []string{generation.Serving, generation.Building}},
		{"rebuild", "records are not committed", endOf("rekey.home_delivery.g2-builder", false), []string{generation.Serving, generation.Building}},
		{"rebuild", "records are committed", endOf("rekey.home_delivery.g2-builder", true), []string{generation.Serving, generation.Building}},
		{"rebuild", "documents are not committed", endOf("merge.g2-builder", false), []string{generation.Serving, generation.Building}},
		{"rebuild", "ready is not written", state, []string{generation.Serving, generation.Building}},
		{"rebuild", "ready is written", stateWritten, []string{generation.Serving, generation.Ready}},
		{"promote", "promoting is not written", state, []string{generation.Serving, generation.Ready}},
		{"promote", "promoting is written", stateWritten, []string{generation.Serving, generation.Promoting}},
		{"promote", "removals are not committed", endOf("customer360.promote", false), []string{generation.Serving, generation.Promoting}},
		{"promote", "removals are committed", endOf("customer360.promote", true), []string{generation.Serving, generation.Promoting}},
		{"promote", "no first offset of the poller", commitOf(topology.RestpollGroup), []string{generation.Serving, generation.Promoting}},
		{"promote", "no first offset of the sink", commitOf("sink.g2"), []string{generation.Serving, generation.Promoting}},
		{"promote", "serving is not written", state, []string{generation.Serving, generation.Promoting}},
		{"promote", "serving is written", stateWritten, []string{generation.Retired, generation.Serving}},
	}
	for i, step := range steps {
		// What lives on goes on, and so do the sources.
		c.produce(c.change(5000+10*i, nil, at(500+i, fmt.Sprintf("m%d@example.org", i), fmt.Sprintf("q%d@example.org", i))))
		p := c.spawnAt(step.at, told{Config: c.config, Instance: "builder", Dir: c.in("builder"), Do: step.do})
		c.dies(step.what, p.process, p.dead)
		c.until(step.what, func() bool { return slices.Equal(c.states(), step.states) })
	}
	if err := c.promoteWith(c.config, "builder"); !errors.Is(err, generation.ErrRefused) {
		t.Errorf("a promotion after the promotion: %v", err)
	}
	c.followLive()
	c.sameBytes()
	if n := len(c.documents("customer360")); n != 80+len(steps) {
		t.Errorf("%d documents", n)
	}
	removed := 0
	for _, r := range c.read("customer360.documents.g2") {
		if r.Value == nil {
			removed++
		}
	}
	if removed < 80 {
		t.Errorf("%d removals, of 80 keys and more that only the former generation had", removed)
	}
	c.noLetters()
}

// TestPromotionWithAZombie: an instance is suspended while it works, and wakes
// up when another generation serves. It writes nothing of the former one any
// more, and changes over. What it had written may still be decided: the promotion
// waits for that in the documents, whose keys it compares, and not in the records,
// which nobody reads by then.
func TestPromotionWithAZombie(t *testing.T) {
	t.Parallel()
	c := start(t, func(c *config.Config) { c.Kafka.SessionTimeout = 2 * time.Second })
	next := c.config
	hashed(&next)
	c.run("setup").stop()
	z := c.spawn(told{Config: c.config, Instance: "zombie", Dir: c.in("zombie"), Stages: Stages(), Next: &next})
	c.produce(c.people(40)...)
	c.until("it has written documents", func() bool { return len(c.documents("customer360")) == 60 })
	c.until("it owns all of merge", func() bool { return c.owns("zombie", "merge.g1", 4) })
	z.pause()
	// It will find these when it wakes up.
	c.produce(c.change(9000, nil, at(900, "Later", "later@example.org")))
	c.reconfigure(hashed)
	c.rebuild()
	c.promote()
	const records, documents = "customer360.records.g1", "customer360.documents.g1"
	ends, err := kadm.NewClient(c.client).ListEndOffsets(c.within(), records)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	before := len(c.read(documents))
	z.resume()
	c.until("it works on the generation that serves", func() bool { return c.owns("zombie", "merge.g2", 4) && c.owns("zombie", "sink.g2", 4) })
	if after := len(c.read(documents)); after != before {
		t.Errorf("%d documents of the former generation came", after-before)
	}
	for _, r := range c.read(records) {
		if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset >= end.Offset {
			t.Errorf("it wrote %s/%d@%d", r.Topic, r.Partition, r.Offset)
		}
	}
	z.mustLive()
	c.sameBytes()
	if c.documents("customer360")["later@example.org"] == "" {
		t.Error("what came while it slept is not there")
	}
	z.stop()
}

// TestInstanceWithTheFormerConfiguration ends when another generation serves,
// and says what differs.
func TestInstanceWithTheFormerConfiguration(t *testing.T) {
	t.Parallel()
	c := start(t)
	old := c.serve("old")
	c.produce(c.people(10)...)
	c.settle(func() string { return "" })
	old.mayEnd = true
	c.serves = nil
	c.reconfigure(hashed)
	c.rebuild()
	c.promote()
	select {
	case <-old.ended:
	case <-time.After(deadline):
		t.Fatal("it goes on")
	}
	if !errors.Is(old.err, generation.ErrRefused) || !strings.Contains(old.err.Error(), `pass was "hash" and is now "keep"`) {
		t.Errorf("it ended with: %v", old.err)
	}
	c.serve("new")
	c.sameBytes()
}

// TestStartInTheMiddleOfAPromotion: an instance that starts then, with either
// configuration, keeps what changes the documents back until it is over.
func TestStartInTheMiddleOfAPromotion(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	c.produce(c.people(10)...)
	c.settle(func() string { return "" })
	c.reconfigure(hashed)
	c.rebuild()
	p := c.spawnAt(endOf(topology.GenerationsTopic, true), told{Config: c.config, Instance: "builder", Dir: c.in("builder"), Do: "promote"})
	// Of the two that the promoter writes, ready is there already.
	c.dies("promoting is written", p.process, p.dead)
	c.until("promoting is written", func() bool { return slices.Equal(c.states(), []string{generation.Serving, generation.Promoting}) })
	third := c.config
	third.Pass = codec.PassDrop
	if _, err := c.new(third, "third"); !errors.Is(err, generation.ErrRefused) {
		t.Errorf("a third configuration: %v", err)
	}
	two := c.serve("two")
	parts := two.server.Parts()
	last := parts[len(parts)-1]
	if last.Name != "promotion" || last.Ready || !strings.Contains(last.State, "generation 2 is being promoted") {
		t.Errorf("its parts are %+v", parts)
	}
	c.produce(c.change(9000, nil, at(900, "Later", "later@example.org")))
	c.promote()
	c.sameBytes()
	if d := c.documents("customer360")["later@example.org"]; d == "" || !two.works(2) {
		t.Error("it has not changed over")
	}
}

// TestLateMembersAreKeptOut: an instance that was made before a promotion, and
// joins its groups after it, delivers nothing, whether or not it follows the
// generations.
func TestLateMembersAreKeptOut(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.serve("one")
	c.produce(c.people(10)...)
	c.settle(func() string { return "" })
	late, err := c.new(c.config, "late")
	if err != nil {
		t.Fatal(err)
	}
	c.rebuild()
	c.promote()
	before := len(c.read("customer360.documents.g1"))
	tried := 0
	for _, part := range late.components {
		if stage, _, _ := strings.Cut(part.name, "."); slices.Contains(deriving(), stage) {
			tried++
			if err := part.run(c.within()); !errors.Is(err, generation.ErrChanged) {
				t.Errorf("%s ended with: %v", part.name, err)
			}
		}
	}
	if after := len(c.read("customer360.documents.g1")); tried != 5 || after != before {
		t.Errorf("%d parts were tried, %d documents written", tried, after-before)
	}
	c.sameBytes()
}
