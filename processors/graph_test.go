package processors

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"customer360/codec"
	"customer360/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSettings have one partition, as goka's tester has.
func testSettings() topology.Settings {
	s := topology.DefaultSettings()
	s.Partitions = 1
	return s
}

// start runs graphs on goka's tester until the test ends.
func start(t *testing.T, tt *tester.Tester, graphs ...*goka.GroupGraph) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(graphs))
	for _, g := range graphs {
		p, err := goka.NewProcessor(nil, g, goka.WithTester(tt), goka.WithNilHandling(goka.NilProcess), goka.WithHasher(topology.NewHasher))
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- p.Run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range graphs {
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Error("a processor does not end")
			}
		}
	})
}

// TestGraphs runs the real graphs in goka: nulls in and out, headers, tables.
func TestGraphs(t *testing.T) {
	s, m := testSettings(), NewMetrics(prometheus.NewRegistry())
	tt := tester.New(t)
	graphs := []*goka.GroupGraph{Merge(MergeConfig{Settings: s, Precedence: DefaultPrecedence()}, m)}
	for _, source := range realSources(t) {
		graphs = append(graphs, Rekey(RekeyConfig{Source: source, Settings: s}, m))
	}
	start(t, tt, graphs...)
	documents, letters := tt.NewQueueTracker(s.Documents()), tt.NewQueueTracker(topology.DeadLetterTopic)
	publish := func(line string) {
		r, err := parseRaw(line)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if r.value != nil {
			value = r.value
		}
		tt.Consume(r.topic, r.key, value, tester.WithHeaders(r.headers))
	}
	for _, c := range []struct{ line, key, value string }{
		{"hd id=1 op=c email=a@x name=Anne", "a@x", `{"type":"user","profile":{"name":"Anne","email":"a@x"},"xrefs":[{"external_system":"home_delivery","external_ID":1}]}`},
		{"loyalty id=27 email=a@x points=0 file=1a row=1", "a@x", `{"type":"user","profile":{"name":"Anne","email":"a@x","loyaltyPoints":"0"},"xrefs":[{"external_system":"home_delivery","external_ID":1},{"external_system":"loyalty","external_ID":"27"}]}`},
		{"hd id=1 null", "a@x", `{"type":"user","profile":{"email":"a@x","loyaltyPoints":"0"},"xrefs":[{"external_system":"loyalty","external_ID":"27"}]}`},
		{"loyalty id=27 null file=2a row=1", "a@x", ""},
	} {
		publish(c.line)
		headers, key, value, ok := documents.NextRawWithHeaders()
		if !ok || key != c.key || string(value) != c.value || (value == nil) != (c.value == "") {
			t.Errorf("%s: %v %s %q", c.line, ok, key, value)
		}
		if string(headers[codec.HeaderGeneration]) != "1" || len(headers[codec.HeaderFence]) == 0 {
			t.Errorf("%s: headers %v", c.line, headers)
		}
	}
	publish("store a@x value=<html>")
	headers, key, value, ok := letters.NextRawWithHeaders()
	d, err := codec.ParseDeadLetter(headers, value)
	if !ok || err != nil || key != d.Coordinates() || string(d.Value) != "<html>" || d.Topic != topology.AnswersTopic || string(d.Key) != "a@x" {
		t.Errorf("%v %v %+v", ok, err, d)
	}
	if got := tt.TableValue(goka.GroupTable(goka.Group(s.RekeyGroup(codec.OnlineStore))), "a@x"); got != nil {
		t.Errorf("a refused answer left %v", got)
	}
}

// TestGraphsMatchTheTopology: names, edges and tables are those that commands
// create and draw.
func TestGraphsMatchTheTopology(t *testing.T) {
	s := topology.DefaultSettings()
	s.Generation = 3
	graph, err := topology.New(s)
	if err != nil {
		t.Fatal(err)
	}
	graphs := map[string]*goka.GroupGraph{}
	for _, g := range append([]*goka.GroupGraph{}, Merge(MergeConfig{Settings: s, Precedence: DefaultPrecedence()}, NewMetrics(nil))) {
		graphs[string(g.Group())] = g
	}
	for _, source := range realSources(t) {
		g := Rekey(RekeyConfig{Source: source, Settings: s}, NewMetrics(nil))
		graphs[string(g.Group())] = g
	}
	for _, group := range graph.Groups {
		if group.Stage != "rekey" && group.Stage != "merge" {
			continue
		}
		g := graphs[group.Name]
		if g == nil {
			t.Errorf("%s: no graph", group.Name)
			continue
		}
		delete(graphs, group.Name)
		if got, want := strings.Join(g.InputStreams().Topics(), ","), strings.Join(group.Inputs, ","); got != want {
			t.Errorf("%s reads %s, the topology says %s", group.Name, got, want)
		}
		if got, want := strings.Join(g.OutputStreams().Topics(), ","), strings.Join(group.Outputs, ","); got != want {
			t.Errorf("%s writes %s, the topology says %s", group.Name, got, want)
		}
		if g.GroupTable().Topic() != group.TableTopic() {
			t.Errorf("%s: table %s, the topology says %s", group.Name, g.GroupTable().Topic(), group.TableTopic())
		}
		if err := g.Validate(); err != nil {
			t.Error(err)
		}
	}
	if len(graphs) > 0 {
		t.Errorf("not in the topology: %v", graphs)
	}
}

