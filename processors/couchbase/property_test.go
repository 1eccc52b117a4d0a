package couchbase

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// event is one message of the property test.
type event struct {
	key    string
	offset int64
	body   string // "": a removal
	writer int    // which instance has it
	again  bool   // and the other one too: a partition that moved
}

func drawEvents(t *rapid.T) []event {
	n := rapid.IntRange(1, 40).Draw(t, "messages")
	events := make([]event, n)
	for i := range events {
		e := event{
			key:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
			offset: rapid.Int64Range(1, 25).Draw(t, "offset"),
			writer: rapid.IntRange(0, 1).Draw(t, "writer"),
			again:  rapid.Bool().Draw(t, "again"),
		}
		// Equal fences are of one message, so they have one content.
		if (int(e.offset)+int(e.key[0]))%3 != 0 {
			e.body = fmt.Sprintf(`"%s@%d"`, e.key, e.offset)
		}
		events[i] = e
	}
	return events
}

// wanted is the newest message of each key: all that may be left.
func wanted(events []event) map[string]event {
	newest := map[string]event{}
	for _, e := range events {
		if n, ok := newest[e.key]; !ok || e.offset > n.offset {
			newest[e.key] = e
		}
	}
	return newest
}

// TestNewestFenceWins: two instances with messages in any order, some of them
// in both, and operations that fail before and after they are applied.
func TestNewestFenceWins(t *testing.T) {
	for _, mode := range []string{FirstReserve, FirstInsert} {
		t.Run(mode, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				events := drawEvents(rt)
				faults := rapid.SampledFrom([]float64{0, 0.1, 0.4}).Draw(rt, "faults")
				if mode == FirstInsert {
					events = oneOwner(events)
				}
				f := newFakeStore()
				f.dice(faults)
				f.during = func(string, step, mutation, int) { runtime.Gosched() }
				race(t, rt, mode, f, events)
				for key, want := range wanted(events) {
					if e := f.at(key); e.body != want.body || e.fence != (Fence{1, want.offset}) {
						rt.Fatalf("%s is %q %v, want %q @%d\napplied: %s", key, e.body, e.fence, want.body, want.offset, strings.Join(f.applied(), ", "))
					}
				}
				checkOrder(rt, f.applied())
			})
		})
	}
}

// oneOwner: an insert looks at no tombstone's CAS, so with FirstInsert the
// property holds where keys have one owner at a time, as partitions do.
func oneOwner(events []event) []event {
	out := slices.Clone(events)
	for i := range out {
		out[i].writer, out[i].again = int(out[i].key[0])%2, false
	}
	return out
}

// race lets two writers have the events, and waits for both.
func race(t *testing.T, rt *rapid.T, mode string, s store, events []event) {
	cfg := testConfig()
	cfg.FirstWrite, cfg.Workers, cfg.CacheEntries = mode, 4, 4
	cfg.Timeout, cfg.RetryMax, cfg.RetryBackoff = time.Millisecond, time.Millisecond, 100*time.Microsecond
	if _, real := s.(*collection); real {
		cfg.Timeout = 0
	}
	var ended sync.WaitGroup
	defer ended.Wait()
	for i := range 2 {
		l := newLedger()
		stop := make(chan struct{})
		w := startWriterUntil(t, cfg, s, l, stop, &ended)
		for _, e := range events {
			if e.writer == i || e.again {
				w.submit(l.message(e.key, e.offset, e.body))
			}
		}
		ended.Go(func() {
			defer close(stop)
			for end := time.Now().Add(20 * time.Second); !l.all(); time.Sleep(100 * time.Microsecond) {
				if time.Now().After(end) {
					t.Errorf("of %d messages these are done: %v", l.made, l.done)
					return
				}
			}
			for name, errs := range l.done {
				if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
					t.Errorf("%s is done with %v", name, errs)
				}
			}
		})
	}
	_ = rt
}

// checkOrder: what was applied to a key was applied in the order of the fences.
func checkOrder(t *rapid.T, applied []string) {
	last := map[string]int64{}
	for _, line := range applied {
		var key string
		var generation, offset int64
		fields := strings.Fields(line)
		key = fields[0]
		if _, err := fmt.Sscanf(fields[len(fields)-1], "%d/%d", &generation, &offset); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, reserve.String()) || strings.Contains(line, revive.String()) {
			continue
		}
		if offset <= last[key] {
			t.Fatalf("%s after %d: %s", line, last[key], strings.Join(applied, ", "))
		}
		last[key] = offset
	}
}
