package csvdir

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestARestartImportsNothingAgain(t *testing.T) {
	b := newBench(t)
	b.drop("one.csv", header+members(1, 10, 1))
	b.drop("two.csv", header+members(1, 11, 1))
	i, stop := b.start(b.config())
	b.idle(i)
	stop()
	before := b.log()
	for range 3 {
		i, stop := b.start(b.config())
		b.idle(i)
		if !i.Ready() || i.Status().Last.Name != "two.csv" {
			t.Errorf("ready %t, status %+v", i.Ready(), i.Status())
		}
		stop()
		if i.Ready() || i.Idle() || i.Status().State != Stopped {
			t.Errorf("after the end: %+v", i.Status())
		}
	}
	if b.log() != before {
		t.Error("a restart has written")
	}
	b.wantPhases("two.csv done")
}

func TestAFileThatCannotBeReadIsRefusedOnce(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	b.drop("good.csv", header+members(1, 10, 1))
	b.idle(i)
	path := b.drop("bad.csv", "Name;Mail\nx;y\n")
	b.idle(i)
	failed := i.Status().Failed
	if failed == nil || failed.Name != "bad.csv" || !strings.Contains(failed.Reason, "lacks Id and Email") {
		t.Fatalf("status: %+v", i.Status())
	}
	at := failed.Time
	time.Sleep(600 * time.Millisecond) // longer than a poll
	b.idle(i)
	if again := i.Status().Failed; !again.Time.Equal(at) {
		t.Error("it was tried again without having changed")
	}
	if _, err := b.byHand(path, true); err == nil || !strings.Contains(err.Error(), "lacks Id and Email") {
		t.Errorf("by hand: %v", err)
	}
	b.drop("bad.csv", header+members(1, 11, 1))
	b.idle(i)
	b.wantPhases("bad.csv done, bad.csv failed, good.csv done")
	// A refused file does not stand in the way of an older one.
	b.dropAt("newest.csv", "\xFF\xFEI\x00", 50)
	b.dropAt("newer.csv", header+members(1, 12, 1), 40)
	eventually(t, "the one before it is imported", func() bool { return i.Status().Last.Name == "newer.csv" })
}

func TestEmptyFilesAreHeldEvenAtFirst(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	for n, content := range []string{"", header, "\n\n", header + "short\n", string(packed(header))} {
		b.drop(fmt.Sprintf("%d.csv", n), content)
		eventually(t, "it is held", func() bool { h := i.Status().Held; return len(h) == n+1 && h[0].Reason != "" })
	}
	if b.records() != 0 || len(b.dead()) != 0 {
		t.Error("held files have written")
	}
	b.idle(i)
	b.drop("full.csv", header+members(1, 10, 1))
	b.idle(i)
	if held := i.Status().Held; len(held) != 0 {
		t.Errorf("older held files still wait: %+v", held)
	}
	path := b.drop("empty.csv", header)
	b.idle(i)
	if err := Accept(context.Background(), b.deps(), path); err != nil { // by path
		t.Fatal(err)
	}
	eventually(t, "all are withdrawn", func() bool { return len(b.alive()) == 0 })
}

func TestRowsOfAWrongShapeChangeNothing(t *testing.T) {
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", header+members(1, 30, 1)), false))
	f := b.must(b.byHand(b.drop("two.csv", header+members(1, 27, 2)+"28,pw,short\n29,a,b,c,d@x,1,long\n30,\"open,a,b,c@x,1\n,no,id,at,a@x,1\n"), false))
	if f.Withdrawn != 0 || f.Rejected != 4 || f.Written != 27 {
		t.Errorf("file: %+v", f)
	}
	alive := b.alive()
	for _, id := range []string{"28", "29", "30"} {
		if !strings.Contains(alive[id], `"points":"1"`) {
			t.Errorf("member %s: %s", id, alive[id])
		}
	}
	lines := map[int]string{}
	for _, d := range b.dead() {
		lines[d.Line] = d.Reason + "; " + string(d.Value)
		if d.FileHash != f.Hash || d.File != "two.csv" {
			t.Errorf("dead letter %+v", d)
		}
	}
	for line, want := range map[int]string{29: "3 fields, the header 6; 28,pw,short", 30: "7 fields, the header 6; 29,", 31: problemQuote + "; 30,", 32: "the Id is empty; ,no,"} {
		if !strings.Contains(lines[line], want) {
			t.Errorf("line %d: %q, want %q", line, lines[line], want)
		}
	}
}

func TestAFileFromTheFutureIsRefused(t *testing.T) {
	b := newBench(t)
	path := b.drop("f.csv", header+members(1, 10, 1))
	at := time.Now().Add(400 * 24 * time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	if _, err := b.byHand(path, false); err == nil || !strings.Contains(err.Error(), "ahead of the clock") {
		t.Errorf("got %v", err)
	}
	deps := b.deps() // unless it was the clock that was wrong
	deps.Now = func() time.Time { return at }
	f := b.must(Import(t.Context(), b.config(), deps, path, false))
	if f.Phase != Done {
		t.Errorf("with a clock that is right: %+v", f)
	}
}

// syncBuffer is a log that is written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestNoSecretsInLogsAndMetrics(t *testing.T) {
	b := newBench(t)
	log := &syncBuffer{}
	registry := prometheus.NewPedanticRegistry()
	deps := b.deps()
	deps.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	deps.Registry = registry
	i, err := New(b.config(), deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	b.drop("a.csv", header+members(2, 20, 1)+"1,hunter2,A,B,hidden@example.com,1\n1,hunter2,A,B,hidden-nobody,1\nhunter2,short\n\"hunter2,hidden\n")
	b.idle(i)
	b.drop("b.csv", "1,hunter2,A,B,hidden@example.com,1\n")
	b.idle(i)
	b.drop("c.csv", header+"1,hunter2,A,B,hidden@example.com,1\n")
	b.idle(i)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	shown := log.String() + fmt.Sprintf("%+v %+v", i.Status(), b.history())
	for _, d := range b.dead() {
		shown += d.Reason
	}
	if strings.Contains(shown, "hunter2") || strings.Contains(shown, "hidden") {
		t.Errorf("secrets are shown:\n%s", shown)
	}
	if n := strings.Count(shown, "the later row counts"); n != 1 {
		t.Errorf("%d warnings of duplicates, want one", n)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetHelp() == "" || !strings.HasPrefix(f.GetName(), "customer360_csvdir_") {
			t.Errorf("metric %s, help %q", f.GetName(), f.GetHelp())
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"customer360_csvdir_files_total done": 1, "customer360_csvdir_files_total failed": 1, "customer360_csvdir_files_total held": 1,
		"customer360_csvdir_rows_total written": 19, "customer360_csvdir_rows_total rejected": 3, "customer360_csvdir_held_files": 1,
		"customer360_csvdir_known_members": 19,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.History = 10
	i, _ := b.start(cfg)
	for n := range 15 {
		b.drop(fmt.Sprintf("%d.csv", n), header+members(1, 10, n))
		b.idle(i)
	}
	if n := len(b.history()); n < 10 || n > 12 {
		t.Errorf("%d entries are kept, want about 10: %s", n, b.phases())
	}
}
