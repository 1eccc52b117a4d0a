package engine

import (
	"errors"
	"fmt"
	"io"
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
		{errLapsed, away},
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
