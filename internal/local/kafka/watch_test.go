package kafka

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kfake answers a commit whose entry it could not write as done.
func TestACommitThatWasNotWrittenIsNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "t", 1, nil)
	groups := filepath.Join(dir, "groups.log")
	if err := errors.Join(os.Remove(groups), os.Mkdir(groups, 0o755)); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 7, -1)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	client := r.client(t, kgo.RetryTimeout(200*time.Millisecond))
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "g", offsets); err == nil {
		t.Error("the commit was acknowledged")
	}
	if err := r.end(); !errors.Is(err, errDisk) {
		t.Errorf("the broker ended with %v", err)
	}
}

func TestOtherWarningsEndNothing(t *testing.T) {
	cut := false
	w := newWatch(discardLog(), func() { cut = true })
	w.arm()
	w.Logf(kfake.LogLevelWarn, "OffsetCommit STALE: group=%s", "g")
	w.Logf(kfake.LogLevelInfo, "persist batch %s", "not a warning")
	if cut || len(w.failed) > 0 {
		t.Error("a harmless line ended the broker")
	}
}
