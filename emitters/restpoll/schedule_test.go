package restpoll

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"customer360/topology"
)

// clock is a schedule with a time of its own, and what it has started.
type clock struct {
	t   *testing.T
	s   *schedule
	now time.Time
}

func newClock(t *testing.T, change func(*Config)) *clock {
	cfg := DefaultConfig()
	cfg.RequestsPerSecond, cfg.Concurrency = 1e6, 1000
	if change != nil {
		change(&cfg)
	}
	c := &clock{t: t, s: newSchedule(cfg, 4, func() float64 { return 0 }), now: time.UnixMilli(start)}
	c.s.budget.share(c.now.Add(-time.Hour), 4) // a full burst
	return c
}

// own recovers and opens a partition.
func (c *clock) own(partition int32, entries map[string]entry) {
	c.t.Helper()
	err := c.s.recovered(c.now, partition, 1, func(fn func(string, []byte) error) error {
		for key, e := range entries {
			if e.Generation == 0 {
				e.Generation = 1
			}
			if err := fn(key, e.append(nil)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.s.openAt(partition, 0)
	c.t.Cleanup(func() { c.s.revokeAll(c.now) })
}

// start starts everything that may start now.
func (c *clock) start() (jobs []job, wait time.Duration) {
	for {
		j, ok, wait := c.s.next(c.now)
		if !ok {
			return jobs, wait
		}
		jobs = append(jobs, j)
	}
}

// only starts what is due and checks how many that were.
func (c *clock) only(n int) []job {
	c.t.Helper()
	jobs, _ := c.start()
	if len(jobs) != n {
		c.t.Fatalf("%v: %d jobs started, want %d", c.now.Sub(time.UnixMilli(start)), len(jobs), n)
	}
	return jobs
}

func (c *clock) after(d time.Duration) { c.now = c.now.Add(d) }

func emails(n int, e entry) map[string]entry {
	entries := make(map[string]entry)
	for i := range n {
		entries[strconv.Itoa(i)+"@example.com"] = e
	}
	return entries
}

func TestBudgetIsSharedByPartitions(t *testing.T) {
	for owned, want := range map[int]int{1: 250, 2: 500, 4: 1000} {
		c := newClock(t, func(cfg *Config) { cfg.RequestsPerSecond, cfg.Concurrency = 100, 1e6 })
		for p := range owned {
			c.own(int32(p), emails(2000, entry{}))
		}
		started := 0
		for range 10_000 { // ten seconds
			jobs, _ := c.start()
			started += len(jobs)
			c.after(time.Millisecond)
		}
		if started < want*97/100 || started > want*103/100+5 {
			t.Errorf("%d of 4 partitions: %d requests in 10 s of a budget of 100 a second", owned, started)
		}
	}
}

func TestBudgetCountsFurtherRequests(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.RequestsPerSecond = 10 })
	for p := range int32(4) {
		c.own(p, emails(50, entry{}))
	}
	c.after(time.Second)
	started := 0
	var free time.Time // when the orders asked for may go out
	for range 10_000 {
		jobs, _ := c.start()
		for range jobs {
			free = c.now.Add(c.s.owe(c.now))
		}
		started += len(jobs)
		c.after(time.Millisecond)
	}
	if started < 48 || started > 52 || free.After(c.now.Add(200*time.Millisecond)) {
		t.Errorf("%d polls of two requests in 10 s of a budget of 10 a second", started)
	}
}

func TestConcurrencyLimit(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.Concurrency = 3 })
	c.own(0, emails(10, entry{}))
	jobs := c.only(3)
	c.only(0)
	c.s.done(c.now, jobs[0], healthy, time.Time{})
	c.only(1)
}

