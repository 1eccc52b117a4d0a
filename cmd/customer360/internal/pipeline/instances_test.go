package pipeline

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/processors/couchbase"
)

const (
	lifeSeed = 7
	lifeRows = 120
	lifeSize = 1500
)

// calm is what a run without any trouble makes of a life: of a life's end
// state, and of the bytes that the product wrote in a cluster of its own.
func calm(t *testing.T) map[string]string {
	t.Helper()
	c := start(t)
	c.run("one")
	records, want := c.life(lifeSeed, lifeRows, lifeSize)
	if len(want) < lifeRows/2 {
		t.Fatalf("a life of %d documents proves little", len(want))
	}
	c.produce(records...)
	c.expect(want)
	return c.documents("customer360")
}

// until waits for a condition of the test's own.
func (c *cluster) until(what string, met func() bool) {
	c.t.Helper()
	for end := time.Now().Add(deadline); !met(); {
		if time.Now().After(end) {
			c.t.Fatalf("after %v: not yet: %s", deadline, what)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// flow writes the records little by little until they are out or stopped.
type flow struct {
	stop chan struct{}
	done chan struct{}
	err  error
	rest []*kgo.Record
}

func (c *cluster) flow(records []*kgo.Record) *flow {
	f := &flow{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		sent := 0
		for part := range slices.Chunk(records, 3) {
			if f.err = c.client.ProduceSync(c.t.Context(), part...).FirstErr(); f.err != nil {
				return
			}
			sent += len(part)
			select {
			case <-f.stop:
				f.rest = records[sent:]
				return
			case <-time.After(40 * time.Millisecond): // the pace of the flow
			}
		}
	}()
	c.t.Cleanup(func() { <-f.done })
	return f
}

// finish stops the pacing and writes what is left at once.
func (f *flow) finish(c *cluster) {
	c.t.Helper()
	close(f.stop)
	<-f.done
	if f.err != nil {
		c.t.Fatalf("producing: %v", f.err)
	}
	c.produce(f.rest...)
}

func (f *flow) flowing() bool {
	select {
	case <-f.done:
		return false
	default:
		return true
	}
}

// documentsSink is the last of the sinks.
func (r *running) documentsSink() *couchbase.Sink { return r.Sinks()[len(r.Sinks())-1] }

// serving says that all components of a pipeline are ready, which they are
// with partitions of their own.
func (r *running) serving() bool {
	for _, p := range r.Parts() {
		if !p.Ready {
			return false
		}
	}
	return true
}

// TestTwoInstances: a second instance of merge and sink joins and leaves while
// records flow, twice, and takes over for good when the first stops doing it.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	want := calm(t)
	c := start(t)
	c.run("one")
	records, _ := c.life(lifeSeed, lifeRows, lifeSize)
	f := c.flow(records)
	for range 2 {
		second := c.run("two", "merge", "sink")
		c.until("the second instance serves", second.serving)
		c.until("the second instance writes", func() bool {
			return second.documentsSink().Status().Written > 0 || !f.flowing()
		})
		if !f.flowing() {
			t.Error("the records were out before the second instance had written")
		}
		second.stop()
	}
	last := c.run("two", "merge", "sink")
	c.until("the second instance serves", last.serving)
	f.finish(c)
	c.expect(want)
	c.noLetters()
}

// TestRestart: the pipeline ends in the middle and starts again, with its
// folder and without.
func TestRestart(t *testing.T) {
	for name, prepare := range map[string]func(c *cluster){
		"same folder":    func(*cluster) {},
		"folder deleted": func(c *cluster) { c.remove("one") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := calm(t)
			c := start(t)
			records, _ := c.life(lifeSeed, lifeRows, lifeSize)
			r := c.run("one")
			c.produce(records[:lifeSize/2]...)
			c.until("the first documents", func() bool { return r.documentsSink().Status().Written > 0 })
			r.stop()
			if _, busy, err := c.follow.look(t.Context()); err != nil || busy == "" {
				t.Logf("it had done everything before it was stopped (%v)", err)
			}
			prepare(c)
			c.produce(records[lifeSize/2:]...) // while nobody is there
			c.run("one")
			c.expect(want)
			c.noLetters()
		})
	}
}

func (c *cluster) remove(instance string) {
	c.t.Helper()
	if _, err := os.Stat(c.in(instance)); err != nil {
		c.t.Fatalf("the folder to delete: %v", err)
	}
	if err := os.RemoveAll(c.in(instance)); err != nil {
		c.t.Fatal(err)
	}
}

// TestCouchbaseAway: records go on while the node is away; they are written
// when it is back on its address and folder.
func TestCouchbaseAway(t *testing.T) {
	t.Parallel()
	want := calm(t)
	c := start(t)
	r := c.run("one")
	records, _ := c.life(lifeSeed, lifeRows, lifeSize)
	half := len(records) / 2
	c.produce(records[:half]...)
	sink := r.documentsSink()
	c.until("the first documents", func() bool { return sink.Status().Written > 0 })
	c.node.stop()
	away := time.Now()
	c.produce(records[half:]...)
	c.until("the sink has met the outage, for two seconds at least", func() bool {
		return sink.Status().Failures > 0 && time.Since(away) > 2*time.Second
	})
	if !r.alive() {
		t.Fatalf("the pipeline ended: %v", r.wait())
	}
	c.node.start()
	c.expect(want)
	c.noLetters()
	if n := sink.Status().DeadLetters; n != 0 {
		t.Errorf("%d dead letters of an outage", n)
	}
	if d := difference(staged(records), c.documents("staging")); d != "" {
		t.Error("staging: ", d)
	}
}

// staged is what the bucket staging must hold behind these records.
func staged(records []*kgo.Record) map[string]string {
	all := map[string]string{}
	for _, r := range records {
		if r.Value == nil {
			delete(all, string(r.Key))
		} else {
			all[string(r.Key)] = string(r.Value)
		}
	}
	return all
}
