package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/load"
	"customer360/bench/result"
	"customer360/codec"
)

// contested runs a series whose contenders write what write says.
func contested(t *testing.T, contenders []Contender, write func(c Contender, p Place, produce func(topic, key, value string))) ([]result.Row, error) {
	t.Helper()
	bootstrap := node(t)
	cfg := DefaultConfig()
	cfg.Load, cfg.Warmup, cfg.Rounds, cfg.Contenders, cfg.Once, cfg.Broker = load.Config{Records: 20, Keys: 2, Distribution: load.Uniform, Seed: 1}, 0, 2, contenders, nil, Kfake
	s := &series{cfg: cfg, broker: &broker{bootstrap: bootstrap}, places: map[load.Form]Place{}}
	s.launch = func(ctx context.Context, c Contender, _ string, p Place) (Measurement, error) {
		cl, err := p.connect(kgo.RecordPartitioner(placement()))
		if err != nil {
			return Measurement{}, err
		}
		defer cl.Close()
		write(c, p, func(topic, key, value string) {
			r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value),
				Headers: []kgo.RecordHeader{{Key: codec.HeaderGeneration, Value: []byte("1")}, {Key: codec.HeaderFence, Value: []byte("1")}}}
			if value == "" {
				r.Value = nil
			}
			if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Error(err)
			}
		})
		return Measurement{Contender: c, Start: time.Now(), Records: 20, Seconds: 2, CPU: 0.001, Process: 0.01, RSS: 1, GC: "none", Job: "invented"}, nil
	}
	return s.run(t.Context(), func(int, Contender, []result.Row) {})
}

func TestContendersThatDisagreeAreVoid(t *testing.T) {
	merges := []Contender{Customer360, Customer360JSON}
	for name, c := range map[string]struct {
		contenders []Contender
		void       bool
		write      func(c Contender, p Place, produce func(topic, key, value string))
	}{
		"the same documents in other words": {merges, false, func(c Contender, p Place, produce func(topic, key, value string)) {
			produce(p.Documents(), "k", map[Contender]string{Customer360: `{"a":1,"b":"é"}`, Customer360JSON: `{"b":"\u00e9", "a":1}`}[c])
		}},
		"other documents": {merges, true, func(c Contender, p Place, produce func(topic, key, value string)) {
			produce(p.Documents(), "k", fmt.Sprintf(`{"a":%q}`, c))
		}},
		"a document that one removed": {merges, true, func(c Contender, p Place, produce func(topic, key, value string)) {
			produce(p.Documents(), "k", map[Contender]string{Customer360: `{}`}[c])
		}},
		"one document written twice": {merges, true, func(c Contender, p Place, produce func(topic, key, value string)) {
			produce(p.Documents(), "k", "{}")
			if c == Customer360JSON {
				produce(p.Documents(), "k", "{}")
			}
		}},
		"no JSON": {merges, true, func(_ Contender, p Place, produce func(topic, key, value string)) { produce(p.Documents(), "k", "{") }},
		"a copy that is none": {[]Contender{Raw}, true, func(_ Contender, p Place, produce func(topic, key, value string)) {
			produce(p.Documents(), "k", "x")
		}},
	} {
		rows, err := contested(t, c.contenders, c.write)
		if errors.Is(err, ErrVoid) != c.void || !c.void && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !c.void && len(rows) == 0 {
			t.Errorf("%s: no rows", name)
		}
	}
}

func TestRowsAreTheMeasurements(t *testing.T) {
	rows, err := contested(t, []Contender{Customer360}, func(_ Contender, p Place, produce func(topic, key, value string)) {
		produce(p.Documents(), "k", "{}")
	})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]float64{}
	for _, r := range rows {
		if r.Round == 2 {
			have[r.Metric+" "+r.Unit] = r.Value
		}
	}
	for metric, want := range map[string]float64{"throughput records/s": 10, "cpu us/record": 50, "cpu_process us/record": 500, "rss_peak MiB": 1, "documents documents": 1, "output records": 1} {
		if have[metric] != want {
			t.Errorf("%s is %v, want %v", metric, have[metric], want)
		}
	}
}

// script makes a launcher whose contender is a shell script.
func script(t *testing.T, text string) *launcher {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.Load.Records, cfg.Warmup, cfg.Limit = t.TempDir(), 20, 0, time.Minute
	l := &launcher{cfg, cfg.Dir + "/contender"}
	if err := os.WriteFile(l.self, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAContenderThatFailsIsNoMeasurement(t *testing.T) {
	p, err := NewPlace("127.0.0.1:1", load.Binary, 4)
	if err != nil {
		t.Fatal(err)
	}
	good := `{"contender":"raw","records":20,"seconds":1,"cpu_seconds":1,"cpu_seconds_process":1}`
	for name, c := range map[string]struct {
		text, want string
		limit      time.Duration
	}{
		"good":            {"echo noise; echo '" + good + "'", "", time.Minute},
		"it exits with 3": {"echo why >&2; exit 3", "why", time.Minute},
		"no JSON":         {"echo hello", "hello", time.Minute},
		"too few records": {"echo '" + strings.Replace(good, "20", "19", 1) + "'", "no measurement", time.Minute},
		"it hangs":        {"exec sleep 600", "more than 50ms", 50 * time.Millisecond},
	} {
		l := script(t, c.text)
		l.cfg.Limit = c.limit
		m, err := l.launch(t.Context(), Raw, "127.0.0.1:1", p)
		switch {
		case c.want == "" && (err != nil || m.Records != 20 || m.Process <= 0 || m.Process > 1):
			t.Errorf("%s: %+v, %v", name, m, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPeersGetTheNamesOfTheirPlace(t *testing.T) {
	p, err := NewPlace("127.0.0.1:1", load.JSON, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &launcher{DefaultConfig(), "customer360-bench"}
	for c, want := range map[Contender]string{
		StreamsEOS:  "Streams --name streams-eos --guarantee exactly_once_v2 --bootstrap b:1 --app merge.g2 --in customer360.records.g2 --out customer360.documents.g2 --generation 2 --records 1000000 --warmup 300000 --state-dir s",
		StreamsALO:  "--guarantee at_least_once",
		GokaStock:   "-bootstrap b:1 -group merge.g2 -in customer360.records.g2 -out customer360.documents.g2 -generation 2 -records 1000000 -warmup 300000 -state-dir s",
		Customer360: "customer360-bench contend customer360 --bootstrap b:1 --records 1000000 --warmup 300000 --partitions 4 --commit-interval 100ms --dir s",
	} {
		if argv := strings.Join(l.argv(c, "b:1", p, "s"), " "); !strings.Contains(argv, want) {
			t.Errorf("%s is started by %s, want %s", c, argv, want)
		}
	}
}
