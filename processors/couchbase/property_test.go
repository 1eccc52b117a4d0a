package couchbase

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"customer360/topology/engine"
)

// check runs a property n times, or STORIES times.
func check(t *testing.T, n int, prop func(*rapid.T)) {
	t.Helper()
	if v := os.Getenv("STORIES"); v != "" {
		stories, err := strconv.Atoi(v)
		if err != nil || stories < 1 {
			t.Fatalf("STORIES=%s: a number of stories is wanted", v)
		}
		n = stories
	}
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checks.Value.Set(before) }()
	rapid.Check(t, prop)
}

// event is one message of a story.
type event struct {
	key    string
	offset int64
	body   string // "": a removal
	sink   int    // which of the two has it
	again  bool   // and the other one too: a partition that moved
}

// drawEvents are messages of three keys with fences from base on, in any order:
// writes, removals, removals of what never was, repetitions.
func drawEvents(t *rapid.T, base int64) []event {
	events := make([]event, rapid.IntRange(1, 25).Draw(t, "messages"))
	for i := range events {
		e := event{
			key:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
			offset: base + rapid.Int64Range(1, 25).Draw(t, "offset"),
			sink:   rapid.IntRange(0, 1).Draw(t, "sink"),
			again:  rapid.Bool().Draw(t, "again"),
		}
		// Equal fences are of one message, so they have one content. Some bodies
		// can be inserted, some not.
		switch (int(e.offset) + int(e.key[0])) % 3 {
		case 0:
			e.body = fmt.Sprintf(`{"z":"%s","a":%d}`, e.key, e.offset)
		case 1:
			e.body = fmt.Sprintf(`"%s@%d"`, e.key, e.offset)
		}
		events[i] = e
	}
	return events
}

// drawn is a story in phases. After each the tombstones may be purged: then all
// later messages are newer, but for those that were fetched too long ago.
type drawn struct {
	mode   string
	phases []phase
}

type phase struct {
	events []event
	purged bool
	old    []event // of before the purge, delivered after it, too old
}

func drawStory(t *rapid.T, purges bool) drawn {
	d := drawn{mode: rapid.SampledFrom([]string{FirstInsert, FirstReserve}).Draw(t, "mode")}
	base := int64(0)
	var all []event
	for range rapid.IntRange(1, 3).Draw(t, "phases") {
		p := phase{events: drawEvents(t, base)}
		all = append(all, p.events...)
		if purges && rapid.Bool().Draw(t, "purge") {
			p.purged = true
			for range rapid.IntRange(0, 5).Draw(t, "too old") {
				p.old = append(p.old, rapid.SampledFrom(all).Draw(t, "old"))
			}
			base += 25
		}
		d.phases = append(d.phases, p)
	}
	return d
}

// newest is the newest message of each key: all that may be left.
func newest(events []event) map[string]event {
	out := map[string]event{}
	for _, e := range events {
		if n, ok := out[e.key]; !ok || e.offset > n.offset {
			out[e.key] = e
		}
	}
	return out
}

// place is what a story needs of the place that the sinks write to.
type place interface {
	store
	purge() error
	// see is what a reader finds, and the fence, also on a tombstone.
	see(key string) (body string, fence Fence, fenced bool, err error)
}

// tell plays a story with two sinks that both believe to own the keys, and
// compares what is left after each phase.
func tell(t *testing.T, rt *rapid.T, d drawn, s place, timeout time.Duration) {
	cfg := testConfig()
	cfg.FirstWrite, cfg.Workers, cfg.CacheEntries, cfg.Timeout = d.mode, 4, 4, timeout
	cfg.RetryMax, cfg.RetryBackoff = time.Millisecond, 100*time.Microsecond
	stop := make(chan struct{})
	var ended sync.WaitGroup
	defer ended.Wait()
	defer close(stop)
	var ledgers [2]*ledger
	var writers [2]*writer
	for i := range writers {
		ledgers[i] = newLedger()
		writers[i] = startWriterUntil(t, cfg, s, ledgers[i], stop, &ended)
	}
	var told []event
	purged := map[event]bool{} // removals whose tombstones are gone
	for _, p := range d.phases {
		for _, e := range p.events {
			for i := range writers {
				if e.sink == i || e.again {
					writers[i].submit(ledgers[i].message(e.key, e.offset, e.body))
				}
			}
		}
		told = append(told, p.events...)
		await2(rt, ledgers, 0)
		compare(rt, s, newest(told), purged)
		if !p.purged {
			continue
		}
		if err := s.purge(); err != nil {
			rt.Fatal(err)
		}
		for _, e := range newest(told) {
			purged[e] = e.body == ""
		}
		for _, e := range p.old {
			m := ledgers[e.sink].message(e.key, e.offset, e.body)
			m.delivery.(*fakeDelivery).set(false, cfg.MaxAge+time.Second)
			writers[e.sink].submit(m)
		}
		await2(rt, ledgers, len(p.old))
		compare(rt, s, newest(told), purged)
	}
}

