package engine

import (
	"context"
	"fmt"
	"time"
)

// drainSink waits for what is under way, but not for long: what is left is
// abandoned with the end of the session, and done again by the next owner.
func (s *session) drainSink() {
	for _, c := range s.claims {
		c.stop(false)
	}
	limit := time.Now().Add(s.inc.cfg.DrainTimeout)
	for {
		if s.allIdle() || s.over() || time.Now().After(limit) {
			return
		}
		_ = sleep(s.ctx, 5*time.Millisecond)
	}
}

func (s *session) allIdle() bool {
	for _, c := range s.claims {
		if !c.idle() {
			return false
		}
	}
	return true
}

func (s *session) commitSink(ctx context.Context) error {
	positions, any := s.moved()
	if !any {
		if s.allIdle() {
			s.inc.group.metrics.settled()
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.inc.cfg.SessionTimeout)
	defer cancel()
	if err := s.commitPlain(ctx, positions); err != nil {
		return fmt.Errorf("offsets: %w", err)
	}
	s.noteCommitted(positions)
	s.inc.group.metrics.settled()
	return nil
}
