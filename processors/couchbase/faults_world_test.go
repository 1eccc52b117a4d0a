package couchbase

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/couchbase"
)

// sent is a record of the documents topic as the test knows it.
type sent struct {
	partition     int32
	offset, fence int64
	key, body     string
}

type faultWorld struct {
	*world
	fault couchbase.Fault
	eyes  *Client // that no fault has closed the connections of

	mu   sync.Mutex
	sent []sent
	next int64
}

func newFaultWorld(t *testing.T, f couchbase.Fault) *faultWorld {
	w := &faultWorld{world: newWorld(t), fault: f}
	d := DefaultConfig()
	w.cfg.Workers, w.cfg.Timeout, w.cfg.RetryBackoff, w.cfg.RetryMax = d.Workers, d.Timeout, d.RetryBackoff, d.RetryMax
	w.client, w.eyes = connect(t, w.cfg), connect(t, w.cfg)
	return w
}

const faultKeys = 300

// write produces n documents and removals over the keys; the key given is among them.
func (w *faultWorld) write(n int, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var records []*kgo.Record
	var new []sent
	for i := range n {
		w.next++
		s := sent{fence: w.next, key: fmt.Sprintf("k%d@x", rand.IntN(faultKeys)), body: fmt.Sprintf(`{"z":%d,"a":"%s"}`, w.next, strings.Repeat("x", 100))}
		switch {
		case i == 0 && key != "":
			s.key = key
		case rand.IntN(5) == 0:
			s.body = ""
		}
		var body []byte
		if s.body != "" {
			body = []byte(s.body)
		}
		records = append(records, w.document(s.key, s.fence, body))
		new = append(new, s)
	}
	if err := w.producer.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		w.t.Error(err)
		return
	}
	for i, r := range records {
		new[i].partition, new[i].offset = r.Partition, r.Offset
	}
	w.sent = append(w.sent, new...)
}

// load writes about 300 documents a second until ctx ends.
func (w *faultWorld) load(ctx context.Context, done *sync.WaitGroup) {
	done.Go(func() {
		for sleep(ctx, 50*time.Millisecond) {
			w.write(15, "")
		}
	})
}

// begin starts a sink and waits until it has written all there is.
func (w *faultWorld) begin(instance string) *running {
	d := w.deps(instance)
	d.Engine.DrainTimeout = 500 * time.Millisecond
	s := w.start(NewSink(w.cfg, d))
	w.write(100, "")
	eventually(w.t, time.Minute, func() bool { return s.Ready() && w.lag(w.settings.SinkGroup(), w.settings.Documents()) == 0 }, func() string { return "not at the end" })
	return s
}

// stoppedInTheFault stops load and sink while the fault is at work, and compares
// the committed offsets with what is in Couchbase then.
func (w *faultWorld) stoppedInTheFault(d time.Duration) {
	s := w.begin("a")
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var loading sync.WaitGroup
	w.node.SetFaults(w.fault)
	w.load(ctx, &loading)
	loading.Wait()
	if in := s.Status().InFlight; in > int64(w.deps("a").Engine.MaxInFlight) {
		w.t.Errorf("%d messages under way", in)
	}
	if err := s.stop(); err != nil {
		w.t.Error(err)
	}
	w.node.SetFaults()
	committed, err := kadm.NewClient(w.producer).FetchOffsets(context.Background(), w.settings.SinkGroup())
	if err != nil {
		w.t.Fatal(err)
	}
	must := map[string]int64{} // the newest fence below the committed offsets
	for _, r := range w.sent {
		if at, ok := committed.Lookup(w.settings.Documents(), r.partition); ok && r.offset < at.At {
			must[r.key] = max(must[r.key], r.fence)
		}
	}
	for key, fence := range must {
		if f := w.fenceOf(key); f.Offset < fence {
			w.t.Errorf("%s: %d is committed, and Couchbase has %v", key, fence, f)
		}
	}
}

func (w *faultWorld) fenceOf(key string) (f Fence) {
	w.t.Helper()
	eventually(w.t, time.Minute, func() bool { // the connection may be a closed one
		var err error
		f, _, err = w.eyes.Fence(context.Background(), w.cfg.Documents, key)
		return err == nil
	}, func() string { return "no fence can be read" })
	return f
}

