package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A transactional producer and a group go on while the broker cleans its folder
// again and again: nothing is lost, nothing is there twice.
func TestClientsLiveThroughCleanings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, dir, func(c *Config) { c.CompactEvery = 200 * time.Millisecond })
	r.topic(t, "t", 3, map[string]string{"cleanup.policy": "compact"})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tx := r.client(t, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("t"))
	group := r.client(t, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableAutoCommit())
	memory := cleaner{dir: dir, now: time.Now}
	var cleanings, sent int
	at := memory.remembered().At
	for begin := time.Now(); cleanings < 4 || time.Since(begin) < time.Second; {
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			// A key of its own each: compaction takes none away.
			if err := tx.ProduceSync(ctx, kgo.KeyStringRecord(fmt.Sprint(sent), "v")).FirstErr(); err != nil {
				t.Fatalf("after %d cleanings: %v", cleanings, err)
			}
			sent++
		}
		if err := tx.EndTransaction(ctx, kgo.TryCommit); err != nil {
			t.Fatalf("after %d cleanings: %v", cleanings, err)
		}
		if now := memory.remembered().At; !now.Equal(at) {
			at = now
			cleanings++
		}
		time.Sleep(2 * time.Millisecond)
	}
	seen := map[string]int{}
	for len(seen) < sent {
		fetches := group.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", len(seen), sent, err)
		}
		fetches.EachRecord(func(record *kgo.Record) { seen[string(record.Key)]++ })
		if err := group.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatalf("committing: %v", err)
		}
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("record %s is there %d times", key, n)
		}
	}
	lag, err := kadm.NewClient(tx).Lag(ctx, "g")
	for ; err != nil && ctx.Err() == nil; lag, err = kadm.NewClient(tx).Lag(ctx, "g") {
		time.Sleep(10 * time.Millisecond) // the next cleaning came in between
	}
	if err != nil {
		t.Fatal(err)
	}
	if total := lag["g"].Lag.Total(); total > 3 { // a marker a partition
		t.Errorf("the group lags by %d", total)
	}
}
