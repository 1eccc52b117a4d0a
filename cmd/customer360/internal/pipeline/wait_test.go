package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/deadletters"
	"customer360/topology"
)

// spot is one partition.
type spot struct {
	topic     string
	partition int32
}

// follower reads all topics of the graph, so that a group's commit can be
// compared with the last data record rather than with the end, where
// transactions leave their markers.
type follower struct {
	graph topology.Graph
	admin *kadm.Client
	idle  []string // groups that nobody runs

	mu   sync.Mutex
	next map[spot]int64 // read up to here
	data map[spot]int64 // offset of the last data record, plus 1
	raw  []*kgo.Record  // all that ever stood in the raw topics, in each partition's order
}

func startFollower(t *testing.T, opts []kgo.Opt, g topology.Graph) *follower {
	t.Helper()
	var names []string
	for _, topic := range g.Topics {
		names = append(names, topic.Name)
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.ConsumeTopics(names...), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{graph: g, admin: kadm.NewClient(cl), next: map[spot]int64{}, data: map[spot]int64{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			f.take(cl.PollFetches(ctx))
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		cl.Close()
	})
	return f
}

func (f *follower) take(fetches kgo.Fetches) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		s := spot{r.Topic, r.Partition}
		f.next[s] = r.Offset + 1
		if !r.Attrs.IsControl() {
			f.data[s] = r.Offset + 1
			if f.isRaw(r.Topic) {
				f.raw = append(f.raw, r)
			}
		}
	})
}

func (f *follower) isRaw(topic string) bool {
	return slices.ContainsFunc(topology.Sources(), func(source string) bool { return f.graph.Settings.RawTopic(source) == topic })
}

// everRaw are the committed records of the raw topics, those compacted away included.
func (f *follower) everRaw(ctx context.Context) ([]*kgo.Record, error) {
	var names []string
	for _, source := range topology.Sources() {
		names = append(names, f.graph.Settings.RawTopic(source))
	}
	for ctx.Err() == nil {
		ends, err := f.admin.ListCommittedOffsets(ctx, names...)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return nil, err
		}
		read := true
		f.mu.Lock()
		ends.Each(func(o kadm.ListedOffset) { read = read && f.next[spot{o.Topic, o.Partition}] >= o.Offset })
		raw := slices.Clone(f.raw)
		f.mu.Unlock()
		if read {
			return raw, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil, context.Cause(ctx)
}

// look returns the ends, and who has still something to do ("" when nobody).
func (f *follower) look(ctx context.Context) (ends map[spot]int64, busy string, err error) {
	var names []string
	for _, topic := range f.graph.Topics {
		names = append(names, topic.Name)
	}
	listed, err := f.admin.ListEndOffsets(ctx, names...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, "", err
	}
	ends = map[spot]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[spot{o.Topic, o.Partition}] = o.Offset })
	f.mu.Lock()
	data := maps.Clone(f.data)
	for s, end := range ends {
		if f.next[s] < end {
			busy = fmt.Sprintf("%s/%d is not read or not committed up to its end %d", s.topic, s.partition, end)
		}
	}
	f.mu.Unlock()
	if busy != "" {
		return ends, busy, nil
	}
	for _, g := range f.graph.Groups {
		if slices.Contains(f.idle, g.Name) {
			continue
		}
		committed, err := f.admin.FetchOffsets(ctx, g.Name)
		if err != nil {
			return ends, "", err
		}
		for s, last := range data {
			if o, ok := committed.Lookup(s.topic, s.partition); slices.Contains(g.Inputs, s.topic) && (!ok || o.At < last) {
				return ends, fmt.Sprintf("group %s is behind on %s/%d", g.Name, s.topic, s.partition), nil
			}
		}
	}
	return ends, "", nil
}

// eventually waits until check returns "", which is asked for only while
// nothing moves: not in Kafka, not in the importer and not in the poller, whose
// requests are held meanwhile. It is a step of a scenario.
func (c *cluster) eventually(check func() string) {
	c.t.Helper()
	c.settle(check)
	c.step()
}

func (c *cluster) settle(check func() string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	c.store.gate.close()
	defer c.store.gate.open()
	var before map[spot]int64
	why, differs := "not looked yet", ""
	for {
		ends, busy, err := c.follow.look(ctx)
		switch {
		case ctx.Err() != nil:
			c.t.Fatalf("after %v: %s; %s", deadline, why, differs)
		case err != nil:
			busy = fmt.Sprintf("looking whether all has arrived: %v", err) // the broker may be under exchange
		case busy == "":
			busy = c.busy()
		}
		if why = busy; busy == "" {
			why = "the topics grow"
			if maps.Equal(ends, before) {
				why = "nothing moves"
				if differs = check(); differs == "" {
					return
				}
				c.store.gate.pass()
				ends = nil // look twice again
			}
		}
		if before = ends; busy != "" {
			before = nil
		}
		if busy == unanswered {
			c.store.gate.pass()
		}
		for _, r := range c.runs {
			if !r.alive() && r.err != nil {
				c.t.Fatalf("a pipeline ended with: %v", r.err)
			}
		}
		for _, s := range c.serves {
			if !s.alive() && s.err != nil && !s.mayEnd {
				c.t.Fatalf("an instance ended with: %v", s.err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(40 * time.Millisecond):
		}
	}
}

const unanswered = "an email has no first answer"

// busy names what a running pipeline does beside Kafka.
func (c *cluster) busy() string {
	polls, owned, wanted := 0, 0, 0
	var pipelines []*Pipeline
	for _, r := range c.runs {
		if r.alive() {
			pipelines = append(pipelines, r.Pipeline)
		}
	}
	for _, s := range c.serves {
		if s.alive() {
			pipelines = append(pipelines, s.server.Pipeline())
		}
	}
	for _, r := range pipelines {
		switch {
		case r.Importer() != nil && !r.Importer().Idle():
			return "a CSV file is being imported"
		case r.Poller() != nil && r.Poller().Unanswered() > 0:
			return unanswered
		case r.Poller() != nil:
			st := r.Poller().Status()
			polls, owned, wanted = polls+st.InFlight, owned+st.Partitions, int(r.Graph().Settings.Partitions)
		}
	}
	if owned < wanted {
		return fmt.Sprintf("the pollers own %d of %d partitions: what they wait for is not known", owned, wanted)
	}
	if held := int(c.store.gate.held.Load()); polls > held {
		return fmt.Sprintf("%d polls are under way, %d of them held", polls, held)
	}
	return ""
}

// expect waits until the documents are exactly these.
func (c *cluster) expect(want map[string]string) {
	c.t.Helper()
	c.eventually(func() string { return difference(want, c.documents("customer360")) })
}

// difference is "" for equal documents. Passwords are masked: it is printed.
func difference(want, got map[string]string) string {
	var lines []string
	line := func(mark, key, body string) {
		lines = append(lines, fmt.Sprintf("%s %s %s", mark, key, deadletters.Mask([]byte(body), false)))
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if body, ok := got[key]; !ok || body != want[key] {
			line("-", key, want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if body, ok := want[key]; !ok || body != got[key] {
			line("+", key, got[key])
		}
	}
	if len(lines) > 20 {
		lines = append(lines[:20], fmt.Sprintf("and %d more", len(lines)-20))
	}
	if lines == nil {
		return ""
	}
	return "documents differ (- wanted, + there):\n" + strings.Join(lines, "\n")
}