// await2 waits until both have done with all messages, of which so many must be fetched again.
func await2(rt *rapid.T, ledgers [2]*ledger, refetched int) {
	got := 0
	for _, l := range ledgers {
		for end := time.Now().Add(time.Minute); !l.all(); time.Sleep(100 * time.Microsecond) {
			if time.Now().After(end) {
				rt.Fatalf("of %d messages these are done: %v", l.made, l.done)
			}
		}
		for name, errs := range l.done {
			for _, err := range errs {
				switch {
				case errors.Is(err, engine.ErrRefetch):
					got++
				case err != nil:
					rt.Fatalf("%s is done with %v", name, err)
				}
			}
		}
		clear(l.done)
		l.made = 0
	}
	if got != refetched {
		rt.Fatalf("%d messages are to be fetched again, want %d", got, refetched)
	}
}

func compare(rt *rapid.T, s place, want map[string]event, purged map[event]bool) {
	for key, e := range want {
		body, fence, fenced, err := s.see(key)
		if err != nil {
			rt.Fatal(err)
		}
		if purged[e] {
			if body != "" || fenced {
				rt.Fatalf("%s is %q %v after its tombstone was purged", key, body, fence)
			}
			continue
		}
		if body != e.body || !fenced || fence != (Fence{1, e.offset}) {
			rt.Fatalf("%s is %q %v (fenced %v), want %q @%d", key, body, fence, fenced, e.body, e.offset)
		}
	}
}

// In memory, with operations that fail before and after they are applied, and
// with the order of what is applied looked at too.
func TestPropertyNewestFenceWins(t *testing.T) {
	check(t, 300, func(rt *rapid.T) {
		d := drawStory(rt, true)
		f := newFakeStore()
		f.dice(rapid.SampledFrom([]float64{0, 0.1, 0.4}).Draw(rt, "faults"))
		f.during = func(string, step, mutation, int) {
			if rand.IntN(8) == 0 {
				time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond) // a sink that is suspended before it writes
			}
			runtime.Gosched()
		}
		tell(t, rt, d, f, time.Millisecond)
		checkOrder(rt, f.applied())
	})
}

func (f *fakeStore) purge() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, e := range f.entries {
		if e.presence == tombstone {
			delete(f.entries, key)
		}
	}
	return nil
}

func (f *fakeStore) see(key string) (string, Fence, bool, error) {
	e := f.at(key)
	return e.body, e.fence, e.fenced, nil
}

// checkOrder: what was applied to a key was applied in the order of the fences.
func checkOrder(t *rapid.T, applied []string) {
	last := map[string]int64{}
	for _, line := range applied {
		var generation, offset int64
		fields := strings.Fields(line)
		key := fields[0]
		if _, err := fmt.Sscanf(fields[len(fields)-1], "%d/%d", &generation, &offset); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc([]step{reserve, revive, retype}, func(s step) bool { return strings.Contains(line, s.String()) }) {
			continue
		}
		if offset <= last[key] {
			t.Fatalf("%s after %d: %s", line, last[key], strings.Join(applied, ", "))
		}
		last[key] = offset
	}
}

// prefixed keeps the stories on a node apart.
type prefixed struct {
	*collection
	client *Client
	prefix string
	forget func() error
}

var _ place = prefixed{}

func (p prefixed) lookup(ctx context.Context, key string) (state, error) {
	return p.collection.lookup(ctx, p.prefix+key)
}

func (p prefixed) operate(ctx context.Context, key string, s step, cas uint64, m mutation) (uint64, error) {
	if rand.IntN(16) == 0 {
		time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) // suspended between look-up and write
	}
	return p.collection.operate(ctx, p.prefix+key, s, cas, m)
}

func (p prefixed) purge() error { return p.forget() }

// see looks until it is told: faults strike readers too.
func (p prefixed) see(key string) (body string, fence Fence, fenced bool, err error) {
	for end := time.Now().Add(time.Minute); ; {
		var s state
		if s, err = p.collection.lookup(context.Background(), p.prefix+key); err == nil {
			var raw []byte
			if raw, _, err = p.client.Get(context.Background(), p.target, p.prefix+key); err == nil || errors.Is(err, ErrNotFound) {
				return string(raw), s.fence, s.fenced, nil
			}
		}
		if time.Now().After(end) {
			return "", Fence{}, false, err
		}
	}
}
