package couchbase

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
)

func testConfig() Config {
	c := DefaultConfig()
	c.ConnectionString, c.Username, c.Password = "couchbase://127.0.0.1", "Administrator", "password"
	c.Timeout, c.ConnectTimeout = 300*time.Millisecond, 5*time.Second
	c.RetryBackoff, c.RetryMax = time.Millisecond, 50*time.Millisecond
	c.Workers = 8
	return c
}

func testLog() *slog.Logger {
	level := slog.LevelError + 1
	if v := os.Getenv("COUCHBASE_LOG"); v != "" {
		_ = level.UnmarshalText([]byte(v))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// startWriter runs a writer until the test ends.
func startWriter(t testing.TB, cfg Config, s store, l *ledger) *writer {
	t.Helper()
	m, err := newMeter(nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(cfg, cfg.Documents, s, testLog(), m, l.refuse)
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { w.run(ctx) })
	t.Cleanup(func() { stop(); done.Wait() })
	return w
}

// The limit is what it takes on an idle machine, generously; a busy one gets
// four times as long.
func eventually(t testing.TB, limit time.Duration, ok func() bool, what func() string) {
	t.Helper()
	limit *= 4
	for end := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: %s", limit, what())
		}
	}
}

func settled(t testing.TB, l *ledger) {
	t.Helper()
	eventually(t, 10*time.Second, l.all, func() string { return fmt.Sprintf("of %d messages these are done: %v", l.made, l.done) })
}

func is1(t testing.TB, f *fakeStore, key, body string, offset int64) {
	t.Helper()
	e := f.at(key)
	if want := (Fence{1, offset}); e.body != body || e.fence != want || (e.presence == live) != (body != "") {
		t.Errorf("%s is %q %v (%v), want %q %v", key, e.body, e.fence, e.presence, body, want)
	}
}

// sink_ABA: A@105, {B@107, A@110} in one batch, a late B@107: A.
func TestABA(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	release := make(chan struct{})
	var first sync.Once
	f.during = func(string, step, mutation, int) { first.Do(func() { <-release }) }
	w := startWriter(t, testConfig(), f, l)
	w.submit(l.message("k", 105, `{"v":"A"}`))
	time.Sleep(20 * time.Millisecond)
	b := l.message("k", 107, `"B"`)
	w.submit(b)
	w.submit(l.message("k", 110, `"A"`))
	time.Sleep(20 * time.Millisecond)
	if len(l.of(b)) != 0 {
		t.Error("B is done before anything newer was written")
	}
	close(release)
	settled(t, l)
	if got := strings.Join(f.applied(), ", "); got != "k insert 1/105, k replace 1/110" {
		t.Errorf("applied: %s", got)
	}
	w.submit(l.message("k", 107, `"B"`))
	settled(t, l)
	is1(t, f, "k", `"A"`, 110)
	if n := w.meter.counts[outdated].Load(); n != 1 {
		t.Errorf("%d outdated", n)
	}
}

// removal_before_late_write: removal@110, then a document@105: stays removed.
func TestRemovalBeforeLateWrite(t *testing.T) {
	for _, before := range []string{"", `"old"`} {
		f, l := newFakeStore(), newLedger()
		w := startWriter(t, testConfig(), f, l)
		if before != "" {
			w.submit(l.message("k", 90, before))
			settled(t, l)
		}
		for _, m := range []struct {
			offset int64
			body   string
		}{{110, ""}, {105, `"late"`}, {104, ""}} {
			w.submit(l.message("k", m.offset, m.body))
			settled(t, l)
		}
		is1(t, f, "k", "", 110)
		w.submit(l.message("k", 111, `"back"`))
		settled(t, l)
		is1(t, f, "k", `"back"`, 111)
		if log := f.applied(); !slices.Contains(log, "k revive 1/110") || !slices.Contains(log, "k replace 1/111") {
			t.Errorf("applied: %v", log)
		}
	}
}

// The second write of a key asks nobody; what the cache knows to be unnecessary
// is looked up all the same.
func TestCacheSavesLookups(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	w := startWriter(t, testConfig(), f, l)
	for i := range int64(10) {
		body := `"x"`
		if i%3 == 2 {
			body = ""
		}
		w.submit(l.message("k", 100+i, body))
		settled(t, l)
	}
	if f.lookups != 1 {
		t.Errorf("%d look-ups for ten writes of one key", f.lookups)
	}
	f.put("k", entry{}) // somebody has emptied the bucket
	w.submit(l.message("k", 105, `"replayed"`))
	settled(t, l)
	is1(t, f, "k", `"replayed"`, 105)
	f.put("k", entry{state: state{presence: live, fenced: true, fence: Fence{1, 106}}, body: `"another instance"`})
	w.submit(l.message("k", 110, `"x"`))
	settled(t, l)
	is1(t, f, "k", `"x"`, 110)
}

