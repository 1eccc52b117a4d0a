package line

import (
	"testing"

	"customer360/bench/load"
	"customer360/topology"
)

func TestAProbeKnowsItsDocumentAndTheNewestRecordInIt(t *testing.T) {
	g, err := load.New(load.Config{Records: 30, Keys: 10, Distribution: load.Uniform, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m := range g.Envelopes() {
		if key, err := (probe{n: n, message: m}).key(); err != nil || n < 10 && key != "customer."+string(rune('0'+n))+"@example.com" {
			t.Errorf("record %d: %q, %v", n, key, err)
		}
		n++
	}
	if n, err := newest([]byte(`{"type":"user","profile":{"phone":"811.001.0002 x3 4711"}}`)); n != 4711 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{`{"profile":{}}`, `{"profile":{"phone":"811"`, `{"profile":{"phone":"1 x"}}`} {
		if _, err := newest([]byte(bad)); err == nil {
			t.Errorf("%s has a number", bad)
		}
	}
}

func TestTheLineIsEveryGroupThatHomeDeliveryPasses(t *testing.T) {
	graph, err := topology.New(topology.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	g := passed(graph)
	if len(g.Groups) != 4 || len(g.Topics) != 3 {
		t.Fatalf("%d groups, %d topics", len(g.Groups), len(g.Topics))
	}
	for _, group := range g.Groups {
		if len(group.Inputs) != 1 {
			t.Errorf("%s reads %v", group.Name, group.Inputs)
		}
	}
	if len(graph.Groups) == len(g.Groups) {
		t.Error("the poller is in it")
	}
}
