package couchbase

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/topology/engine"
)

func TestPermanentTroubleEndsOnlyWithTheSession(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	var tries atomic.Int32
	f.before = func(string, step) error { tries.Add(1); return gocb.ErrDurabilityImpossible }
	w := startWriter(t, testConfig(), f, l)
	m := l.message("k", 5, `"x"`)
	w.submit(m)
	eventually(t, 5*time.Second, func() bool { return tries.Load() > 5 }, func() string { return "no more tries" })
	if got := l.of(m); len(got) != 0 {
		t.Fatalf("done with %v", got)
	}
	m.delivery.(*fakeDelivery).set(true, 0)
	eventually(t, 5*time.Second, func() bool { return w.meter.flying.Load() == 0 }, func() string { return "still under way" })
	at := tries.Load()
	time.Sleep(150 * time.Millisecond)
	if got := l.of(m); len(got) != 0 || tries.Load() != at {
		t.Errorf("after the session: done with %v, %d more tries", got, tries.Load()-at)
	}
	if len(w.keys) != 0 {
		t.Error("the key is still known")
	}
}

func TestTooOldIsFetchedAgain(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	w := startWriter(t, testConfig(), f, l)
	old, lapsed := l.message("a", 5, `"x"`), l.message("b", 5, `"x"`)
	old.delivery.(*fakeDelivery).set(false, 10*time.Minute+time.Second)
	lapsed.delivery.(*fakeDelivery).set(true, 11*time.Minute)
	w.submit(old)
	w.submit(lapsed)
	eventually(t, 5*time.Second, func() bool { return w.meter.flying.Load() == 0 }, func() string { return "under way" })
	if got := l.of(old); len(got) != 1 || !errors.Is(got[0], engine.ErrRefetch) {
		t.Errorf("too old: %v", got)
	}
	if got := l.of(lapsed); len(got) != 0 {
		t.Errorf("lapsed: %v", got)
	}
	if len(f.applied()) != 0 || f.lookups != 0 {
		t.Errorf("sent: %v", f.applied())
	}
}

// A session that ends while the look-up is under way sends no write.
func TestLapseDuringLookup(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	m := l.message("k", 5, `"x"`)
	f.looked = func(string) error { m.delivery.(*fakeDelivery).set(true, 0); return nil }
	w := startWriter(t, testConfig(), f, l)
	w.submit(m)
	eventually(t, 5*time.Second, func() bool { return w.meter.flying.Load() == 0 }, func() string { return "under way" })
	if len(f.applied()) != 0 || len(l.of(m)) != 0 {
		t.Errorf("sent: %v, done %v", f.applied(), l.of(m))
	}
}