func TestEarliestFirstAndNewCustomersBeforeAll(t *testing.T) {
	c := newClock(t, nil)
	due := func(ms int64) entry { return entry{Due: start + ms, Answered: true} }
	c.own(0, map[string]entry{"b@x": due(-20), "d@x": due(5)})
	c.own(1, map[string]entry{"a@x": due(-30), "c@x": due(-10)})
	c.s.decided(c.now, 1, "documents", "new@x", 0, &decision{table: tableSet, entry: entry{Due: start + 999_999}}) // its writer's clock is wrong
	order := ""
	for _, j := range c.only(4) {
		order += j.key[:1]
	}
	if order != "nabc" {
		t.Errorf("order %q, want nabc", order)
	}
	if _, wait := c.start(); wait != 5*time.Millisecond {
		t.Errorf("the next is due in 5 ms, the dispatcher waits %v", wait)
	}
	c.after(5 * time.Millisecond)
	c.only(1)
}

// One email that fails does not hold up the others.
func TestFailingEmailWaitsAlone(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(2, entry{}))
	jobs := c.only(2)
	c.s.done(c.now, jobs[0], unhealthy, time.Time{})
	c.s.decided(c.now, 0, topology.PollsTopic, jobs[0].key, 0, &decision{table: tableSet, entry: entry{Due: start + 1000, Poll: 1, Failures: 1}})
	c.s.decided(c.now, 0, topology.PollsTopic, jobs[1].key, 1, &decision{table: tableSet, entry: entry{Due: start + 10, Poll: 1, Answered: true}})
	c.after(10 * time.Millisecond)
	if c.only(1)[0].key != jobs[1].key {
		t.Error("the failing email is asked for again at once")
	}
	c.after(990 * time.Millisecond)
	c.only(1)
}

func TestRetryAfterSilencesAll(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(5, entry{}))
	j, _, _ := c.s.next(c.now)
	c.s.done(c.now, j, unhealthy, c.now.Add(3*time.Second))
	if jobs, wait := c.start(); len(jobs) != 0 || wait != 3*time.Second {
		t.Errorf("%d jobs, waiting %v: the store asked for 3 s", len(jobs), wait)
	}
	if !c.s.counts(c.now).silent {
		t.Error("nobody is told")
	}
	c.after(3 * time.Second)
	c.only(4)
	if got := c.s.silence(c.now, c.now.Add(1000*time.Hour)); got != c.now.Add(time.Hour) {
		t.Errorf("a Retry-After of 1000 h is taken as %v", got.Sub(c.now))
	}
}

func TestCircuit(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures, cfg.Concurrency = 5, 5 })
	c.own(0, emails(1000, entry{}))
	fail := func(j job) change { return c.s.done(c.now, j, unhealthy, time.Time{}) }
	jobs := c.only(5)
	for i, j := range jobs {
		if got := fail(j); (got == circuitOpened) != (i == 4) {
			t.Errorf("failure %d: %v", i+1, got)
		}
	}
	requests, last := 0, c.now
	var gaps []time.Duration
	for range 10 * 60 * 100 { // ten minutes in which the store is down
		jobs, _ := c.start()
		if len(jobs) > 1 {
			t.Fatalf("%d probes at once", len(jobs))
		}
		for _, j := range jobs {
			requests++
			gaps, last = append(gaps, c.now.Sub(last)), c.now
			fail(j)
		}
		c.after(10 * time.Millisecond)
	}
	if requests > 26 || requests < 20 || gaps[0] != time.Second || gaps[1] != 2*time.Second || gaps[len(gaps)-1] != 30*time.Second {
		t.Errorf("%d probes in 10 minutes, %v apart", requests, gaps)
	}
	// It recovers with the first success, and everything goes on.
	c.after(30 * time.Second)
	probe := c.only(1)[0]
	c.only(0)
	if got := c.s.done(c.now, probe, healthy, time.Time{}); got != circuitClosed {
		t.Error("the circuit stays open")
	}
	c.only(5)
}

