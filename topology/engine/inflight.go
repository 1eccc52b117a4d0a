package engine

// admit waits until a sink may have one more message under way: all of those
// behind one that is not done count, so that memory is bounded. False: the
// session is over, or ends.
func (c *claim) admit(d *delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended && !c.draining && c.inFlight > 0 &&
		(c.inFlight >= c.maxInFlight || c.inFlightBytes+int(d.size) > c.maxInFlightBytes) {
		c.changed.Wait()
	}
	if c.ended || c.draining {
		return false
	}
	c.inFlight++
	c.inFlightBytes += int(d.size)
	d.pending.Store(1)
	return true
}

// finish marks a sink's message as done and moves the position past all done
// ones at the head.
func (c *claim) finish(d *delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.done = true
	if c.ended {
		return // abandoned: too late to count
	}
	moved := false
	for {
		for c.headAt == len(c.head.deliveries) {
			if c.head.next == nil {
				break
			}
			c.head, c.headAt = c.head.next, 0
		}
		if c.headAt == len(c.head.deliveries) || !c.head.deliveries[c.headAt].done {
			break
		}
		h := &c.head.deliveries[c.headAt]
		c.pass(h)
		c.headAt++
		c.inFlight--
		c.inFlightBytes -= int(h.size)
		moved = true
	}
	if moved {
		c.changed.Broadcast()
	}
}
