package chaos

import (
	"context"
	"fmt"
	"io"
	"time"
)

// RunStack plays the plan on real source systems. The error is of something that
// did not work, or of a document that is wrong, which the report has too. notes
// gets a line for each fault.
func RunStack(ctx context.Context, cfg StackConfig, notes io.Writer) (StackReport, error) {
	s, err := newStackRun(cfg, notes)
	if err != nil {
		return StackReport{}, err
	}
	s.report.Seconds = cfg.Length.Seconds()
	err = s.stackCourse(ctx)
	if ended := s.end(); err == nil {
		err = ended
	}
	s.report.Faults = s.faults
	return s.report, err
}

// between checkpoints there are at most that many seconds of faults.
const spell = 3 * time.Minute

func (s *stackRun) stackCourse(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.checkpoint(ctx, "start"); err != nil {
		return err
	}
	steps := stackPlan(s.cfg.Seed, s.cfg.Length)
	for from := time.Duration(0); from < s.cfg.Length; from += spell {
		to := min(from+spell, s.cfg.Length)
		var part []step
		for _, f := range steps {
			if f.At >= from && f.At < to {
				f.At -= from
				part = append(part, f)
			}
		}
		if err := s.strikeStack(ctx, part, to-from); err != nil {
			return err
		}
		if err := s.checkpoint(ctx, fmt.Sprintf("after %v", to)); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}
