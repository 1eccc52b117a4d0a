package couchbase

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/couchbase"
)

// faultTime is how long a fault lasts. FAULTS=10s also asks for every rate of
// every fault, instead of one each (make faults).
func faultTime(t *testing.T) (d time.Duration, every bool) {
	v := os.Getenv("FAULTS")
	if v == "" {
		return 700 * time.Millisecond, false
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		t.Fatalf("FAULTS=%s: a time is wanted, like 10s", v)
	}
	return d, true
}

// TestPropertyFaults: under each fault at each rate no offset is committed ahead
// of what is in Couchbase, messages under way are bounded, and afterwards the
// documents are those of a calm run. How long it takes until a write is as fast
// as before is measured.
func TestPropertyFaults(t *testing.T) {
	d, every := faultTime(t)
	rates := []float64{0.01, 0.1, 1}
	var rows []string
	var mu sync.Mutex
	cases := make(chan couchbase.Fault)
	var running sync.WaitGroup
	for range 6 { // they wait most of the time
		running.Go(func() {
			for f := range cases {
				name := fmt.Sprintf("%s:%v%%", f.Kind, f.Rate*100)
				t.Run(name, func(t *testing.T) {
					w := newFaultWorld(t, f)
					w.stoppedInTheFault(d)
					row := w.goesOn(d)
					w.sameDocuments()
					mu.Lock()
					defer mu.Unlock()
					rows = append(rows, fmt.Sprintf("%-22s %s", name, row))
				})
			}
		})
	}
	for i, kind := range []couchbase.FaultKind{couchbase.FaultTemporary, couchbase.FaultBusy, couchbase.FaultOutOfMemory, couchbase.FaultTimeoutBefore,
		couchbase.FaultTimeoutAfter, couchbase.FaultCloseBefore, couchbase.FaultCloseAfter, couchbase.FaultNotMyVBucket, couchbase.FaultLocked, couchbase.FaultSlow} {
		for j, rate := range rates {
			if every || (i+2)%len(rates) == j {
				cases <- couchbase.Fault{Kind: kind, Rate: rate, Delay: 200 * time.Millisecond}
			}
		}
	}
	close(cases)
	running.Wait()
	slices.Sort(rows)
	t.Logf("fault time %v\n%s", d, strings.Join(rows, "\n"))
}

// While Couchbase takes nothing, a backlog that is far larger than the limit of
// what is under way does not get into memory.
func TestFaultMemory(t *testing.T) {
	w := newFaultWorld(t, couchbase.Fault{Kind: couchbase.FaultTimeoutBefore, Rate: 1})
	const documents, size = 30_000, 4 << 10
	filler := strings.Repeat("x", size)
	for from := 0; from < documents; from += 1000 {
		var records []*kgo.Record
		for i := from; i < from+1000; i++ {
			records = append(records, w.document(fmt.Sprintf("k%d@x", i), int64(i+1), fmt.Appendf(nil, `{"n":%d,"x":"%s"}`, i, filler)))
		}
		w.produce(records...)
	}
	d := w.deps("a")
	d.Engine.MaxInFlight, d.Engine.MaxInFlightBytes, d.Engine.DrainTimeout = 2000, 8<<20, 500*time.Millisecond
	before := heap()
	w.node.SetFaults(couchbase.Fault{Kind: couchbase.FaultSlow, Rate: 1, Delay: 20 * time.Millisecond}) // it must not be done before the fault
	s := w.start(NewSink(w.cfg, d))
	eventually(t, time.Minute, func() bool { return s.Status().Written > 0 }, func() string { return "it does not begin" })
	w.node.SetFaults(w.fault)
	limit, _ := faultTime(t)
	most := uint64(0)
	for end := time.Now().Add(max(limit, 2*time.Second)); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		most = max(most, heap())
	}
	if st := s.Status(); st.Written > documents/2 || st.InFlight > int64(d.Engine.MaxInFlight) {
		t.Errorf("%d written, %d under way: the fault came too late or the limit does not hold", st.Written, st.InFlight)
	}
	// Messages under way, and what the client has fetched ahead of them.
	const room = 64 << 20
	if most > before+room {
		t.Errorf("the heap grew from %d to %d MiB", before>>20, most>>20)
	}
	t.Logf("heap %d MiB before the sink starts, the broker with %d MiB of documents (compressed) included; at most %d MiB in the fault, %d messages under way",
		before>>20, documents*size>>20, most>>20, s.Status().InFlight)
	w.node.SetFaults()
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
