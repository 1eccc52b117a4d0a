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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	client := r.client(t, kgo.RetryTimeout(time.Second))
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "g", offsets); err == nil {
		t.Error("the commit was acknowledged")
	}
	if err := r.end(); !errors.Is(err, errDisk) {
		t.Errorf("the broker ended with %v", err)
	}
}

// EndTxn whose marker could not be written: not acknowledged, and the records
// are those of an aborted transaction after the restart.
func TestATransactionWhoseMarkerWasNotWrittenIsAborted(t *testing.T) {
	dir := t.TempDir()
	// Every batch rolls its segment, so the marker needs a new file.
	r := run(t, dir, nil)
	r.topic(t, "t", 1, map[string]string{"segment.bytes": "1"})
	client := r.client(t, kgo.TransactionalID("tx"), kgo.RetryTimeout(time.Second), kgo.RecordDeliveryTimeout(time.Second))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(dir, "partitions", "t-0", "1.dat")
	if err := os.Mkdir(marker, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err == nil {
		t.Error("the transaction was acknowledged")
	}
	client.Close()
	if err := r.end(); !errors.Is(err, errDisk) {
		t.Fatalf("the broker ended with %v", err)
	}
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}
	again := run(t, dir, nil)
	reader := again.client(t, kgo.ConsumeTopics("t"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	short, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer stop()
	if fetches := reader.PollFetches(short); fetches.NumRecords() > 0 {
		t.Error("a record of a transaction that was not acknowledged is read")
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
