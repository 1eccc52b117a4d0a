package emitters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"customer360/bench/result"
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

func TestBothEmittersAreMeasuredAndChecked(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	cfg := Config{Rows: 2000, Customers: 300, InFlight: []int{4}, Rounds: 1, Self: []string{os.Args[0]}}
	rows, err := Run(t.Context(), cfg, result.Origin("test"), t.Output(), func([]result.Row) {})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, r := range rows {
		if r.Metric == result.Throughput && r.Value > 0 {
			seen = append(seen, r.Contender)
		}
	}
	slices.Sort(seen)
	if got := strings.Join(seen, ","); got != "csvdir,encoding-csv,net-http,restpoll" {
		t.Errorf("measured %s", got)
	}
}

// A reader that lost rows or bytes is no measure.
func TestWhatWasReadIsCompared(t *testing.T) {
	b := &bench{cfg: Config{Rows: 500}, file: filepath.Join(t.TempDir(), "a.csv")}
	var err error
	if b.bytes, err = writeFile(b.file, b.cfg.Rows); err != nil {
		t.Fatal(err)
	}
	c := &clock{servers: os.Getpid()}
	n, err := readFile(t.Context(), order{File: b.file}, c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.measured(n)
	if err != nil {
		t.Fatal(err)
	}
	r := run{contender: result.EncodingCSV}
	if err := b.check(t.Context(), r, m, places{}); err != nil {
		t.Error(err)
	}
	m.Bytes--
	if err := b.check(t.Context(), r, m, places{}); !errors.Is(err, ErrVoid) {
		t.Errorf("a byte less: %v", err)
	}
	ids := map[string]bool{}
	for i := range b.cfg.Rows {
		ids[memberOf(i, b.cfg.Rows).ID] = true
	}
	if len(ids) != b.cfg.Rows || same(memberOf(1, 500).AppendJSON(nil), 2, 500) {
		t.Error("rows are not different")
	}
}

func TestMistakesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(c *Config){
		"rows": func(c *Config) { c.Rows = 1 }, "rounds": func(c *Config) { c.Rounds = 0 }, "customers": func(c *Config) { c.Customers = 1 },
		"in flight": func(c *Config) { c.InFlight = []int{0} }, "nothing": func(c *Config) { c.Rows, c.Customers = 0, 0 },
	} {
		c := ShortConfig()
		spoil(&c)
		if _, err := Run(t.Context(), c, result.Row{}, t.Output(), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
