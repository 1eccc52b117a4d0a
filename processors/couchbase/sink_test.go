package couchbase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/local/couchbase"
	"customer360/topology"
)

// TestDocuments: what merge writes is what Couchbase has, and what cannot be is
// in the dead letters, with its coordinates.
func TestDocuments(t *testing.T) {
	w := newWorld(t)
	s := w.start(NewSink(w.cfg, w.deps("a")))
	w.produce(
		w.document("a@x", 1, []byte(`{"type":"user"}`)),
		w.document("b@x", 2, []byte(`{"type":"user","n":1}`)), w.document("b@x", 3, []byte(`{"type":"user","n":2}`)),
		w.document("c@x", 4, []byte(`{}`)), w.document("c@x", 5, nil),
		w.document("never@x", 6, nil),
	)
	bad := w.document("bad@x", 7, []byte(`{"secret":1}`))
	bad.Headers = bad.Headers[:1]
	negative := w.document("bad@x", -8, []byte(`{}`))
	text := w.document("bad@x", 9, []byte(`not JSON`))
	long := w.document(strings.Repeat("k", 247), 10, []byte(`{}`))
	w.produce(bad, negative, text, long)
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	for key, want := range map[string]string{"a@x": `{"type":"user"}`, "b@x": `{"type":"user","n":2}`} {
		if got := w.get(w.cfg.Documents, key); got != want {
			t.Errorf("%s is %s", key, got)
		}
	}
	for key, want := range map[string]Fence{"a@x": {1, 1}, "b@x": {1, 3}, "c@x": {1, 5}, "never@x": {1, 6}} {
		if f, ok, err := w.client.Fence(t.Context(), w.cfg.Documents, key); err != nil || !ok || f != want {
			t.Errorf("the fence of %s is %v, %v, %v", key, f, ok, err)
		}
	}
	if n, err := w.node.Count("customer360"); err != nil || n != 2 {
		t.Errorf("%d documents, %v", n, err)
	}
	letters := w.letters()
	reasons := map[string]string{}
	for _, l := range letters {
		reasons[l.Coordinates()] = l.Reason
		if l.Stage != "sink" || l.Generation != 1 || l.Topic != w.settings.Documents() || strings.Contains(l.Reason, "secret") {
			t.Errorf("%+v", l)
		}
	}
	for r, want := range map[*kgo.Record]string{bad: "c360.fence is missing", negative: "c360.fence is no number", text: "not JSON", long: "246 bytes"} {
		at := fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
		i := slices.IndexFunc(letters, func(l codec.DeadLetter) bool { return l.Coordinates() == at })
		if i < 0 || !strings.Contains(reasons[at], want) || !bytes.Equal(letters[i].Value, r.Value) || !bytes.Equal(letters[i].Key, r.Key) {
			t.Errorf("%s: the letter says %q", want, reasons[at])
		}
	}
	st := s.Status()
	if st.Written+st.Superseded+st.Removed != 6 || st.DeadLetters != 4 || len(letters) != 4 || st.InFlight != 0 || st.LastWrite.IsZero() {
		t.Errorf("%+v", st)
	}
	eventually(t, 10*time.Second, s.Ready, func() string { return "not ready" })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// story writes documents over keys and returns what must be left.
func (w *world) story(from, n, keys int) map[string]string {
	want := map[string]string{}
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		key := fmt.Sprintf("k%d@x", rand.IntN(keys))
		body := fmt.Appendf(nil, `{"z":%d,"a":"%s"}`, i, strings.Repeat("x", 100))
		if rand.IntN(5) == 0 {
			body = nil
		}
		want[key] = string(body)
		records = append(records, w.document(key, int64(i+1), body))
	}
	w.produce(records...)
	return want
}

func (w *world) check(want map[string]string) {
	w.t.Helper()
	wrong := 0
	for key, body := range want {
		got, _, err := w.client.Get(context.Background(), w.cfg.Documents, key)
		if string(got) != body || (body == "") != errors.Is(err, ErrNotFound) {
			if wrong++; wrong < 4 {
				w.t.Errorf("%s is %q, %v; want %q", key, got, err, body)
			}
		}
	}
	if wrong > 0 {
		w.t.Errorf("%d of %d keys are wrong", wrong, len(want))
	}
}

