package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	// ErrTooLarge: a record over MaxRecordBytes. The broker would refuse it,
	// the transaction would abort, and it would come back for ever; so it ends
	// the group. Callbacks ask Config.Fits first.
	ErrTooLarge = errors.New("record too large")

	// ErrRefetch: a sink's callback found its record too old to act on. The
	// incarnation is replaced without delay and fetches again from the commit.
	ErrRefetch = errors.New("the record must be fetched again")

	errOver   = errors.New("the session is over")
	errLost   = errors.New("the membership is lost")
	errEnded  = errors.New("the partition's goroutine has ended") // a panic, a codec
	errLapsed = errors.New("no heartbeat was answered within the session timeout")
)

// keyInText is how goka writes keys into its errors. A quote in a key does not
// end it: rather too much of the line is cut out.
var keyInText = regexp.MustCompile(`key ('.*'|\(.*?\)|\S+)`)

func withoutKeys(text string) string { return keyInText.ReplaceAllString(text, "key (hidden)") }

// Fatal marks an error that no new incarnation can mend: Run ends with it.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &fatalError{err}
}

type fatalError struct{ error }

func (f *fatalError) Unwrap() error { return f.error }

func fatalf(format string, args ...any) error { return Fatal(fmt.Errorf(format, args...)) }

// class says what the supervisor does about the end of an incarnation.
type class int

const (
	// away: retried for ever with growing delay; said once.
	away class = iota
	// fenced: another process holds our transactional id, or the generation
	// went on without us. A new incarnation starts clean.
	fenced
	// again: nothing is wrong, start over at once.
	again
	// refused: wrong names or rights. They may be on their way (a topic just
	// created, an ACL being granted), so a few attempts, then fatal.
	refused
	// fatal: Run ends.
	fatal
)

func (c class) String() string {
	return [...]string{"retriable", "fenced", "refetch", "refused", "fatal"}[c]
}

// stubbornAttempts in a row end Run; with the backoff that is some 10 s.
const stubbornAttempts = 8

// classify sorts an error by what can be done about it.
func classify(err error) class {
	if f := (*fatalError)(nil); errors.As(err, &f) {
		return fatal
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return fatal
	case errors.Is(err, ErrRefetch):
		return again
	case errors.Is(err, errState):
		return refused
	case errors.Is(err, errLapsed): // paused or cut off: others have taken over by now
		return fenced
	}
	// What is no answer of a broker is the way to it, a lost membership, the disk,
	// or a callback's panic: a new incarnation may get further.
	return reactionTo(err).class
}

func is(err error, kinds ...*kerr.Error) bool {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// retriable says whether one request may be repeated as it is.
func retriable(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		(kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || errors.Is(err, kerr.ConcurrentTransactions))
}

// rootCause picks from what goka reports at the end of a session the error
// that began it: not those of callbacks that found the session over, nor of
// emits that were broken off. goka's texts may name keys, which are no business
// of a log: they are cut out.
func rootCause(err error) error {
	var list interface{ WrappedErrors() []error }
	if !errors.As(err, &list) {
		return short(err)
	}
	var other error
	for _, e := range list.WrappedErrors() {
		switch text := e.Error(); {
		case strings.Contains(text, errOver.Error()):
		case strings.Contains(text, "asynchronous error from callback"):
			other = e
		default:
			return rootCause(e)
		}
	}
	return short(other)
}

const longestText = 400

func short(err error) error {
	if err == nil {
		return nil
	}
	text := withoutKeys(err.Error())
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "") + " ..."
	}
	return errors.New(text)
}
