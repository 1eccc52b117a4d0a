package restpoll

import (
	"context"
	"net/http"
	"time"
)

// begin sets the context that ends all agendas' requests.
func (s *schedule) begin(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = ctx
	s.flight, s.circuit.probing = 0, false // of a former run
}

// recovered makes the agenda of a partition anew from its table. The agenda
// asks for nothing before it is opened.
func (s *schedule) recovered(now time.Time, partition int32, generation int, each func(fn func(key string, value []byte) error) error) error {
	s.mu.Lock()
	base, ahead := s.base, s.ahead.Milliseconds()
	s.mu.Unlock()
	a := newAgenda(base, now, partition)
	var e entry
	err := each(func(key string, value []byte) error {
		if err := e.decode(value); err != nil {
			return err
		}
		a.put(key, plan{due: s.due(now, key, &e) + ahead, poll: e.Poll, answered: e.Answered, parked: e.Generation < generation})
		return nil
	})
	if err != nil {
		a.cancel()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.agendas[partition]; old != nil {
		old.cancel()
	}
	s.agendas[partition] = a
	s.budget.share(now, len(s.agendas))
	return nil
}

// revoked forgets a partition and abandons its requests.
func (s *schedule) revoked(now time.Time, partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agendas[partition]; a != nil {
		a.cancel()
		delete(s.agendas, partition)
		s.budget.share(now, len(s.agendas))
	}
}

// revokeAll is revoked for all of them.
func (s *schedule) revokeAll(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, a := range s.agendas {
		a.cancel()
		delete(s.agendas, p)
	}
	s.budget.share(now, 0)
}

// first says whether the email has not been asked for yet: that is due at once,
// whatever the clock of who wrote the document says.
func first(e *entry) bool { return !e.Answered && e.Failures == 0 }

// due is when to ask by our clock. The entry's time is by the clock of whoever
// polled last, which may be hours ahead.
func (s *schedule) due(now time.Time, key string, e *entry) int64 {
	interval := s.cfg.Interval
	if e.Status == http.StatusNotFound {
		interval = s.cfg.NotFoundInterval
	}
	// No due time of ours lies later, unless a clock was wrong or the intervals
	// were longer in the former configuration.
	latest := 3 * interval / 2
	switch {
	case first(e):
		return min(e.Due, now.UnixMilli())
	case e.Failures > 0 && e.Status == 0:
		// There was no response, so no Retry-After: it is our own backoff, and the
		// customer may still wait for a first answer.
		return min(e.Due, now.Add(backoff(key, e.Failures, s.cfg.RetryBackoff, s.cfg.RetryBackoffMax)).UnixMilli())
	case e.Failures > 0: // maybe with a Retry-After
		interval = s.cfg.Interval
		latest = s.cfg.RetryAfterMax + 3*max(s.cfg.Interval, s.cfg.NotFoundInterval, s.cfg.RetryBackoffMax)/2
	}
	if e.Due > now.Add(latest).UnixMilli() {
		return nextDue(key, now.UnixMilli(), interval)
	}
	return e.Due
}

// closed are the partitions that are not open, and those of them that do not
// know yet how far they have to read.
func (s *schedule) closed() (all int, unmarked []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, a := range s.agendas {
		if a.open {
			continue
		}
		all++
		if a.until == 0 {
			unmarked = append(unmarked, p)
		}
	}
	return all, unmarked
}

// openAt opens a partition: now where until is 0, else once the callback has
// read onlinestore.polls up to that offset.
func (s *schedule) openAt(partition int32, until int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agendas[partition]; a != nil && !a.open {
		a.open, a.until = a.read >= until, until
		s.stir()
	}
}

// openOld opens partitions that were recovered before then, whatever they wait
// for: a request too many is better than none.
func (s *schedule) openOld(then time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.agendas {
		if !a.open && a.born.Before(then) {
			a.open = true
			s.stir()
		}
	}
}

// decided brings the agenda up to what the callback did.
func (s *schedule) decided(now time.Time, partition int32, topic, key string, offset int64, d *decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agendas[partition]
	if a == nil {
		return
	}
	if topic == s.polls && !a.open {
		a.read = offset + 1
		a.open = a.until > 0 && a.read >= a.until
	}
	switch d.table {
	case tableRemove:
		a.remove(key)
		s.stir()
	case tableSet:
		p := plan{due: s.due(now, key, &d.entry) + s.ahead.Milliseconds(), poll: d.entry.Poll, answered: d.entry.Answered}
		if d.tags != (tags{}) && a.tagged < s.cfg.EntityTags/len(s.agendas) {
			kept := d.tags // not a pointer into d, which would keep all of it
			p.tags = &kept
		}
		a.put(key, p)
		s.stir()
	}
}

// counts is what the agendas hold.
type counts struct {
	wanted, answered, parked, flight int
	lag                              time.Duration // of the email that is overdue longest
	circuitOpen                      bool
	silent                           time.Time // in the future, or zero
	partitions, opened               int
}

func (s *schedule) counts(now time.Time) counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := counts{flight: s.flight, circuitOpen: s.circuit.open, partitions: len(s.agendas)}
	if now.Before(s.silent) {
		c.silent = s.silent
	}
	for _, a := range s.agendas {
		c.wanted += len(a.index)
		c.answered += a.answered
		c.opened += btoi(a.open)
		c.parked += a.parked
		for p := placeFirst; p <= placeRepeat; p++ {
			if it, ok := a.next(p); ok {
				c.lag = max(c.lag, time.Duration(s.at(now)-it.due)*time.Millisecond)
			}
		}
	}
	return c
}
