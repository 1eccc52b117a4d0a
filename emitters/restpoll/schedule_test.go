package restpoll

import (
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
