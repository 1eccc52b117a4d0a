package kafka

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fold reads partition 0 of a topic, read_committed, and returns the last value
// of every key and how many records it met.
func (r running) fold(t *testing.T, topic string, from int64) (last map[string]string, n int) {
	t.Helper()
	client := r.client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(from)}}))
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	last = map[string]string{}
	for next := from; next < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s at %d of %d: %v", topic, next, end.Offset, err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			next = record.Offset + 1
			if record.Attrs.IsControl() {
				return
			}
			n++
			if last[string(record.Key)] = string(record.Value); record.Value == nil {
				delete(last, string(record.Key))
			}
		})
	}
	return last, n
}

// fill writes a random history of commits, aborts and plain records over few
// keys, and returns what is true at its end.
func fill(t *testing.T, r running, topic string, rounds int) map[string]string {
	t.Helper()
	ctx := context.Background()
	dice := rand.New(rand.NewPCG(1, uint64(rounds)))
	tx := r.client(t, kgo.TransactionalID("tx"+topic), kgo.DefaultProduceTopic(topic))
	plain := r.client(t, kgo.DefaultProduceTopic(topic))
	defer tx.Close()
	defer plain.Close()
	truth := map[string]string{}
	for round := range rounds {
		client, commit := plain, true
		if dice.IntN(3) > 0 {
			client, commit = tx, dice.IntN(3) > 0
			if err := tx.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
		}
		var records []*kgo.Record
		for k := range 1 + dice.IntN(20) {
			record := &kgo.Record{Key: fmt.Append(nil, "key", dice.IntN(50)), Value: fmt.Append(nil, round, "-", k, noise(dice)),
				Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
			if dice.IntN(6) == 0 {
				record.Value = nil
			}
			records = append(records, record)
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if client == tx {
			if err := tx.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
				t.Fatal(err)
			}
		}
		if commit {
			for _, record := range records {
				if truth[string(record.Key)] = string(record.Value); record.Value == nil {
					delete(truth, string(record.Key))
				}
			}
		}
	}
	return truth
}

// noise does not compress.
func noise(dice *rand.Rand) string {
	b := make([]byte, 300)
	for k := range b {
		b[k] = byte(dice.Uint32())
	}
	return string(b)
}

func cleanNow(t *testing.T, dir string) int64 {
	t.Helper()
	freed, err := cleaner{dir: dir, now: time.Now}.clean(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return freed
}

func TestCompactionKeepsTheLastOfEveryKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, dir, nil)
	compacted := map[string]string{"cleanup.policy": "compact", "segment.bytes": "20000"}
	r.topic(t, "t", 1, compacted)
	// Aborted, without a later record of their keys: at offset 0, and without key.
	tx := r.client(t, kgo.TransactionalID("first"), kgo.DefaultProduceTopic("t"))
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(context.Background(), kgo.KeyStringRecord("aborted", "v"), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tx.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	tx.Close()
	truth := fill(t, r, "t", 600)
	_, end := r.ends(t, "t")
	_, before := r.fold(t, "t", 0)
	r.end()
	if freed := cleanNow(t, dir); freed < 1<<20 {
		t.Errorf("%d bytes freed", freed)
	}
	for _, how := range []string{"in order", "as after kill -9"} {
		r = run(t, dir, nil)
		last, n := r.fold(t, "t", 0) // from 0: the log's start has not moved
		if !maps.Equal(last, truth) {
			t.Errorf("%s: other values than before", how)
		}
		if n > before/10 {
			t.Errorf("%s: %d of %d records are left", how, n, before)
		}
		if start, e := r.ends(t, "t"); start != 0 || e != end {
			t.Errorf("%s: the log is %d to %d, was 0 to %d", how, start, e, end)
		}
		r.end()
		removeSnapshots(t, dir)
	}
	// And again, over what was written since.
	r = run(t, dir, nil)
	maps.Copy(truth, fill(t, r, "t", 601))
	last, _ := r.fold(t, "t", 0)
	r.end()
	cleanNow(t, dir)
	r = run(t, dir, nil)
	if again, _ := r.fold(t, "t", 0); !maps.Equal(again, last) {
		t.Error("a second compaction changed values")
	}
}

// The open transaction overwrites a key and is aborted after the cleaning: the
// committed value must still be there.
func TestAnOpenTransactionSurvivesTheCleaningAndTakesNothingWithIt(t *testing.T) {
	t.Parallel()
	for _, commit := range []bool{false, true} {
		dir := t.TempDir()
		r := run(t, dir, func(c *Config) { c.CompactEvery = 600 * time.Millisecond })
		r.topic(t, "t", 1, map[string]string{"cleanup.policy": "compact"})
		truth := fill(t, r, "t", 500)
		ctx := context.Background()
		client := r.client(t, kgo.TransactionalID("open"), kgo.DefaultProduceTopic("t"))
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		// Two batches: the last one of a log is never compacted.
		for _, key := range []string{"key1", "key3"} {
			if err := client.ProduceSync(ctx, kgo.KeyStringRecord(key, "open")).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		memory := cleaner{dir: dir, now: time.Now}
		for begin := memory.remembered().At; memory.remembered().At.Equal(begin); time.Sleep(5 * time.Millisecond) {
		}
		if err := client.ProduceSync(ctx, kgo.KeyStringRecord("key2", "open")).FirstErr(); err != nil {
			t.Fatalf("producing in the transaction after the cleaning: %v", err)
		}
		if err := client.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
			t.Fatalf("ending the transaction after the cleaning: %v", err)
		}
		if commit {
			truth["key1"], truth["key2"], truth["key3"] = "open", "open", "open"
		}
		last, _ := r.fold(t, "t", 0)
		if !maps.Equal(last, truth) {
			t.Errorf("commit=%v: other values than expected", commit)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	}
}

func TestYoungRecordsAndTombstonesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "lag", 1, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"})
	r.topic(t, "gone", 1, map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"})
	r.topic(t, "kept", 1, map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "3600000"})
	for _, topic := range []string{"lag", "gone", "kept"} {
		fill(t, r, topic, 600)
	}
	_, lag := r.fold(t, "lag", 0)
	r.end()
	cleanNow(t, dir)
	r = run(t, dir, nil)
	if _, n := r.fold(t, "lag", 0); n != lag {
		t.Errorf("%d of %d records are left within min.compaction.lag.ms", n, lag)
	}
	lastGone, gone := r.fold(t, "gone", 0)
	_, kept := r.fold(t, "kept", 0)
	if gone >= kept || gone > len(lastGone)+20 { // the last batch is never touched
		t.Errorf("%d records for %d keys without tombstones, %d with", gone, len(lastGone), kept)
	}
}

func TestRetentionRemovesSegmentsButNeverTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "old", 1, map[string]string{"retention.ms": "1", "segment.bytes": "10000"})
	r.topic(t, "young", 1, map[string]string{"retention.ms": "3600000", "segment.bytes": "10000"})
	r.topic(t, "big", 1, map[string]string{"retention.ms": "-1", "retention.bytes": "50000", "segment.bytes": "10000"})
	for _, topic := range []string{"old", "young", "big"} {
		fill(t, r, topic, 100)
	}
	_, end := r.ends(t, "old")
	r.end()
	time.Sleep(5 * time.Millisecond)
	cleanNow(t, dir)
	for _, how := range []string{"in order", "as after kill -9"} {
		r = run(t, dir, nil)
		if start, e := r.ends(t, "old"); e != end || start == 0 || start >= end {
			t.Errorf("%s: old is %d to %d, was to %d", how, start, e, end)
		}
		if start, _ := r.ends(t, "young"); start != 0 {
			t.Errorf("%s: young begins at %d", how, start)
		}
		if start, e := r.ends(t, "big"); start == 0 || start >= e {
			t.Errorf("%s: big is %d to %d", how, start, e)
		}
		r.end()
		removeSnapshots(t, dir)
	}
}

func TestAKillWithinAnExchangeIsMended(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir, nil)
	r.topic(t, "t", 1, map[string]string{"cleanup.policy": "compact"})
	truth := fill(t, r, "t", 100)
	r.end()
	home := filepath.Join(dir, "partitions", "t-0")
	for name, kill := range map[string]func() error{
		"while the new folder is written":  func() error { return os.Mkdir(home+cleanSuffix, 0o755) },
		"after the old one was moved away": func() error { return os.Rename(home, home+beforeSuffix) },
		"before the old one was removed":   func() error { return os.CopyFS(home+beforeSuffix, os.DirFS(home)) },
	} {
		if err := kill(); err != nil {
			t.Fatal(err)
		}
		r = run(t, dir, nil)
		if last, _ := r.fold(t, "t", 0); !maps.Equal(last, truth) {
			t.Errorf("killed %s: other values", name)
		}
		r.end()
		if left, _ := filepath.Glob(home + ".*"); len(left) > 0 {
			t.Errorf("killed %s: %v are left", name, left)
		}
	}
}
