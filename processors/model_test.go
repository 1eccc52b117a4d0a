package processors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/internal/model"
	"customer360/topology"
)

// modelOf is the model behind everything that lies in the world's raw topics,
// partition by partition.
func (w *world) modelOf(o model.Options) *model.Model {
	o.Partitions = func(string) int32 { return w.settings.Partitions }
	m := model.New(o)
	for _, topic := range slices.Sorted(maps.Keys(w.rekeyers)) {
		for _, l := range w.all(topic) {
			m.Apply(l.raw())
		}
	}
	return m
}

func (l logged) raw() model.Raw {
	return model.Raw{Topic: l.topic, Partition: l.partition, Offset: l.offset, Key: []byte(l.key), Value: l.value, Headers: l.headers}
}

// differs compares documents, the dead letters of raw records and quarantines
// with the model's; "" where all are equal.
func (w *world) differs(t testing.TB, m *model.Model) string {
	documents, letters, quarantined := map[string]string{}, []string{}, []string{}
	for key, body := range m.Documents() {
		documents[key] = string(body)
	}
	for _, d := range w.letters(t) {
		switch {
		case d.Stage == "rekey":
			letters = append(letters, d.Coordinates())
		case strings.HasPrefix(d.Reason, "quarantined: "):
			r := w.logs[d.Topic][d.Partition][d.Offset]
			quarantined = append(quarantined, r.key)
		}
	}
	slices.Sort(letters)
	slices.Sort(quarantined)
	if got := w.documents(t); !maps.Equal(got, documents) {
		return "documents: " + differences(got, documents)
	}
	if want := m.DeadLetters(); !slices.Equal(letters, want) {
		return fmt.Sprintf("dead letters: product %v, model %v", letters, want)
	}
	if want := m.Quarantined(); !slices.Equal(quarantined, want) {
		return fmt.Sprintf("quarantined: product %v, model %v", quarantined, want)
	}
	return ""
}

// differences names the keys and both bodies.
func differences(product, model map[string]string) string {
	var b strings.Builder
	all := maps.Clone(product)
	maps.Copy(all, model)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if product[key] != model[key] {
			fmt.Fprintf(&b, "\n%s\n  product %s\n  model   %s", key, product[key], model[key])
		}
	}
	return b.String()
}

// TestModelAgreesOnScripts: the model makes of every golden script what the
// product makes of it.
func TestModelAgreesOnScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w := scriptWorld(t)
		w.play(script(t, string(archive.Files[0].Data)), func() { w.settle(first) })
		if w.stopped != nil {
			continue // where it stops depends on how far partitions were read
		}
		if d := w.differs(t, w.modelOf(model.Options{})); d != "" {
			t.Errorf("%s: %s", filepath.Base(file), d)
		}
	}
}

// TestModelAgreesOnCaptures plays what a real Debezium wrote, all of it in the
// topic of the rows: heartbeats, schema changes and transactions too.
func TestModelAgreesOnCaptures(t *testing.T) {
	files, err := filepath.Glob("../codec/debezium/testdata/*.jsonl")
	if err != nil || len(files) < 15 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		s := &story{partitions: 3, layout: debezium.LayoutAuto, pass: codec.PassKeep, orderly: true, seed: 1}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
			var c struct{ Key, Value *string }
			if err := d.Decode(&c); err != nil {
				t.Fatal(file, err)
			}
			r := rawRecord{topic: topology.HomeDeliveryTopic}
			if c.Key != nil {
				r.key = *c.Key
			}
			if c.Value != nil {
				r.value = []byte(*c.Value)
			}
			s.records = append(s.records, r)
		}
		s.replay = len(s.records)
		if d := checkStory(t, s); d != "" {
			t.Errorf("%s: %s", filepath.Base(file), d)
		}
	}
}