func TestCircuitForgetsAbandonedProbe(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 1 })
	c.own(0, emails(3, entry{}))
	j, _, _ := c.s.next(c.now)
	c.s.done(c.now, j, unhealthy, time.Time{})
	c.after(time.Second)
	probe := c.only(1)[0]
	c.s.done(c.now, probe, unknown, time.Time{})
	c.only(1)
}

func TestPartialFailuresKeepTheCircuitClosed(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 5 })
	c.own(0, emails(100, entry{}))
	for i, j := range c.only(100) {
		v := unhealthy
		if i%5 == 4 {
			v = healthy
		}
		if c.s.done(c.now, j, v, time.Time{}) != circuitKept {
			t.Fatal("the circuit opens though every fifth poll succeeds")
		}
	}
}

func TestFreeze(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, map[string]entry{"old@x": {Answered: true}, "new@x": {}})
	c.s.productsReady()
	c.s.productSeen([]byte("100"))
	c.s.freeze()
	if jobs := c.only(1); jobs[0].key != "new@x" {
		t.Errorf("%s starts", jobs[0].key)
	}
	if n := c.s.counts(c.now); n.wanted-n.answered != 1 {
		t.Errorf("%d unanswered", n.wanted-n.answered)
	}
	c.s.decided(c.now, 0, topology.PollsTopic, "new@x", 0, &decision{table: tableSet, entry: entry{Poll: 1, Answered: true}})
	if n := c.s.counts(c.now); n.wanted-n.answered != 0 {
		t.Errorf("%d unanswered after the answer", n.wanted-n.answered)
	}
	c.only(0)
}

func TestRevokeAbandonsRequests(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(1, entry{}))
	j := c.only(1)[0]
	c.s.revoked(c.now, 0)
	if j.ctx.Err() != context.Canceled {
		t.Error("the request goes on")
	}
	c.s.again(c.now, j, 0) // its result could not be written: no longer ours
	c.s.done(c.now, j, unknown, time.Time{})
	c.only(0)
	c.own(0, emails(1, entry{})) // it comes back
	c.s.again(c.now, j, 0)
	c.only(1)
}

// A processor that was replaced recovers again, without a revoke between.
func TestRecoveryAbandonsFormerRequests(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(1, entry{}))
	j := c.only(1)[0]
	c.own(0, emails(1, entry{}))
	if j.ctx.Err() != context.Canceled {
		t.Error("the request goes on")
	}
	c.only(1)
}

func TestLostResultIsAskedAgain(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(1, entry{Poll: 7}))
	j := c.only(1)[0]
	c.s.again(c.now, j, time.Second)
	c.only(0)
	c.after(time.Second)
	if c.only(1)[0].poll != 7 {
		t.Error("another poll")
	}
}

