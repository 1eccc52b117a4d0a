package restpoll

import (
	"testing"
	"time"
)

func TestRetryAfterSilencesAll(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(5, entry{}))
	j, _, _ := c.s.next(c.now)
	c.s.done(c.now, j, unhealthy, c.now.Add(3*time.Second))
	if jobs, wait := c.start(); len(jobs) != 0 || wait != 3*time.Second {
		t.Errorf("%d jobs, waiting %v: the store asked for 3 s", len(jobs), wait)
	}
	if c.s.counts(c.now).silent.IsZero() {
		t.Error("nobody is told")
	}
	c.after(3 * time.Second)
	for i, j := range c.only(4) { // a long one is told once
		if got := c.s.done(c.now, j, unknown, c.now.Add(time.Duration(20+i)*time.Second)); (got == circuitSilent) != (i == 0) {
			t.Errorf("pause %d: %v", i, got)
		}
	}
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
