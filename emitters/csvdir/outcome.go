package csvdir

import (
	"errors"
	"fmt"
	"time"
)

// outcome is what a settled entry means to who asked for the import.
func (j *job) outcome() error { return outcome(&j.entry, j.follower.mark()) }

// outcome says what happened to the file and what can be done; mark is the
// newest import, nil where there is none.
func outcome(e, mark *File) error {
	overtaken := ""
	if mark != nil && mark.compare(e) > 0 {
		overtaken = fmt.Sprintf("%s of %s was imported since", mark.Name, day(mark.Modified()))
	}
	switch {
	case e.Phase == Held && overtaken != "":
		return fmt.Errorf("%w: %s was held (%s) and %s, so that there is nothing to accept any more; %s",
			ErrOlder, e.Name, e.Reason, overtaken, makeNewest)
	case e.Phase == Held:
		return fmt.Errorf("%w: %s: %s. If that is right: customer360 import --accept %s (of a file that is not in the folder: --accept FILE)", ErrHeld, e.Name, e.Reason, e.ShortHash())
	case e.Phase == Failed:
		return fmt.Errorf("%w: %s: %s", ErrFailed, e.Name, e.Reason)
	case e.Phase == Done && overtaken != "":
		return fmt.Errorf("%w: %s was imported at %s, and %s: nothing was written; %s",
			ErrAlready, e.Name, day(e.Time), overtaken, makeNewest)
	case e.Phase == Done:
		return fmt.Errorf("%w: %s was imported at %s with %d rows, and nothing newer since: nothing was written",
			ErrAlready, e.Name, day(e.Time), e.Rows)
	case e.Phase == Unchanged:
		return fmt.Errorf("%w: %s has the content of the last import: nothing was written, only its newer time was noted", ErrAlready, e.Name)
	}
	return fmt.Errorf("%w: %s: %s; %s", ErrOlder, e.Name, e.Reason, makeNewest)
}

// makeNewest is the way out for a file that time has passed over.
const makeNewest = "if its content is to count after all, make it the newest (touch FILE) and import it again"

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// decided says that the error is a decision about the file, not a fault.
func decided(err error) bool {
	return err == nil || errors.Is(err, ErrHeld) || errors.Is(err, ErrFailed) || errors.Is(err, ErrOlder) || errors.Is(err, ErrAlready)
}
