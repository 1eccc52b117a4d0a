package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want class
	}{
		{io.EOF, away},
		{errors.New("panic in callback"), away},
		{kerr.CoordinatorNotAvailable, away},
		{fmt.Errorf("%w: dial: %w", errLost, io.EOF), away},
		{errLapsed, fenced},
		{fmt.Errorf("%w: %w", errLost, kerr.UnknownMemberID), fenced},
		{kerr.ProducerFenced, fenced},
		{kerr.IllegalGeneration, fenced},
		{fmt.Errorf("%w: %w", errLost, kerr.GroupAuthorizationFailed), refused},
		{kerr.UnknownTopicOrPartition, refused},
		{fmt.Errorf("x: %w", ErrRefetch), again},
		{fmt.Errorf("x: %w", ErrTooLarge), fatal},
		{kerr.MessageTooLarge, fatal},
		{kerr.OffsetOutOfRange, fatal},
		{fmt.Errorf("x: %w", Fatal(io.EOF)), fatal},
		{errors.Join(errEnded, Fatal(io.EOF)), fatal},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
	if Fatal(nil) != nil || !errors.Is(Fatal(io.EOF), io.EOF) {
		t.Error("Fatal does not wrap")
	}
}

// several is like goka's multierror.
type several []error

func (s several) Error() string          { return "several errors" }
func (s several) WrappedErrors() []error { return s }

func together(errs ...error) error { return several(errs) }

func TestRootCauseNamesNoKeys(t *testing.T) {
	over := fmt.Errorf("error processing message (partition=1): panic in callback: %v", errOver)
	async := errors.New("asynchronous error from callback: could not commit message with key 'a@b.c': x")
	decode := errors.New("error decoding message for key a@b.c from t/1: bad")
	for _, c := range []struct {
		err  error
		want string
	}{
		{together(over, async, decode), "error decoding message for key (hidden) from t/1: bad"},
		{together(over, async), "asynchronous error from callback: could not commit message with key (hidden): x"},
		{together(over, together(over, decode)), "error decoding message for key (hidden) from t/1: bad"},
		{errors.New(strings.Repeat("x", 1000)), strings.Repeat("x", longestText) + " ..."},
	} {
		if got := fmt.Sprint(rootCause(c.err)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if err := rootCause(together(over)); err != nil {
		t.Errorf("a session that is over is no cause: %v", err)
	}
}
