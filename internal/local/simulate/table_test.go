package simulate

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"customer360/internal/local/kafka/kafkatest"
)

// A writer of its own sees the people of a world that runs elsewhere, and equal
// lives.
func TestATableIsTheWorlds(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Seed = 5 })
	table, err := NewTable(5, 300)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(when string) {
		t.Helper()
		got, want := slices.Collect(table.Rows()), slices.Collect(w.ExpectRows())
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %d rows differ from the world's %d", when, len(got), len(want))
		}
		if table.Count() != int64(len(want)) {
			t.Fatalf("%s: counts %d rows, not %d", when, table.Count(), len(want))
		}
	}
	compare("at the beginning")
	rows := map[int64]Row{}
	for row := range table.Rows() {
		rows[row.ID] = row
	}
	ops, step := map[byte]int{}, int64(0)
	for table.Step() < 3000 {
		changes := table.Next()
		for ; step < table.Step(); step++ {
			w.happen(step + 1)
		}
		for _, c := range changes {
			ops[c.Op]++
			if c.Before != nil && rows[c.Before.ID] != *c.Before {
				t.Fatalf("step %d changes a row that is not there: %+v", step, *c.Before)
			}
			switch {
			case c.MovedTo != nil:
				moved := *c.Before
				moved.ID = *c.MovedTo
				if c.Op != 'd' || *changes[1].After != moved {
					t.Fatalf("step %d: a changed key is not a delete and a create: %+v", step, changes)
				}
				ops['k']++
			case c.After != nil:
				rows[c.After.ID] = *c.After
			}
			if c.Op == 'd' {
				delete(rows, c.Before.ID)
			}
		}
	}
	compare("after its changes")
	for row := range table.Rows() {
		if rows[row.ID] != row {
			t.Fatalf("the changes lead to %+v, the table has %+v", rows[row.ID], row)
		}
	}
	for _, op := range "cudk" {
		if ops[byte(op)] < 10 {
			t.Errorf("%d changes of kind %c in 3000 steps", ops[byte(op)], op)
		}
	}
	again, err := NewTable(5, 300)
	if err != nil {
		t.Fatal(err)
	}
	again.Skip(table.Step())
	if !slices.Equal(slices.Collect(again.Rows()), slices.Collect(table.Rows())) {
		t.Error("skipping leads elsewhere than going")
	}
}

func TestSystemsCanBeLeftOut(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.WithTopics(1, topic))
	cfg := config(t, 60)
	cfg.Topic, cfg.CSVDir, cfg.EventsPerSecond = "", "", 1000
	w, stop := start(t, cfg, b, snapshotBatch)
	eventually(t, "life goes on", func() bool { return w.Status().Events > 50 })
	response, err := http.Get(w.StoreURL() + "/getOrdersByCustomerId?customerId=1")
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("the store: %v", err)
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	stop()
	if s := w.Status(); !s.Loaded || s.Nights != 0 || len(events(t, b)) != 0 {
		t.Errorf("something was written: %+v", s)
	}
	home := cfg
	home.Topic = topic
	if _, err := New(home, Deps{}); err == nil {
		t.Error("a snapshot of a table that has gone on is not refused")
	}

	cfg = config(t, 60)
	cfg.Topic, cfg.Listen, cfg.Night = "", "", time.Hour
	w, stop = start(t, cfg, b, snapshotBatch)
	eventually(t, "the first export", func() bool { return w.Status().Nights == 1 })
	if w.StoreURL() != "" {
		t.Error("there is a store at", w.StoreURL())
	}
	stop()
	files, err := filepath.Glob(filepath.Join(cfg.CSVDir, "*.csv"))
	if info, staterr := os.Stat(cfg.CSVDir); err != nil || staterr != nil || len(files) != 1 || !info.IsDir() {
		t.Errorf("exports %v, %v", files, err)
	}

	cfg.CSVDir = ""
	if err := cfg.Validate(); err == nil {
		t.Error("a world without systems is accepted")
	}
}