func TestAmbiguous(t *testing.T) {
	for _, applied := range []bool{true, false} {
		for _, first := range []string{"", `"there"`, "removed"} {
			t.Run(fmt.Sprint(applied, first), func(t *testing.T) {
				t.Parallel()
				f, l := newFakeStore(), newLedger()
				switch first {
				case "":
				case "removed":
					f.put("k", entry{state: state{presence: tombstone, fenced: true, fence: Fence{1, 1}}})
				default:
					f.put("k", entry{state: state{presence: live, fenced: true, fence: Fence{1, 1}}, body: first})
				}
				var once sync.Once
				fail := func(string, step) (err error) {
					once.Do(func() { err = gocb.ErrAmbiguousTimeout })
					return err
				}
				if applied {
					f.after = fail
				} else {
					f.before = fail
				}
				cfg := testConfig()
				cfg.Timeout = 50 * time.Millisecond
				w := startWriter(t, cfg, f, l)
				m := l.message("k", 5, `{"v":"once"}`)
				w.submit(m)
				settled(t, l)
				is1(t, f, "k", `{"v":"once"}`, 5)
				if n := len(f.applied()); n != 1 && (n != 2 || first != "removed") {
					t.Errorf("applied %d times: %v", n, f.applied())
				}
				if err := l.of(m); len(err) != 1 || err[0] != nil {
					t.Errorf("done with %v", err)
				}
			})
		}
	}
}

// The newest is refused: the one before it is what the document must be.
func TestRefusedFallsBack(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	release := make(chan struct{})
	var first sync.Once
	f.during = func(string, step, mutation, int) { first.Do(func() { <-release }) }
	refusals := 0
	w := startWriter(t, testConfig(), f, l)
	f.mu.Lock()
	f.before = func(_ string, s step) error {
		if s == replace && refusals == 0 {
			refusals++
			return gocb.ErrValueTooLarge
		}
		return nil
	}
	f.mu.Unlock()
	w.submit(l.message("k", 1, `"1"`))
	time.Sleep(20 * time.Millisecond)
	w.submit(l.message("k", 2, `"2"`))
	w.submit(l.message("k", 3, `"3, too large"`))
	close(release)
	settled(t, l)
	is1(t, f, "k", `"2"`, 2)
	if len(l.refused) != 1 || !strings.Contains(l.refused["k@3"], "too large") {
		t.Errorf("dead letters: %v", l.refused)
	}
}

func TestFatalStops(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	f.before = func(string, step) error { return gocb.ErrAuthenticationFailure }
	w := startWriter(t, testConfig(), f, l)
	m := l.message("k", 5, `"x"`)
	w.submit(m)
	settled(t, l)
	if got := l.of(m); len(got) != 1 || !errors.Is(got[0], gocb.ErrAuthenticationFailure) || !strings.Contains(got[0].Error(), "SystemXattrWrite") {
		t.Errorf("done with %v", got)
	}
	if len(l.refused) != 0 {
		t.Error("a missing right made a dead letter")
	}
}

func TestForeign(t *testing.T) {
	for _, c := range []struct {
		foreign, body, want string
	}{
		{Overwrite, `"ours"`, `"ours"`}, {Keep, `"ours"`, `"theirs"`}, {Overwrite, "", ""}, {Keep, "", `"theirs"`},
	} {
		f, l := newFakeStore(), newLedger()
		f.put("k", entry{state: state{presence: live}, body: `"theirs"`})
		cfg := testConfig()
		cfg.Foreign = c.foreign
		w := startWriter(t, cfg, f, l)
		w.submit(l.message("k", 5, c.body))
		w.submit(l.message("k", 6, c.body))
		settled(t, l)
		if got := f.at("k").body; got != c.want {
			t.Errorf("%s: %q becomes %q", c.foreign, c.body, got)
		}
		if len(w.meter.foreign) != 1 {
			t.Errorf("%s: logged %d keys", c.foreign, len(w.meter.foreign))
		}
	}
}

func TestOneOperationPerKey(t *testing.T) {
	f, l := newFakeStore(), newLedger()
	var most atomic.Int32
	f.during = func(_ string, _ step, _ mutation, on int) {
		if int32(on) > most.Load() {
			most.Store(int32(on))
		}
		time.Sleep(100 * time.Microsecond)
	}
	w := startWriter(t, testConfig(), f, l)
	for i := range int64(300) {
		w.submit(l.message(fmt.Sprint("k", i%3), i, `"x"`))
	}
	settled(t, l)
	if most.Load() != 1 {
		t.Errorf("%d operations of one key at a time", most.Load())
	}
	for i := range int64(3) {
		is1(t, f, fmt.Sprint("k", i), `"x"`, 297+i)
	}
}

// startWriterUntil runs a writer until stop is closed.
func startWriterUntil(t testing.TB, cfg Config, s store, l *ledger, stop <-chan struct{}, ended *sync.WaitGroup) *writer {
	t.Helper()
	m, err := newMeter(nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(cfg, cfg.Documents, s, testLog(), m, l.refuse)
	ctx, cancel := context.WithCancel(context.Background())
	ended.Go(func() { w.run(ctx) })
	ended.Go(func() { <-stop; cancel() })
	return w
}
