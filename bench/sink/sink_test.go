package sink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"customer360/bench/result"
	"customer360/processors/couchbase"
)

// TestMain is the children, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "--role" {
		if err := Child(context.Background(), os.Args[2], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestEveryOperationIsMeasuredAndChecked(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	cfg := DefaultConfig()
	cfg.Documents, cfg.InFlight, cfg.Rounds, cfg.Self = 500, []int{8}, 1, []string{os.Args[0]}
	rows, err := Run(t.Context(), cfg, result.Origin("test"), t.Output(), func([]result.Row) {})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, r := range rows {
		if r.Value <= 0 && r.Metric != result.BrokerCPU && r.Metric != result.CPU { // a clock of 10 ms
			t.Errorf("%s of %s, %s, is %v", r.Metric, r.Contender, r.Settings, r.Value)
		}
		if r.Metric == result.Documents {
			s, err := result.ParseSettings(r.Settings)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, r.Contender+" "+s["operation"])
		}
	}
	slices.Sort(seen)
	want := "fenced insert,fenced remove,fenced replay,fenced rewrite,plain insert,plain remove,plain replay,plain rewrite"
	if got := strings.Join(seen, ","); got != want {
		t.Errorf("measured %s", got)
	}
}

func TestWrongDocumentsAndFencesAreFound(t *testing.T) {
	_, rewrite, remove := segments(100)
	right := couchbase.Found{Live: true, Fenced: true, Fence: couchbase.Fence{Generation: 1, Offset: rewrite.fence(7)}, Body: rewrite.body(7)}
	if err := rewrite.compare(7, right, true); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(f *couchbase.Found){
		"another body": func(f *couchbase.Found) { f.Body = rewrite.body(8) },
		"an old body":  func(f *couchbase.Found) { f.Body = bodyOf(7, 1) },
		"no fence":     func(f *couchbase.Found) { f.Fenced = false },
		"an old fence": func(f *couchbase.Found) { f.Fence.Offset-- },
		"removed":      func(f *couchbase.Found) { f.Live, f.Body = false, nil },
	} {
		f := right
		spoil(&f)
		if err := rewrite.compare(7, f, true); !errors.Is(err, ErrVoid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := remove.compare(7, right, true); !errors.Is(err, ErrVoid) {
		t.Errorf("there after its removal: %v", err)
	}
}

func TestMistakesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(c *Config){
		"documents": func(c *Config) { c.Documents = 1 }, "rounds": func(c *Config) { c.Rounds = 0 },
		"in flight": func(c *Config) { c.InFlight = []int{0} }, "none": func(c *Config) { c.InFlight = nil },
		"contender": func(c *Config) { c.Contenders = []string{"merge"} }, "durability": func(c *Config) { c.Durability = "most" },
		"partitions": func(c *Config) { c.Partitions = 0 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if _, err := Run(t.Context(), c, result.Row{}, t.Output(), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