// Couchbase goes away for a while: no offset moves meanwhile beyond what is
// there, the group keeps its partitions, and afterwards nothing is missing.
func TestCouchbaseAway(t *testing.T) {
	w := newWorld(t)
	w.cfg.Timeout = 200 * time.Millisecond
	s := w.start(NewSink(w.cfg, w.deps("a")))
	want := w.story(0, 2000, 200)
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	w.node.SetFaults(couchbase.Fault{Kind: couchbase.FaultCloseBefore, Rate: 0.5}, couchbase.Fault{Kind: couchbase.FaultTimeoutBefore, Rate: 1})
	before := s.Status()
	maps.Copy(want, w.story(2000, 2000, 200))
	time.Sleep(1500 * time.Millisecond)
	if lag := w.lag(w.settings.SinkGroup(), w.settings.Documents()); lag < 1990 {
		t.Errorf("offsets moved while nothing was written: the lag is %d", lag)
	}
	during := s.Status()
	if during.Written != before.Written || during.InFlight == 0 || during.Failures == before.Failures || len(during.Engine.Partitions) != testPartitions {
		t.Errorf("during the outage: %+v", during)
	}
	w.node.SetFaults(couchbase.Fault{Kind: couchbase.FaultTemporary, Rate: 0.2}, couchbase.Fault{Kind: couchbase.FaultTimeoutAfter, Rate: 0.01}, couchbase.Fault{Kind: couchbase.FaultCloseAfter, Rate: 0.01})
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	w.node.SetFaults()
	w.check(want)
	if st := s.Status(); st.DeadLetters != 0 || st.Engine.LastError != nil {
		t.Errorf("%+v", st)
	}
}

// Instances come and go in the middle of the work, also while Couchbase is
// slow: partitions move, messages are done twice, and the result is the same.
func TestInstancesComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.node.SetFaults(couchbase.Fault{Kind: couchbase.FaultTemporary, Rate: 0.05}, couchbase.Fault{Kind: couchbase.FaultSlow, Rate: 0.05, Delay: 20 * time.Millisecond},
		couchbase.Fault{Kind: couchbase.FaultTimeoutAfter, Rate: 0.002})
	want := w.story(0, 8000, 300)
	a := w.start(NewSink(w.cfg, w.deps("a")))
	for i := range 3 {
		time.Sleep(200 * time.Millisecond)
		b := w.start(NewSink(w.cfg, w.deps(fmt.Sprint("b", i))))
		time.Sleep(300 * time.Millisecond)
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		a = b
	}
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	w.node.SetFaults()
	w.check(want)
	// The whole topic once more, from its start, changes nothing.
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	w.settings.Generation = 2 // another group; the messages carry their own generation
	w.broker.CreateTopic(t, w.settings.Documents(), testPartitions, nil)
	var copies []*kgo.Record
	for _, r := range w.broker.Records(t, topology.DefaultSettings().Documents()) {
		copies = append(copies, &kgo.Record{Topic: w.settings.Documents(), Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	w.produce(copies...)
	w.firstOffsets(w.settings.SinkGroup(), w.settings.Documents())
	again := w.start(NewSink(w.cfg, w.deps("again")))
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	w.check(want)
	if st := again.Status(); st.Written+st.Removed != 0 {
		t.Errorf("a replay wrote: %+v", st)
	}
}

// Wrong rights end the sink with an error, and no offset moves.
func TestRunEndsOnFatalErrors(t *testing.T) {
	w := newWorld(t)
	w.produce(w.document("a@x", 1, []byte(`{}`)))
	d := w.deps("a")
	d.Client = nil
	cfg := w.cfg
	cfg.Password = "wrong"
	s, err := NewSink(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Run(ctx); !errors.Is(err, gocb.ErrAuthenticationFailure) || ctx.Err() != nil {
		t.Errorf("ended with %v", err)
	}
	if lag := w.lag(w.settings.SinkGroup(), w.settings.Documents()); lag != 1 {
		t.Errorf("the lag is %d", lag)
	}
}

func TestRunsOnce(t *testing.T) {
	w := newWorld(t)
	s := w.start(NewSink(w.cfg, w.deps("a")))
	eventually(t, 10*time.Second, s.Ready, func() string { return "not ready" })
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("twice: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	// But again.
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	w.produce(w.document("a@x", 1, []byte(`{}`)))
	w.committed(w.settings.SinkGroup(), w.settings.Documents())
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A right that is lost while the sink runs ends it through the engine.
func TestRightsLostMeanwhile(t *testing.T) {
	w := newWorld(t)
	s, err := NewSink(w.cfg, w.deps("a"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLetters(w.kafka(), s.meter, "sink", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	f := newFakeStore()
	f.before = func(string, step) error { return gocb.ErrAuthenticationFailure }
	w.produce(w.document("a@x", 1, []byte(`{}`)))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.write(ctx, w.cfg, f, l); !errors.Is(err, gocb.ErrAuthenticationFailure) || !strings.Contains(err.Error(), "role") {
		t.Errorf("ended with %v", err)
	}
	if lag := w.lag(w.settings.SinkGroup(), w.settings.Documents()); lag != 1 {
		t.Errorf("the lag is %d", lag)
	}
}
