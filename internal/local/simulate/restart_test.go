package simulate

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
)

// killed puts back an older progress, as kill -9 between Kafka's acknowledgement
// and the write of the progress leaves it.
func killed(t *testing.T, cfg Config, older []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cfg.Dir, "progress.json"), older, 0o600); err != nil {
		t.Fatal(err)
	}
}

func progressOf(t *testing.T, cfg Config) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cfg.Dir, "progress.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAStopInTheSnapshotLosesNoRow(t *testing.T) {
	for _, kill := range []bool{false, true} {
		b := kafkatest.Start(t, kafkatest.WithTopics(3, topic))
		cfg := config(t, 900)
		cfg.EventsPerSecond = 0
		const batch = 50
		// Kafka takes a few batches and then waits, so that the stop comes in between.
		var requests atomic.Int64
		reached, release := make(chan struct{}), make(chan struct{})
		b.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			if requests.Add(1) == 5 {
				close(reached)
				b.Cluster.SleepControl(func() { <-release })
			}
			return nil, nil, false
		})
		w, stop := start(t, cfg, b, batch)
		<-reached
		before := progressOf(t, cfg)
		if s := w.Status(); s.SnapshotRows == 0 || s.SnapshotRows == s.SnapshotTotal {
			t.Fatalf("not in the middle: %+v", s)
		}
		time.AfterFunc(50*time.Millisecond, func() { close(release) })
		stop() // in order: the batch in flight is finished and counted
		if w.Status().Loaded {
			t.Fatal("the stop came too late")
		}
		most := 0
		if kill {
			killed(t, cfg, before)
			most = batch
		}

		w, stop = start(t, cfg, b, batch)
		eventually(t, "the world is loaded", func() bool { return w.Status().Loaded })
		stop()
		records := events(t, b)
		checkTable(t, w, records)
		if twice := len(records) - 600; twice > most || kill && twice == 0 {
			t.Errorf("kill=%v: %d of 600 rows are there twice, want at most %d", kill, twice, most)
		}
		firsts := 0
		for _, e := range records {
			if e.snapshot == "first" {
				firsts++
			}
		}
		if firsts != 1 {
			t.Errorf("kill=%v: %d snapshots began", kill, firsts)
		}
	}
}

func TestAKillInLifeRepeatsAFewStepsAndLosesNone(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(3, topic))
	cfg := config(t, 120)
	cfg.EventsPerSecond, cfg.Night = 1000, 40*time.Millisecond
	var w *World
	var stop func()
	for round := range int64(4) {
		w, stop = start(t, cfg, b, snapshotBatch)
		eventually(t, "half of the round's steps happen", func() bool { return w.Status().Events > round*300+150 })
		before := progressOf(t, cfg)
		eventually(t, "the round's steps happen", func() bool { return w.Status().Events > round*300+300 })
		stop()
		if round < 3 {
			killed(t, cfg, before)
			continue
		}
	}
	records := events(t, b)
	checkTable(t, w, records)

	// Within a partition positions rise, but for the three kills.
	back := 0
	last := map[int32][3]int64{}
	for _, e := range records {
		if e.op == "" || e.op == "r" {
			continue
		}
		if was := last[e.partition]; less(e.at, was) {
			back++
		}
		last[e.partition] = e.at
	}
	if back == 0 || back > 9 {
		t.Errorf("positions go back %d times on 3 partitions in 3 kills", back)
	}
	// A world that was never killed is the same at the same step and night.
	calm := newWorld(t, func(c *Config) { c.Customers = 120 })
	for step := range w.progress.Step {
		calm.happen(step + 1)
	}
	for range w.progress.Night {
		calm.loyalty.sleep()
	}
	if digest(calm) != digest(w) {
		t.Error("a killed world differs from a calm one")
	}
}

func less(a, b [3]int64) bool {
	for k := range a {
		if a[k] != b[k] {
			return a[k] < b[k]
		}
	}
	return false
}

func TestAStopInOrderRepeatsNothing(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, topic))
	cfg := config(t, 60)
	cfg.EventsPerSecond = 2000
	for round := range int64(3) {
		w, stop := start(t, cfg, b, snapshotBatch)
		eventually(t, "steps happen", func() bool { return w.Status().Events > (round+1)*100 })
		stop()
	}
	last := [3]int64{}
	rows := 0
	for _, e := range events(t, b) {
		if e.op == "r" {
			rows++
		}
		if e.op == "" || e.op == "r" {
			continue
		}
		if less(e.at, last) {
			t.Fatalf("%v after %v", e.at, last)
		}
		last = e.at
	}
	if rows != 40 {
		t.Errorf("%d snapshot records, want 40", rows)
	}
}

func TestAFolderOfAnotherWorldIsRefused(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, topic))
	cfg := config(t, 60)
	cfg.Once = true
	w, stop := start(t, cfg, b, snapshotBatch)
	eventually(t, "the world is loaded", func() bool { return w.Status().Loaded })
	stop()
	for _, change := range []func(*Config){func(c *Config) { c.Seed = 9 }, func(c *Config) { c.Customers = 61 }} {
		other := cfg
		change(&other)
		if _, err := New(other, Deps{}); err == nil || !strings.Contains(err.Error(), "seed 1 with 60 customers") {
			t.Errorf("got %v", err)
		}
	}
	if err := (Config{Listen: "x", Night: -1}).Validate(); err == nil || strings.Count(err.Error(), "simulate:") < 4 {
		t.Errorf("a mistaken config: %v", err)
	}
}

func TestAPortInUseOfTheStoreIsSaid(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, topic))
	cfg := config(t, 1)
	cfg.Listen = b.Addr
	w, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), b.Addr) {
		t.Errorf("got %v", err)
	}
}
