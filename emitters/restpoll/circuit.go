package restpoll

import "time"

// circuit notices that the store is down as a whole: after enough polls in a
// row that failed, it lets one request through at a time, at growing
// intervals, until one succeeds. The scheduler's lock guards it.
type circuit struct {
	threshold  int
	first, max time.Duration
	jitter     func() float64 // in [0, 1)

	failures int // in a row
	open     bool
	probing  bool
	wait     time.Duration // before the next probe
	next     time.Time     // of the next probe
}

// allow says whether a request may start now, or when to ask again; zero:
// after the probe under way has ended.
func (c *circuit) allow(now time.Time) (bool, time.Duration) {
	switch {
	case !c.open:
		return true, 0
	case c.probing:
		return false, 0
	case now.Before(c.next):
		return false, c.next.Sub(now)
	}
	return true, 0
}

// started tells it that a request does start.
func (c *circuit) started() {
	if c.open {
		c.probing = true
	}
}

// abandoned ends a request that proved nothing.
func (c *circuit) abandoned() { c.probing = false }

func (c *circuit) success() { c.failures, c.open, c.probing, c.wait = 0, false, false, 0 }

func (c *circuit) failure(now time.Time) {
	c.failures++
	switch {
	case !c.open && c.failures >= c.threshold:
		c.open, c.wait = true, c.first
	case !c.open || !c.probing:
		// Requests that started before it opened are no probes.
		return
	default:
		c.wait = min(2*c.wait, c.max)
	}
	c.probing = false
	c.next = now.Add(c.wait - time.Duration(c.jitter()*float64(c.wait)/2))
}
