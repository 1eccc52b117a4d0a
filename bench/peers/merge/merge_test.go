package merge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"
	"github.com/prometheus/client_golang/prometheus"

	"customer360/bench/load"
	"customer360/bench/peers/merge"
	"customer360/codec"
	"customer360/processors"
	"customer360/topology"
)

// product runs processors.Merge on goka's tester, one record at a time.
type product struct {
	tt        *tester.Tester
	records   string
	documents *tester.QueueTracker
}

func startProduct(t *testing.T) *product {
	t.Helper()
	s := topology.DefaultSettings()
	s.Partitions = 1
	tt := tester.New(t)
	graph := processors.Merge(processors.MergeConfig{Settings: s, Precedence: processors.DefaultPrecedence(), Decode: codec.DecodeJSONRecord},
		processors.NewMetrics(prometheus.NewRegistry()))
	p, err := goka.NewProcessor(nil, graph, goka.WithTester(tt), goka.WithHasher(func() hash.Hash32 { return topology.NewHasher() }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the product's processor does not end")
		}
	})
	return &product{tt, s.Records(), tt.NewQueueTracker(s.Documents())}
}

// apply says what the record did to the documents.
func (p *product) apply(key string, value []byte) (merge.Effect, []byte) {
	p.tt.Consume(p.records, key, value)
	switch _, document, ok := p.documents.NextRaw(); {
	case !ok:
		return merge.Unchanged, nil
	case document == nil:
		return merge.Removed, nil
	default:
		return merge.Written, document
	}
}

// peer is the job with its state as a store would hold it.
type peer map[string][]byte

func (p peer) apply(t *testing.T, key string, value []byte) (merge.Effect, []byte) {
	t.Helper()
	var s merge.State
	var r merge.Record
	if stored, ok := p[key]; ok {
		if err := json.Unmarshal(stored, &s); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(value, &r); err != nil {
		t.Fatal(err)
	}
	changed, effect, document, err := s.Apply(&r)
	if err != nil {
		t.Fatal(err)
	}
	if changed {
		if p[key], err = json.Marshal(s); err != nil {
			t.Fatal(err)
		}
	}
	return effect, document
}

// compare tells both the same records and returns how often each effect was met.
func compare(t *testing.T, messages func(yield func(load.Message) bool)) map[merge.Effect]int {
	t.Helper()
	ours, theirs, effects := startProduct(t), peer{}, map[merge.Effect]int{}
	n := 0
	for m := range messages {
		wantEffect, want := ours.apply(string(m.Key), m.Value)
		effect, document := theirs.apply(t, string(m.Key), m.Value)
		if effect != wantEffect || !bytes.Equal(document, want) {
			t.Fatalf("record %d, %s: %s\nthe product: effect %d, %s\nthe peer:    effect %d, %s", n, m.Key, m.Value, wantEffect, want, effect, document)
		}
		effects[effect]++
		n++
	}
	return effects
}

func TestThePeerDoesWhatTheProductDoes(t *testing.T) {
	for _, d := range []load.Distribution{load.Uniform, load.Zipf} {
		g, err := load.New(load.Config{Records: 5000, Keys: 100, Distribution: d, Mix: load.Mixed, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if effects := compare(t, g.Encoded(load.JSON)); effects[merge.Written] < 3000 || effects[merge.Unchanged] < 300 {
			t.Errorf("%s: effects %v", d, effects)
		}
	}
}

// story is one key's records, told in few words.
func story(records ...string) func(func(load.Message) bool) {
	return func(yield func(load.Message) bool) {
		for i, r := range records {
			var source, identity, id, name, kind string
			if _, err := fmt.Sscanf(r, "%s %s %s %s %s", &kind, &source, &identity, &id, &name); err != nil && kind != "withdraw" {
				panic(fmt.Sprintf("%q: %v", r, err))
			}
			fields := map[string]string{"name": name, "email": "k@example.com", "phone": "1" + name, "pass": "p" + name, "city": "<" + name + ">\u2028\t\"", "loyaltyPoints": "9" + name}
			if id != "none" {
				fields["id"] = id
			}
			record := map[string]any{"source": source, "identity": identity, "kind": kind, "version": i + 1}
			if kind == "assert" {
				record["fields"] = fields
			}
			value, err := json.Marshal(record)
			if err != nil {
				panic(err)
			}
			if !yield(load.Message{Key: []byte("k@example.com"), Value: value}) {
				return
			}
		}
	}
}

func TestStories(t *testing.T) {
	for name, records := range map[string][]string{
		"the shop alone makes no customer": {"assert online_store a 1 A", "assert loyalty b 2 B", "withdraw loyalty b", "withdraw online_store a"},
		"withdrawn before it was there":    {"withdraw home_delivery a", "assert home_delivery a 1 A", "withdraw home_delivery a", "withdraw home_delivery a"},
		"the smallest number":              {"assert home_delivery a 10 A", "assert home_delivery b 9 B", `assert home_delivery c "008" C`, "assert home_delivery d -1 D", "assert home_delivery e -10 E", "assert home_delivery f 99999999999999999999999 F"},
		"numbers before text":              {`assert loyalty a "x" A`, `assert loyalty b 5 B`, `assert loyalty c "5" C`, `assert loyalty d "" D`, "assert loyalty e none E", "assert loyalty f null F", `assert loyalty g "\u0034" G`},
		"equal ids, other identities":      {"assert loyalty b 1 B", "assert loyalty a 1 A", "assert loyalty ä 1 C", "assert loyalty z 1 D"},
		"all sources":                      {"assert loyalty a 1 A", "assert home_delivery b 2 B", "assert online_store c 3 C", "withdraw online_store c", "withdraw home_delivery b", "withdraw loyalty a"},
		"a source nobody knows":            {"assert fax a 1 A", "assert loyalty b 2 B", "assert cable a 3 A"},
	} {
		t.Run(name, func(t *testing.T) {
			if effects := compare(t, story(records...)); effects[merge.Written] == 0 {
				t.Errorf("effects %v", effects)
			}
		})
	}
}