// TestMergeRefusesForeignRecords: what rekey did not write is a dead letter.
func TestMergeRefusesForeignRecords(t *testing.T) {
	good := assert("a@x", codec.Loyalty, "1", 1, "name", "A")
	broken := good
	broken.Fields = []byte{99, 1, 'x'}
	for name, value := range map[string][]byte{
		"null": nil, "empty": {}, "garbage": []byte("hello"), "fields": broken.AppendValue(nil),
	} {
		w := newWorld(1, 0, Guard{})
		w.append(logged{topic: w.settings.Records(), key: "a@x", value: value})
		w.append(logged{topic: w.settings.Records(), key: "a@x", value: good.AppendValue(nil)})
		w.settle(first)
		letters := w.letters(t)
		if w.stopped != nil || len(letters) != 1 || letters[0].Stage != "merge" || letters[0].Topic != w.settings.Records() || string(letters[0].Value) != string(value) || (letters[0].Value == nil) != (value == nil) {
			t.Errorf("%s: %v %+v", name, w.stopped, letters)
		}
		if len(w.documents(t)) != 1 {
			t.Errorf("%s: the partition does not go on", name)
		}
	}
	newer := good.AppendValue(nil)
	newer[0] = 2
	for _, c := range []struct {
		table, value []byte
		want         error
	}{{[]byte{200}, good.AppendValue(nil), errRegisters}, {[]byte{2}, good.AppendValue(nil), codec.ErrNewer}, {nil, newer, codec.ErrNewer}} {
		w := newWorld(1, 0, Guard{})
		w.tables[w.settings.MergeGroup()] = map[string][]byte{"a@x": c.table}
		w.append(logged{topic: w.settings.Records(), key: "a@x", value: c.value})
		if w.settle(first); !errors.Is(w.stopped, errFatal) || !errors.Is(w.stopped, c.want) {
			t.Error(w.stopped)
		}
	}
}

// TestMergeReadsRecordsAsJSON: documents, tables and dead letters are those of the
// binary records.
func TestMergeReadsRecordsAsJSON(t *testing.T) {
	records := append(groves(), withdraw(groves()[0].Key, codec.Loyalty, "27", 4000),
		assert("order::1", codec.OnlineStore, "a@x", 1, "body", `{"id":1,"note":"\""}`))
	binary, asJSON := newWorld(1, 0, Guard{}), newWorld(1, 0, Guard{})
	asJSON.merger = newMerger(MergeConfig{Settings: asJSON.settings, Precedence: DefaultPrecedence(),
		Decode: codec.DecodeJSONRecord, Fail: markFatal}, NewMetrics(nil))
	for i := range records {
		text, err := records[i].AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		binary.append(logged{topic: binary.settings.Records(), key: records[i].Key, value: records[i].AppendValue(nil)})
		asJSON.append(logged{topic: asJSON.settings.Records(), key: records[i].Key, value: text})
	}
	asJSON.append(logged{topic: asJSON.settings.Records(), key: "a@x", value: records[0].AppendValue(nil)})
	binary.settle(first)
	asJSON.settle(first)
	documents := func(w *world) []logged { return w.all(w.settings.Documents()) }
	if len(documents(binary)) != 5 || !reflect.DeepEqual(documents(asJSON), documents(binary)) || !reflect.DeepEqual(asJSON.tables, binary.tables) {
		t.Errorf("got  %+v\nwant %+v", documents(asJSON), documents(binary))
	}
	letters := asJSON.letters(t)
	if asJSON.stopped != nil || len(letters) != 1 || !strings.Contains(letters[0].Reason, "malformed record: not UTF-8") {
		t.Errorf("%v %+v", asJSON.stopped, letters)
	}
}

func TestMetricsHaveHelp(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(3, 0, Guard{}, realSources(t)...)
	w.play(script(t, `
		hd id=1 op=c email=a@x name=A
		hd id=1 op=c email=a@x table=other
		hd id=1 op=u email=nobody name=A
		loyalty id=1 email=b@x file=1a row=1
	`), func() {})
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"ignored": 1, "dead_letters": 1, "records": 3, "documents": 2, "removals": 1, "unchanged": 0, "quarantined": 0}
	for _, f := range families {
		name := strings.TrimSuffix(strings.TrimPrefix(f.GetName(), "customer360_processors_"), "_total")
		sum := 0.0
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
		if v, ok := want[name]; !ok || v != sum || f.GetHelp() == "" {
			t.Errorf("%s: %v, want %v", f.GetName(), sum, v)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Error("missing:", want)
	}
	NewMetrics(reg)
}
