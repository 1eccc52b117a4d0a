package restpoll

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"customer360/topology"
)

// set moves the wall clock of a time, and leaves its monotonic clock alone.
func set(t *testing.T, now time.Time, by time.Duration) time.Time {
	moved := now
	(*struct{ wall uint64 })(unsafe.Pointer(&moved)).wall += uint64(by/time.Second) << 30
	if moved.Sub(now) != 0 || moved.Round(0).Sub(now.Round(0)) != by {
		t.Fatal("package time keeps its clocks otherwise than it did")
	}
	return moved
}

// The wall clock is ahead for five minutes, in which every email is polled, and
// then right again: none waits longer than it would have.
func TestAClockThatIsAheadForAWhile(t *testing.T) {
	for _, jump := range []time.Duration{24 * time.Hour, 2 * time.Hour, 10 * time.Minute} {
		for name, clocks := range map[string]bool{"a wall clock": false, "a monotonic clock, too": true} {
			t.Run(fmt.Sprint(jump, ", ", name), func(t *testing.T) {
				c := newClock(t, nil)
				move := func(by time.Duration) { c.after(by) }
				if clocks {
					c.now = time.Now()
					c.s.budget = newBudget(1e6, 4)
					c.s.budget.share(c.now.Add(-time.Hour), 4)
					move = func(by time.Duration) { c.now = set(t, c.now, by) }
				}
				const n = 20
				c.own(0, emails(n, entry{Due: c.now.Add(5 * time.Minute).UnixMilli(), Answered: true, Status: 200}))
				c.only(0)
				move(jump)
				asked := 0
				for range 10 {
					asked += c.answer()
					c.after(30 * time.Second)
				}
				if asked != n {
					t.Fatalf("%d emails were polled while the clock was ahead", asked)
				}
				move(-jump)
				asked = 0
				for range 23 * 60 / 5 {
					asked += c.answer()
					c.after(5 * time.Second)
				}
				if asked < n || asked > 3*n {
					t.Errorf("%d polls of %d emails in one and a half intervals", asked, n)
				}
				if lag := c.s.counts(c.now).lag; lag > time.Minute {
					t.Errorf("the oldest has been due for %v", lag)
				}
			})
		}
	}
}

// answer starts what is due, and brings the answers at once.
func (c *clock) answer() int {
	c.t.Helper()
	jobs, _ := c.start()
	for _, j := range jobs {
		e := entry{Generation: 1, Poll: j.poll + 1, Answered: true, Status: 200, Due: nextDue(j.key, c.now.UnixMilli(), c.s.cfg.Interval)}
		c.s.done(c.now, j, healthy, time.Time{})
		c.s.decided(c.now, 0, topology.PollsTopic, j.key, 0, &decision{table: tableSet, entry: e})
	}
	return len(jobs)
}

// Behind a step back, all that is put into the agenda goes by its time.
func TestTheAgendaAfterAStepBack(t *testing.T) {
	c := newClock(t, nil)
	c.only(0)
	c.after(-time.Hour)
	c.only(0)
	c.own(0, map[string]entry{"recovered@x": {Due: c.now.Add(10 * time.Minute).UnixMilli(), Answered: true, Status: 200}})
	c.only(0)
	c.after(10 * time.Minute)
	j := c.only(1)[0]
	c.s.again(c.now, j, time.Minute)
	c.only(0)
	c.after(3 * time.Minute)
	if lag := c.s.counts(c.now).lag; lag != 2*time.Minute {
		t.Errorf("overdue for %v, want 2m", lag)
	}
	if j := c.only(1)[0]; j.overdue != 2*time.Minute {
		t.Errorf("the request was due for %v, want 2m", j.overdue)
	}
}

// How far the clock was set back is told by the monotonic one, however long ago
// the dispatcher asked.
func TestAStepBackWhileTheDispatcherSleeps(t *testing.T) {
	c := newClock(t, nil)
	now := time.Now()
	before := c.s.tick(now)
	after := c.s.tick(set(t, now.Add(30*time.Minute), -40*time.Minute))
	if passed := time.Duration(after-before) * time.Millisecond; passed.Round(time.Second) != 30*time.Minute {
		t.Errorf("%v have passed, want 30m", passed)
	}
}

// Times that come a little late, as goroutines have it, are no step back, and
// elapsed time is none either.
func TestSmallStepsDoNotAddUp(t *testing.T) {
	c := newClock(t, nil)
	for range 1000 {
		c.after(time.Second)
		c.start()
		c.after(-900 * time.Millisecond)
		c.start()
	}
	now := time.Now()
	for i := range 1000 {
		c.s.tick(now.Add(time.Duration(i) * time.Hour))
	}
	if c.s.ahead != 0 {
		t.Errorf("the agendas' time is %v ahead", c.s.ahead)
	}
}

// A silence that the store asked for has its length, whatever the wall clock does.
func TestSilenceIsElapsedTime(t *testing.T) {
	c := newClock(t, nil)
	now := time.Now()
	for asked, want := range map[time.Duration]time.Duration{30 * time.Second: 30 * time.Second, 48 * time.Hour: c.s.cfg.RetryAfterMax, -time.Hour: -time.Hour} {
		until := c.s.silence(now, now.Add(asked).Round(0)) // a header has no monotonic clock
		if left := until.Sub(set(t, now, -24*time.Hour)); left != want {
			t.Errorf("asked for %v, it is silent for %v", asked, left)
		}
	}
}

// An entry whose time no wait of ours explains was written by a clock that was
// ahead, however little. A Retry-After may explain more.
func TestDueTimesThatNoWaitExplains(t *testing.T) {
	for name, c := range map[string]struct {
		e           entry
		least, most time.Duration
	}{
		"an answer":         {entry{Status: 200, Due: start + (2 * time.Hour).Milliseconds()}, 7 * time.Minute, 23 * time.Minute},
		"an answer in time": {entry{Status: 304, Due: start + (22 * time.Minute).Milliseconds()}, 22 * time.Minute, 22 * time.Minute},
		"a 404":             {entry{Status: 404, Due: start + (3 * time.Hour).Milliseconds()}, 30 * time.Minute, 90 * time.Minute},
		"a 404 in time":     {entry{Status: 404, Due: start + (80 * time.Minute).Milliseconds()}, 80 * time.Minute, 80 * time.Minute},
		"a Retry-After":     {entry{Status: 503, Failures: 1, Due: start + time.Hour.Milliseconds()}, time.Hour, time.Hour},
		"orders' 404":       {entry{Status: 404, Failures: 1, Due: start + (24 * time.Hour).Milliseconds()}, 7 * time.Minute, 23 * time.Minute},
	} {
		c.e.Answered = true
		due := newClock(t, nil).s.due(time.UnixMilli(start), alice, &c.e)
		if wait := time.Duration(due-start) * time.Millisecond; wait < c.least || wait > c.most {
			t.Errorf("%s: asked for after %v, want %v to %v", name, wait, c.least, c.most)
		}
	}
}
