package restpoll

import (
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// What the former owner had asked for, and nobody had read when it died, is
// read before anything is asked for again.
func TestResultsOfTheFormerOwnerCount(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 1)
	w.store.handle(endpointDetails, func(_ http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-r.Context().Done() })
	w.documents([]byte(`{}`), "a@example.com")
	_, stop := w.start("one", nil)
	<-asked
	stop() // abandons the request
	r := result{Kind: kindNotFound, Status: 404, Poll: firstPoll(1, 0), Time: time.Now().UnixMilli()}
	record := kgo.Record{Topic: topology.PollsTopic, Key: []byte("a@example.com"), Value: r.append(nil)}
	if err := w.writer.ProduceSync(t.Context(), &record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.store.handle(endpointDetails, status(404))
	p, stop := w.start("two", nil)
	w.answered(p, 1)
	w.until("ready", p.Ready)
	stop()
	w.published("a@example.com", gone)
	if n := w.store.requests(""); n != 1 {
		t.Errorf("%d requests, want the abandoned one", n)
	}
}

// How far a partition has to read before it may ask.
func TestMarks(t *testing.T) {
	w := newWorld(t)
	c := newClock(t, nil)
	p := &Poller{schedule: c.s, publisher: &publisher{kafka: w.writer}}
	for partition := range int32(3) {
		if err := c.s.recovered(c.now, partition, 1, func(func(string, []byte) error) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { c.s.revokeAll(c.now) })
	client := w.broker.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, partition := range []int32{0, 0, 0, 1, 1} { // nothing in 2; 1 is committed already
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topology.PollsTopic, Partition: partition}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	admin := kadm.NewClient(w.writer)
	var offsets kadm.Offsets
	offsets.AddOffset(topology.PollsTopic, 0, 2, -1)
	offsets.AddOffset(topology.PollsTopic, 1, 2, -1)
	if err := admin.CommitAllOffsets(t.Context(), topology.RestpollGroup, offsets); err != nil {
		t.Fatal(err)
	}
	if err := p.mark(t.Context(), admin, []int32{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	for partition, want := range map[int32]int64{0: 3, 1: 0, 2: 0} {
		if a := c.s.agendas[partition]; a.until != want || a.open != (want == 0) {
			t.Errorf("partition %d: open %v, reads up to %d, want %d", partition, a.open, a.until, want)
		}
	}
}
