package restpoll

import (
	"context"
	"fmt"
	"testing"
	"time"

	"customer360/topology"
)

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

// Whoever polled last without a response had a clock an hour ahead: the customer
// is asked for again after the backoff by ours, whether the entry lay in the table
// or comes with a message.
func TestBackoffByAClockThatIsAhead(t *testing.T) {
	for _, way := range []string{"table", "message"} {
		c := newClock(t, nil)
		e := entry{Generation: 1, Poll: 7, Failures: 2, Due: c.now.Add(time.Hour).UnixMilli()}
		if way == "table" {
			c.own(0, map[string]entry{"a@x": e})
		} else {
			c.own(0, nil)
			c.s.decided(c.now, 0, topology.PollsTopic, "a@x", 1, &decision{table: tableSet, entry: e})
		}
		c.only(0)
		c.after(backoff("a@x", 2, c.s.cfg.RetryBackoff, c.s.cfg.RetryBackoffMax))
		c.only(1)
		// A store that answered may have asked for a long silence.
		e.Status, e.Poll = 503, 8
		c.s.decided(c.now, 0, topology.PollsTopic, "b@x", 2, &decision{table: tableSet, entry: e})
		c.after(30 * time.Minute)
		c.only(0)
	}
}
