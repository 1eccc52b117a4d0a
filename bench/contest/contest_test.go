package contest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"customer360/bench/load"
	"customer360/bench/result"
	"customer360/codec"
)

func TestMain(m *testing.M) {
	// leveldb's goroutine stays for a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

func small() Config {
	return Config{Load: load.Config{Records: 2000, Keys: 200, Distribution: load.Uniform, Seed: 1},
		Rounds: 1, Warmup: 0, // 2000 records are gone between two looks
		Partitions: 4, Contenders: []Contender{Merge, Raw}}
}

// newest is what the documents must say of the load, told without merge.
type newest struct {
	Phone  string
	Points string `json:"loyaltyPoints"`
}

func TestMergeLeavesTheDocumentsThatItsInputMakes(t *testing.T) {
	cfg := small()
	g, err := load.New(cfg.Load)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]newest)
	for r := range g.Decoded() {
		var f codec.Fields
		if err := f.Decode(r.Fields); err != nil {
			t.Fatal(err)
		}
		n := want[r.Key]
		if r.Source == codec.HomeDelivery {
			n.Phone = string(f.Get(codec.FieldPhone))
		}
		if r.Source == codec.Loyalty {
			n.Points = string(f.Get(codec.FieldLoyaltyPoints))
		}
		want[r.Key] = n
	}
	w, o, err := Merge.run(t.Context(), cfg, g)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.live) != len(want) {
		t.Errorf("%d documents, want %d", len(o.live), len(want))
	}
	for key, n := range want {
		var document struct {
			Profile struct {
				Phone  string
				Points string `json:"loyaltyPoints"`
			}
		}
		if err := json.Unmarshal(o.live[key], &document); err != nil {
			t.Fatalf("the document of %s, %q: %v", key, o.live[key], err)
		}
		if got := newest(document.Profile); got != n {
			t.Errorf("%s has %+v, want %+v", key, got, n)
		}
	}
	if w.records != 2000 || w.duration <= 0 || w.cpu <= 0 {
		t.Errorf("the window is %+v", w)
	}
}

func TestAContestHasRowsOfEveryContenderAndRound(t *testing.T) {
	cfg := small()
	cfg.Rounds = 2
	var runs []string
	rows, err := Run(t.Context(), cfg, result.Origin("c0ffee"), func(round int, c Contender, _ []result.Row) {
		runs = append(runs, fmt.Sprint(round, c))
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[1raw 1merge 2merge 2raw]"; fmt.Sprint(runs) != want {
		t.Errorf("ran %v, want %s", runs, want)
	}
	for _, s := range result.Summarise(rows) {
		if s.Rounds != 2 || s.Min <= 0 {
			t.Errorf("%+v", s)
		}
	}
	for _, r := range rows {
		if r.Benchmark != "merge" || r.Commit != "c0ffee" || !json.Valid([]byte(r.Settings)) || time.Since(r.At()) > time.Minute {
			t.Errorf("%+v", r)
		}
		if r.Metric == Documents && r.Value != 200 {
			t.Errorf("%s left %v documents", r.Contender, r.Value)
		}
	}
}

func TestWrongOutputsAreVoid(t *testing.T) {
	cfg := small()
	live := func(n int) map[string][]byte {
		m := make(map[string][]byte)
		for i := range n {
			m[fmt.Sprint(i)] = []byte("{}")
		}
		return m
	}
	for _, c := range []struct {
		contender Contender
		output    output
		void      bool
	}{
		{Merge, output{records: 1500, live: live(200)}, false},
		{Merge, output{records: 1500, live: live(199)}, true},
		{Merge, output{records: 1500, live: live(201)}, true},
		{Raw, output{records: 2000, live: live(200)}, false},
		{Raw, output{records: 1999, live: live(200)}, true},
		{Raw, output{records: 2001, live: live(200)}, true},
	} {
		if err := c.contender.check(c.output, cfg); errors.Is(err, ErrVoid) != c.void {
			t.Errorf("%s, %d records, %d documents: %v", c.contender, c.output.records, len(c.output.live), err)
		}
	}
	a, b := output{live: live(3)}, output{live: live(3)}
	if a.digest() != b.digest() {
		t.Error("equal documents have other digests")
	}
	b.live["2"] = []byte("{ }")
	if a.digest() == b.digest() {
		t.Error("other documents have equal digests")
	}
}
