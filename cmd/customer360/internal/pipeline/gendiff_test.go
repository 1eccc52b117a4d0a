package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/gendiff"
	"customer360/topology"
	"customer360/topology/generation"
)

// compared is `rebuild diff` between two generations.
func (c *cluster) compared(from, to int) *gendiff.Result {
	c.t.Helper()
	s := c.state()
	r, err := gendiff.Run(c.within(), gendiff.Config{From: s.Generations[from].Topology(Settings(c.config)), To: s.Generations[to].Topology(Settings(c.config)),
		Samples: 2, Temp: c.t.TempDir()}, gendiff.Deps{Kafka: c.kafka})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// TestRebuildDiff: another precedence and pass mode on 3,000 customers, half of
// whom the store knows with a name and a pass of its own, show as changes of just
// these fields, before anything is promoted; no pass is told.
func TestRebuildDiff(t *testing.T) {
	t.Parallel()
	const n = 3000
	c := start(t)
	c.serve("one")
	c.produce(c.people(n)...)
	c.settle(func() string { return "" })
	c.rebuild()
	r := c.compared(1, 2)
	if !r.IsEqual() || !r.CaughtUp || r.Customers.Equal != n || r.Orders.Equal != n/2 || len(r.Samples) != 0 {
		t.Errorf("the same configuration: %+v", r)
	}
	if _, err := generation.NewLog(c.kafka).Abandon(c.within()); err != nil {
		t.Fatal(err)
	}
	c.reconfigure(homeFirst)
	c.rebuild()
	r = c.compared(1, 3)
	want := gendiff.Kind{From: n, To: n, Equal: n / 2, Changed: n / 2}
	if r.Customers != want || r.Orders != (gendiff.Kind{From: n / 2, To: n / 2, Equal: n / 2}) || !r.CaughtUp || r.IsEqual() {
		t.Errorf("another configuration: %+v", r)
	}
	if fmt.Sprint(r.Fields) != fmt.Sprintf("[{pass %d} {profile.name %d}]", n/2, n/2) || len(r.Samples) != 2 {
		t.Errorf("fields %v, %d samples", r.Fields, len(r.Samples))
	}
	told, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Samples {
		if len(s.Fields) != 2 || s.Fields[0].Before != "********" || s.Fields[1].Before == s.Fields[1].After || !strings.HasPrefix(s.Fields[1].After, `"Row `) {
			t.Errorf("sample %+v", s)
		}
		var d struct {
			Xrefs []struct{ Pass string }
		}
		if err := json.Unmarshal([]byte(c.documents("customer360")[s.Key]), &d); err != nil || len(d.Xrefs) == 0 || d.Xrefs[0].Pass == "" || strings.Contains(string(told), d.Xrefs[0].Pass) {
			t.Errorf("a pass is told, or there was none: %v, %v", d, err)
		}
	}
	// What only one of them has, what is quarantined, and what is behind.
	c.gone(1, "order::1")
	c.gone(3, "p2@example.org")
	c.quarantine(3, "p3@example.org")
	c.gone(3, "p3@example.org")
	c.produce(c.change(90_000, nil, at(9000, "New", "new@example.org")))
	c.settle(func() string { return "" })
	r = c.compared(1, 3)
	want = gendiff.Kind{From: n + 1, To: n - 2, Equal: n/2 - 1, Removed: 2, Changed: n/2 - 1}
	orders := gendiff.Kind{From: n/2 - 1, To: n / 2, Equal: n/2 - 1, Added: 1}
	if r.Customers != want || r.Orders != orders || r.Quarantined != (gendiff.Quarantined{Now: 1}) || r.CaughtUp || r.Behind < 1 {
		t.Errorf("further on: %+v, want %+v", r, want)
	}
}

// gone writes a removal into a generation's documents by hand.
func (c *cluster) gone(generation int, key string) {
	c.t.Helper()
	s := topology.DefaultSettings()
	s.Generation = generation
	c.produce(&kgo.Record{Topic: s.Documents(), Key: []byte(key), Partition: c.place([]byte(key)), Headers: []kgo.RecordHeader{
		{Key: "c360.generation", Value: fmt.Append(nil, generation)}, {Key: "c360.fence", Value: []byte("1000000")}}})
}

// quarantine writes merge's mark by hand.
func (c *cluster) quarantine(generation int, key string) {
	c.t.Helper()
	s := topology.DefaultSettings()
	s.Generation = generation
	c.produce(&kgo.Record{Topic: s.MergeGroup() + "-table", Key: []byte(key), Partition: c.place([]byte(key)), Value: []byte{1, 1}})
}
