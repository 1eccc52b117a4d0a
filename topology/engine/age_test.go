package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// A group that stood still for longer than its input keeps removals, with records
// unread, does not go on as if it had missed nothing; one that only waited for input
// does.
func TestRemovalsThatMayBeMissed(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		topic  map[string]string
		unread int           // while it stood still
		still  time.Duration // how long
		idle   time.Duration // how long it had nothing to do before
		old    bool
	}{
		"short":         {compactedFor("172800000"), 10, day, 0, false},
		"long":          {compactedFor("172800000"), 10, 3 * day, 0, true},
		"nothing new":   {compactedFor("172800000"), 0, 3 * day, 0, false},
		"idle before":   {compactedFor("172800000"), 10, day, 3 * day, false},
		"not compacted": {map[string]string{"delete.retention.ms": "172800000"}, 10, 3 * day, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, kafkatest.WithTopic(jobIn, jobParts, c.topic))
			dir, first := t.TempDir(), time.Now().Add(-c.still-c.idle)
			var ahead atomic.Int64
			generate(t, b.Addr, 0, 100, 20, 0)
			cfg := jobConfig(b.Addr, dir, "a")
			cfg.Now = func() time.Time { return first.Add(time.Duration(ahead.Load())) }
			r := start(t, cfg, jobGraph(nil), engine.Hooks{})
			awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
			if c.idle > 0 {
				ahead.Store(int64(c.idle))
				adm := kadm.NewClient(b.Client(t))
				eventually(t, 30*time.Second, func() bool { return datedAfter(t, adm, first.Add(c.idle-time.Second)) }, func() string { return "commits get old while nothing comes" })
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			generate(t, b.Addr, 100, c.unread, 20, 0)

			if cfg = jobConfig(b.Addr, dir, "a"); c.old {
				err := runToEnd(t, cfg, jobGraph(nil))
				wants(t, err, "removals", jobIn, "rebuild")
				if !errors.Is(err, engine.ErrMissed) {
					t.Errorf("%v is not ErrMissed", err)
				}
			}
			var missed []error
			cfg.Missed = func(err error) error { missed = append(missed, err); return nil }
			conclude(t, b, dir, 100+c.unread, 20, start(t, cfg, jobGraph(nil), engine.Hooks{}))
			if len(missed) > 0 != c.old {
				t.Errorf("it was told %v", missed)
			}
		})
	}
}

func compactedFor(ms string) map[string]string {
	return map[string]string{"cleanup.policy": "compact", "delete.retention.ms": ms}
}

// datedAfter says whether all commits of the job are newer.
func datedAfter(t *testing.T, adm *kadm.Client, limit time.Time) bool {
	t.Helper()
	committed, err := adm.FetchOffsets(context.Background(), jobGroup)
	if err != nil {
		t.Fatal(err)
	}
	all := true
	committed.Each(func(o kadm.OffsetResponse) {
		at, ok := engine.TimeOf(o.Metadata)
		if !ok || strings.Count(o.Metadata, "at=") != 1 {
			t.Errorf("a commit says %q", o.Metadata)
		}
		all = all && at.After(limit)
	})
	return all
}