// goesOn runs a sink through the fault and measures how long after its end no
// write takes longer than half a second any more (or twice as long as in calm
// times), and all is committed that was written in it.
func (w *faultWorld) goesOn(d time.Duration) string {
	s := w.begin("b")
	calm := w.latency(w.mark())
	before := s.Status()
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	var loading sync.WaitGroup
	w.node.SetFaults(w.fault)
	w.load(ctx, &loading)
	loading.Wait()
	during := s.Status()
	w.node.SetFaults()
	end := time.Now()
	var back, drained time.Duration
	goal := w.ends()
	var waiting sync.WaitGroup
	waiting.Go(func() { back = w.latencies(end, 20, max(2*calm, 500*time.Millisecond)) })
	eventually(w.t, 2*time.Minute, func() bool { return w.reached(goal) }, func() string { return "what was written in the fault is not all committed" })
	drained = time.Since(end)
	waiting.Wait()
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	if limit := 30 * time.Second; back > limit || drained > limit {
		w.t.Errorf("fast again after %v, at the end after %v", back, drained)
	}
	st := s.Status()
	if st.DeadLetters != 0 || st.Engine.LastError != nil {
		w.t.Errorf("%+v", st)
	}
	done := func(s Status) int64 { return s.Written + s.Removed + s.Superseded + s.Unchanged + s.Outdated }
	if err := s.stop(); err != nil {
		w.t.Error(err)
	}
	return fmt.Sprintf("in the fault %4d done, %4d failed operations, %4d under way; calm %5.1f ms, fast again after %4d ms, at the end after %4d ms",
		done(during)-done(before), during.Failures-before.Failures, during.InFlight, calm.Seconds()*1000, back.Milliseconds(), drained.Milliseconds())
}

// mark writes one document under a key of its own.
func (w *faultWorld) mark() (key string, at time.Time) {
	at = time.Now()
	key = fmt.Sprintf("mark%d@x", at.UnixNano())
	w.write(1, key)
	return key, at
}

// latency is how long it takes from Kafka to Couchbase.
func (w *faultWorld) latency(key string, at time.Time) time.Duration {
	for end := at.Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if _, _, err := w.eyes.Get(context.Background(), w.cfg.Documents, key); err == nil {
			return time.Since(at)
		}
		if time.Now().After(end) {
			w.t.Errorf("%s did not arrive", key)
			return time.Since(at)
		}
	}
}

// latencies writes n documents, one every 50 ms, and returns when after end the
// last one arrived that took longer than the limit.
func (w *faultWorld) latencies(end time.Time, n int, limit time.Duration) (back time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for range n {
		key, at := w.mark()
		all.Go(func() {
			if took := w.latency(key, at); took > limit {
				mu.Lock()
				defer mu.Unlock()
				back = max(back, at.Add(took).Sub(end))
			}
		})
		time.Sleep(50 * time.Millisecond)
	}
	all.Wait()
	return back
}

// ends are the ends of the documents topic by partition.
func (w *faultWorld) ends() map[int32]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[int32]int64{}
	for _, s := range w.sent {
		out[s.partition] = max(out[s.partition], s.offset+1)
	}
	return out
}

// reached says whether all before the ends is committed.
func (w *faultWorld) reached(ends map[int32]int64) bool {
	committed, err := kadm.NewClient(w.producer).FetchOffsets(context.Background(), w.settings.SinkGroup())
	if err != nil {
		return false
	}
	for partition, end := range ends {
		if at, ok := committed.Lookup(w.settings.Documents(), partition); !ok || at.At < end {
			return false
		}
	}
	return true
}

// sameDocuments compares with what the newest message of each key says.
func (w *faultWorld) sameDocuments() {
	want := map[string]sent{}
	for _, s := range w.sent {
		want[s.key] = s
	}
	for key, s := range want {
		got, _, err := w.eyes.Get(context.Background(), w.cfg.Documents, key)
		if string(got) != s.body || (s.body == "") != errors.Is(err, ErrNotFound) {
			w.t.Errorf("%s is %q, %v; want %q", key, got, err, s.body)
		}
		if f := w.fenceOf(key); f != (Fence{1, s.fence}) {
			w.t.Errorf("the fence of %s is %v, want %d", key, f, s.fence)
		}
	}
}
