package couchbase_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase"
)

// clock is a wall clock that a test can put forward.
type clock struct{ ahead, stride atomic.Int64 } // stride: by how much it goes on with each look

func (c *clock) now() time.Time {
	return time.Now().Add(time.Duration(c.ahead.Add(c.stride.Load())))
}
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// startWithClock runs a node whose clock the test holds. It is stopped by the test's end.
func startWithClock(t *testing.T, cfg couchbase.Config) (*couchbase.Node, *clock) {
	t.Helper()
	c := &clock{}
	node, err := couchbase.New(cfg, couchbase.Deps{Log: slog.New(slog.DiscardHandler), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-node.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	return node, c
}

// stored is what the store holds: documents and tombstones, and the entries of the two indexes.
func stored(n *couchbase.Node) string {
	return fmt.Sprintf("%d records, %d expiries, %d tombstones", n.Keys("default", 'd'), n.Keys("default", 'e'), n.Keys("default", 't'))
}

// A document's way without anybody looking at it: expired, a tombstone with its
// fence, then nothing. More documents than one batch of the sweeper takes.
func TestSweep(t *testing.T) {
	const n = 300
	node, clock := startWithClock(t, settings(t.TempDir()))
	col := connect(t, node).DefaultCollection()
	for i := range n {
		o := &gocb.MutateInOptions{StoreSemantic: gocb.StoreSemanticsInsert, Expiry: time.Hour}
		if _, err := col.MutateIn(fmt.Sprint(i), versioned(1), o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := col.Upsert("stays", 1, nil); err != nil {
		t.Fatal(err)
	}
	sweep := func(after time.Duration, want string, live int) {
		t.Helper()
		clock.advance(after)
		if got, err := node.Count("default"); err != nil || got != live {
			t.Errorf("before the sweep %d live, want %d, %v", got, live, err)
		}
		if err := node.Sweep(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		if got, err := node.Count("default"); err != nil || got != live {
			t.Errorf("after the sweep %d live, want %d, %v", got, live, err)
		}
		if got := stored(node); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	sweep(59*time.Minute, "301 records, 300 expiries, 0 tombstones", n+1)
	sweep(2*time.Minute, "301 records, 0 expiries, 300 tombstones", 1)
	if err := has(col, "7", -1); err != nil {
		t.Errorf("the fence of an expired document: %v", err)
	}
	sweep(71*time.Hour, "301 records, 0 expiries, 300 tombstones", 1)
	sweep(2*time.Hour, "1 records, 0 expiries, 0 tombstones", 1)
	if err := has(col, "7", -1); !errors.Is(err, gocb.ErrDocumentNotFound) {
		t.Errorf("a purged tombstone: %v", err)
	}
	if _, err := col.Get("stays", nil); err != nil {
		t.Error(err)
	}
}

// A read after the expiry sees nothing, whether the sweeper was there or not;
// indexes and counts follow every change of an expiry.
func TestExpiryIndexFollows(t *testing.T) {
	node, clock := startWithClock(t, settings(t.TempDir()))
	col := connect(t, node).DefaultCollection()
	upsert := func(expiry time.Duration) {
		t.Helper()
		if _, err := col.Upsert("k", 1, &gocb.UpsertOptions{Expiry: expiry}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		if got := stored(node); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	upsert(time.Hour)
	check("1 records, 1 expiries, 0 tombstones")
	upsert(2 * time.Hour)
	check("1 records, 1 expiries, 0 tombstones")
	upsert(0)
	check("1 records, 0 expiries, 0 tombstones")
	if _, err := col.Touch("k", time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	check("1 records, 1 expiries, 0 tombstones")
	clock.advance(time.Hour + 2*time.Second)
	if _, err := col.Get("k", nil); !errors.Is(err, gocb.ErrDocumentNotFound) {
		t.Errorf("an expired document: %v", err)
	}
	check("1 records, 0 expiries, 1 tombstones")
	upsert(time.Hour)
	check("1 records, 1 expiries, 0 tombstones")
	if n, err := node.Count("default"); err != nil || n != 1 {
		t.Errorf("%d documents, %v", n, err)
	}
}

// What is due by a clock that goes on within a sweep is swept, by this one or the next.
func TestSweepWhileTheClockTicks(t *testing.T) {
	const n = 20
	node, clock := startWithClock(t, settings(t.TempDir()))
	col := connect(t, node).DefaultCollection()
	for i := range n {
		if _, err := col.Upsert(fmt.Sprint(i), 1, &gocb.UpsertOptions{Expiry: time.Minute + time.Duration(i)*time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(50 * time.Second)
	clock.stride.Store(int64(time.Second))
	for range 2 * n {
		if err := node.Sweep(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
	}
	clock.stride.Store(0)
	if got, want := stored(node), fmt.Sprintf("%d records, 0 expiries, %d tombstones", n, n); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, err := node.Count("default"); err != nil || got != 0 {
		t.Errorf("%d live, %v", got, err)
	}
}

// The sweeper runs by itself.
func TestSweepsByItself(t *testing.T) {
	cfg := settings(t.TempDir())
	cfg.SweepInterval, cfg.PurgeInterval = 20*time.Millisecond, time.Hour
	node, clock := startWithClock(t, cfg)
	col := connect(t, node).DefaultCollection()
	if _, err := col.Upsert("k", 1, &gocb.UpsertOptions{Expiry: time.Minute}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 records, 0 expiries, 1 tombstones", "0 records, 0 expiries, 0 tombstones"} {
		clock.advance(2 * time.Hour)
		deadline := time.Now().Add(5 * time.Second)
		for stored(node) != want && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if got := stored(node); got != want && want[0] == '0' {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A CAS never repeats or falls, even when the clock goes back over a restart.
func TestCASNeverFalls(t *testing.T) {
	dir := t.TempDir()
	var last gocb.Cas
	for range 2 {
		t.Run("start", func(t *testing.T) {
			node, clock := startWithClock(t, settings(dir))
			col := connect(t, node).DefaultCollection()
			for _, step := range []time.Duration{0, time.Hour, -3 * time.Hour} {
				clock.advance(step)
				r, err := col.Upsert("k", 1, nil)
				if err != nil {
					t.Fatal(err)
				}
				if r.Cas() <= last {
					t.Errorf("CAS %d after %d", r.Cas(), last)
				}
				last = r.Cas()
			}
		})
	}
}
