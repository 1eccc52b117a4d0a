package contest

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"customer360/bench/load"
	"customer360/internal/local/kafka"
	"customer360/topology"
)

func TestMain(m *testing.M) {
	// leveldb's goroutine stays for a second after Close.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

func node(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(kafka.Settings()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return strings.Join(cluster.ListenAddrs(), ",")
}

func filled(t *testing.T, bootstrap string, form load.Form, c load.Config) Place {
	t.Helper()
	g, err := load.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlace(bootstrap, form, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fill(t.Context(), g.Encoded(form)); err != nil {
		t.Fatal(err)
	}
	return p
}

var mix = load.Config{Records: 3000, Keys: 200, Distribution: load.Uniform, Mix: load.Mixed, Seed: 1}

// run is the contender's run, and what it left.
func runOnce(t *testing.T, bootstrap string, p Place, c Contender) (Measurement, output) {
	t.Helper()
	if err := p.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultContendConfig()
	cfg.Bootstrap, cfg.Contender, cfg.Records = bootstrap, c, int64(mix.Records)
	m, err := Contend(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.plausible(cfg.Records); err != nil {
		t.Errorf("%+v: %v", m, err)
	}
	o, err := p.output(t.Context(), c.Merges())
	if err != nil {
		t.Fatal(err)
	}
	return m, o
}

func TestBothFormsMakeTheSameDocumentsInEveryRun(t *testing.T) {
	bootstrap := node(t)
	var digests []string
	for _, c := range []Contender{Customer360, Customer360JSON} {
		p := filled(t, bootstrap, c.Form(), mix)
		for range 2 { // the second run finds what the first left, and must not
			m, o := runOnce(t, bootstrap, p, c)
			digest, err := o.digest(normalJSON)
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, digest)
			if m.Disk == 0 || m.Allocs <= 0 || m.Records+m.Warmup != int64(mix.Records) {
				t.Errorf("%+v", m)
			}
			if len(o.live) < 190 || o.records < 1500 || o.records >= mix.Records {
				t.Errorf("%d documents by %d records", len(o.live), o.records)
			}
		}
	}
	for _, d := range digests {
		if d != digests[0] {
			t.Errorf("digests %q differ", digests)
		}
	}
}

func TestRawCopiesEveryRecord(t *testing.T) {
	bootstrap := node(t)
	p := filled(t, bootstrap, load.Binary, mix)
	for _, c := range []Contender{Raw, RawTxn} {
		if _, o := runOnce(t, bootstrap, p, c); o.records != mix.Records {
			t.Errorf("%s wrote %d records of %d", c, o.records, mix.Records)
		}
	}
}

func TestATopicWithOtherRecordsIsRefused(t *testing.T) {
	bootstrap := node(t)
	p := filled(t, bootstrap, load.Binary, mix)
	if err := p.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultContendConfig()
	cfg.Bootstrap, cfg.Contender, cfg.Records = bootstrap, Raw, int64(mix.Records)+1
	if _, err := Contend(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the topic has 3000 records and not 3001") {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsVoid(t *testing.T) {
	bootstrap := node(t)
	p := filled(t, bootstrap, load.Binary, mix)
	if err := p.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	cl, err := p.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	produce := func(r *kgo.Record) {
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce(&kgo.Record{Topic: p.Documents(), Key: []byte("k"), Value: []byte("{}")})
	if _, err := p.output(t.Context(), true); !errors.Is(err, ErrVoid) {
		t.Errorf("a document without headers: %v", err)
	}
	o, err := p.output(t.Context(), false)
	if err != nil || string(o.live["k"]) != "{}" {
		t.Errorf("%+v, %v", o, err)
	}
	produce(&kgo.Record{Topic: topology.DeadLetterTopic, Value: []byte("{}")})
	if _, err := p.output(t.Context(), false); !errors.Is(err, ErrVoid) {
		t.Errorf("a dead letter: %v", err)
	}
}

func TestDigestsAreOfNormalForms(t *testing.T) {
	digest := func(documents map[string]string) string {
		o := output{live: map[string][]byte{}}
		for k, v := range documents {
			o.live[k] = []byte(v)
		}
		d, err := o.digest(normalJSON)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := digest(map[string]string{"a": `{"x":1,"y":"<é>"}`, "b": "{}"})
	if b := digest(map[string]string{"b": " {} ", "a": `{"y":"<é>", "x":1}`}); a != b {
		t.Error("the same documents have other digests")
	}
	for _, other := range []map[string]string{{"a": `{"x":1,"y":"<é>"}`}, {"a": `{"x":1,"y":"<e>"}`, "b": "{}"}, {"a": `{"x":"1","y":"<é>"}`, "b": "{}"}} {
		if digest(other) == a {
			t.Errorf("%v has the same digest", other)
		}
	}
	if _, err := (output{live: map[string][]byte{"a": []byte("{")}}).digest(normalJSON); !errors.Is(err, ErrVoid) {
		t.Errorf("half a document: %v", err)
	}
}