// Results that lay in Kafka at the recovery come before requests.
func TestPartitionOpensBehindOldResults(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(1, entry{}))
	c.s.revoked(c.now, 0)
	err := c.s.recovered(c.now, 0, 1, func(fn func(string, []byte) error) error {
		e := entry{Generation: 1}
		return fn("a@x", e.append(nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	if all, unmarked := c.s.closed(); all != 1 || len(unmarked) != 1 {
		t.Errorf("%d closed, %d without a mark", all, len(unmarked))
	}
	nothing := decision{}
	c.s.decided(c.now, 0, topology.PollsTopic, "other@x", 8, &nothing)
	c.s.openAt(0, 10)
	c.only(0)
	c.s.decided(c.now, 0, "documents", "other@x", 99, &nothing)
	c.only(0)
	c.s.decided(c.now, 0, topology.PollsTopic, "other@x", 9, &nothing)
	c.only(1)

	c.after(time.Millisecond) // the budget starts with a single request
	_ = c.s.recovered(c.now, 1, 1, func(fn func(string, []byte) error) error {
		e := entry{Generation: 1}
		return fn("b@x", e.append(nil))
	})
	c.s.decided(c.now, 1, topology.PollsTopic, "other@x", 9, &nothing) // before the mark is known
	c.s.openAt(1, 10)
	c.only(1)

	_ = c.s.recovered(c.now, 2, 1, func(fn func(string, []byte) error) error {
		e := entry{Generation: 1}
		return fn("c@x", e.append(nil))
	})
	c.s.openAt(2, 10)
	c.s.openOld(c.now)
	c.only(0)
	c.after(time.Millisecond)
	c.s.openOld(c.now)
	c.only(1)
}

// rebuild_does_not_poll, on the agenda's side: older entries wait for the
// document that confirms them.
func TestOlderGenerationIsParked(t *testing.T) {
	c := newClock(t, nil)
	err := c.s.recovered(c.now, 0, 2, func(fn func(string, []byte) error) error {
		e := entry{Generation: 1, Due: start - 1, Answered: true}
		return fn("a@x", e.append(nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	c.t.Cleanup(func() { c.s.revokeAll(c.now) })
	c.s.openAt(0, 0)
	c.only(0)
	if n := c.s.counts(c.now); n.parked != 1 || n.wanted != 1 || n.answered != 1 {
		t.Errorf("%+v", n)
	}
	confirmed := decision{table: tableSet, entry: entry{Generation: 2, Due: start + 1000, Answered: true}}
	c.s.decided(c.now, 0, "documents", "a@x", 0, &confirmed)
	c.only(0)
	c.after(time.Second)
	c.only(1)
}

func TestDueTimesOfAWrongClock(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, map[string]entry{"a@x": {Due: start + 1<<40, Answered: true}})
	c.after(23 * time.Minute)
	c.only(1)
}

func TestProductsYieldButAreNotStarved(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(200, entry{}))
	c.s.productSeen([]byte("100"))
	c.s.productSeen([]byte("100"))
	c.s.productSeen([]byte("200"))
	c.only(200) // what is published already is not known yet
	c.s.productsReady()
	c.s.productKnown("200")
	if jobs := c.only(1); jobs[0].agenda != nil || jobs[0].key != "100" {
		t.Fatalf("%+v", jobs[0])
	}
	c.own(1, emails(200, entry{}))
	c.s.productSeen([]byte("300"))
	at := -1
	for i, j := range c.only(201) {
		if j.agenda == nil {
			at = i
		}
	}
	if at < 1 || at > productShare {
		t.Errorf("the product is request %d", at)
	}
}

func TestProductsWaitForTheStore(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 1 })
	c.own(0, emails(1, entry{}))
	j := c.only(1)[0]
	c.s.done(c.now, j, unhealthy, time.Time{})
	c.s.productsReady()
	c.s.productSeen([]byte("100"))
	c.after(time.Hour)
	c.only(0)
}

func TestUnknownProduct(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 1 })
	c.s.productsReady()
	c.s.productSeen([]byte("999"))
	requests := 0
	for range 3600 {
		jobs, _ := c.start()
		for _, j := range jobs {
			requests++
			c.s.productFailed(c.now, j.key)
			if c.s.done(c.now, j, unknown, time.Time{}) != circuitKept {
				t.Fatal("an unknown product opens the circuit")
			}
		}
		c.s.productSeen([]byte("999"))
		c.after(time.Second)
	}
	if requests != 3 {
		t.Errorf("%d requests for an unknown product", requests)
	}
}

func TestEntityTagsAreBounded(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.EntityTags = 3 })
	c.own(0, nil)
	for i := range 5 {
		key := fmt.Sprint(i, "@x")
		c.s.decided(c.now, 0, topology.PollsTopic, key, 0, &decision{table: tableSet, tags: tags{Details: "d", Orders: "o"}, entry: entry{Due: start, Answered: true}})
	}
	tagged := 0
	for _, j := range c.only(5) {
		tagged += btoi(j.tags != tags{})
	}
	if tagged != 3 {
		t.Errorf("%d emails are asked for conditionally, the limit is 3", tagged)
	}
}
