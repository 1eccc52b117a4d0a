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

// keyInText is how goka writes keys into its errors.
var keyInText = regexp.MustCompile(`key ('[^']*'|\(.*?\)|\S+)`)

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
	case errors.Is(err, ErrTooLarge), is(err,
		kerr.MessageTooLarge, kerr.RecordListTooLarge, // a topic takes less than MaxRecordBytes
		kerr.OffsetOutOfRange,          // the log has lost what was not read: nothing is skipped silently
		kerr.InvalidTransactionTimeout, // transaction.max.timeout.ms is lower
		kerr.InvalidSessionTimeout,     // group.min.session.timeout.ms or its maximum
		kerr.InconsistentGroupProtocol, // the group's other members are something else
		kerr.InvalidRecord,             // a record without key for a compacted topic
		kerr.UnsupportedVersion, kerr.UnsupportedCompressionType, kerr.UnsupportedSaslMechanism):
		return fatal
	case errors.Is(err, ErrRefetch):
		return again
	case errors.Is(err, errState):
		return refused
	case errors.Is(err, errLapsed): // paused or cut off: others have taken over by now
		return fenced
	case is(err,
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.SaslAuthenticationFailed,
		kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException):
		return refused
	case is(err,
		// the coordinator knows a newer generation, or has forgotten us
		kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.FencedInstanceID, kerr.FencedMemberEpoch,
		// a newer producer took our transactional id, or a newer owner ended our transaction
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.TransactionAbortable,
		kerr.InvalidTxnState, kerr.OperationNotAttempted, kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber):
		return fenced
	}
	// Everything else is the way to the broker, the broker's state, a lost
	// membership, the disk, or a callback's panic: a new incarnation may get further.
	return away
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

// explain adds to an error of the broker what a person can do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return fmt.Errorf("records that this group had still to read are gone from the log (retention, or the topic was created anew); nothing is skipped silently: rebuild: %w", err)
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("the cluster refuses the user or the password: %w", err)
	case is(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed):
		return fmt.Errorf("the cluster refuses the access (check the ACLs of topics, group and transactional id): %w", err)
	case is(err, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID):
		return fmt.Errorf("a topic of this group does not exist, or may not be seen: %w", err)
	}
	return err
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
	text := keyInText.ReplaceAllString(err.Error(), "key (hidden)")
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "") + " ..."
	}
	return errors.New(text)
}
