package screen

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

func example() Snapshot {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	return Snapshot{Dir: ".customer360", Started: now.Add(-3723 * time.Second), Now: now, State: "loading",
		Sources: []Source{{"Home Delivery", 2004, 0, now.Add(-2 * time.Second)}, {"Loyalty", 1234567, 12, now.Add(-90 * time.Second)},
			{"Online Store", 0, -1, time.Time{}}},
		Customers: 3000, Orders: 3760, Staged: 4005, DeadLetters: 1, PerSecond: 811.7,
		Load:      []Progress{{"Home Delivery", 2004, 2004}, {"Online Store", 930, 3000}, {"Loyalty", 0, 0}},
		Addresses: []Address{{"Kafka", "127.0.0.1:9092"}}, Try: "customer360 get matthew.groves@couchbase.com", Trouble: "the store answers 503"}
}

func TestPage(t *testing.T) {
	got := Page(example(), 100)
	file := filepath.Join("testdata", "page.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%v\n%s", err, got)
	}
	for _, width := range []int{20, 40, 200} {
		for _, l := range strings.Split(Page(example(), width), "\n") {
			if utf8.RuneCountInString(l) > width {
				t.Errorf("width %d: %q", width, l)
			}
		}
	}
}

// A frame goes up as many lines as the last one had, whatever this one has,
// and never more than the terminal shows.
func TestFramesStayInPlace(t *testing.T) {
	first, n := frame("a\nb\nc\n", 0, 40)
	if n != 3 || strings.Contains(first, upLine) {
		t.Errorf("%q, %d", first, n)
	}
	second, n := frame("a\n", n, 40)
	if n != 1 || strings.Count(second, upLine) != 3 || !strings.HasSuffix(second, clearBelow) {
		t.Errorf("%q, %d", second, n)
	}
	if _, n := frame(strings.Repeat("x\n", 50), 0, 24); n != 23 {
		t.Errorf("%d lines on a terminal of 24", n)
	}
}

func TestPaintGivesTheCursorBack(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var b bytes.Buffer
	if err := Paint(ctx, &b, time.Hour, example); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.HasPrefix(s, hideCursor) || !strings.HasSuffix(s, showCursor) || !strings.Contains(s, "customers 3 000") {
		t.Errorf("%q", s)
	}
}
