package load_test

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"testing"

	"customer360/bench/load"
	"customer360/codec"
	"customer360/codec/debezium"
)

func generator(t *testing.T, c load.Config) *load.Generator {
	t.Helper()
	g, err := load.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func digest(messages iter.Seq[load.Message]) string {
	h := sha256.New()
	for m := range messages {
		h.Write(codec.AppendBytes(codec.AppendBytes(nil, m.Key), m.Value))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// The digests are the promise to compare figures over time: a change of one
// makes earlier results incomparable.
func TestEqualConfigurationsMakeEqualRecords(t *testing.T) {
	for _, c := range []struct {
		config             load.Config
		records, envelopes string
	}{
		{load.Config{Records: 2000, Keys: 100, Distribution: load.Uniform, Seed: 1}, "51a117dcc6a4e8cb", "12dad2fa111c11ed"},
		{load.Config{Records: 2000, Keys: 100, Distribution: load.Zipf, Seed: 1}, "87a5013b625c4249", "a6246e314e2df410"},
		{load.Config{Records: 2000, Keys: 100, Distribution: load.Zipf, Seed: 2}, "466772ffed21b6d8", "8b382b9f19790b4d"},
	} {
		g := generator(t, c.config)
		for range 2 {
			if got := digest(g.Records()); got != c.records {
				t.Errorf("%+v: records have digest %s, want %s", c.config, got, c.records)
			}
			if got := digest(g.Envelopes()); got != c.envelopes {
				t.Errorf("%+v: envelopes have digest %s, want %s", c.config, got, c.envelopes)
			}
		}
	}
}

func TestEveryKeyIsMetAndZipfIsSkewed(t *testing.T) {
	const records, keys = 20_000, 1000
	for distribution, c := range map[load.Distribution]struct{ least, most int }{ // of the first customer
		load.Uniform: {5, 40},
		load.Zipf:    {2200, 2900}, // 19,000 by the harmonic number of 1000, 7.49
	} {
		g := generator(t, load.Config{Records: records, Keys: keys, Distribution: distribution, Seed: 1})
		counts := make(map[string]int)
		for r := range g.Decoded() {
			counts[r.Key]++
		}
		if len(counts) != keys {
			t.Errorf("%s: %d keys, want %d", distribution, len(counts), keys)
		}
		if n := counts["customer.0@example.com"]; n < c.least || n > c.most {
			t.Errorf("%s: the first customer is met %d times, want %d to %d", distribution, n, c.least, c.most)
		}
	}
}

func TestRecordsAreOnesThatMergeTakes(t *testing.T) {
	g := generator(t, load.Config{Records: 500, Keys: 50, Distribution: load.Uniform, Seed: 1})
	for m := range g.Records() {
		r, err := codec.DecodeRecord(string(m.Key), m.Value)
		if err != nil {
			t.Fatal(err)
		}
		var f codec.Fields
		if err := f.Decode(r.Fields); err != nil {
			t.Fatal(err)
		}
		if key, err := codec.NormalizeEmail(string(f.Get(codec.FieldEmail))); err != nil || key != r.Key {
			t.Errorf("key %s, email %s: %v", r.Key, f.Get(codec.FieldEmail), err)
		}
	}
}

func TestEnvelopesAreOnesThatTheDecoderTakes(t *testing.T) {
	decoder, err := debezium.New(debezium.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	g := generator(t, load.Config{Records: 500, Keys: 50, Distribution: load.Zipf, Seed: 1})
	states := make(map[string][]byte)
	for m := range g.Envelopes() {
		change, err := decoder.Decode(&codec.Raw{Key: m.Key, Value: m.Value})
		if err != nil || change.Problem != nil || change.Ignored != "" || len(change.Assertions) != 1 {
			t.Fatalf("%s\nis %+v, %v", m.Value, change, err)
		}
		next, accepted := decoder.Accept(states[string(m.Key)], &change)
		if !accepted {
			t.Fatalf("%s\nis refused: not newer than the record before", m.Value)
		}
		states[string(m.Key)] = next
	}
	if len(states) != 50 {
		t.Errorf("%d rows, want 50", len(states))
	}
}

func TestConfigurationsThatMakeNoLoad(t *testing.T) {
	for _, c := range []load.Config{
		{Records: 9, Keys: 10, Distribution: load.Uniform},
		{Records: 9, Distribution: load.Uniform},
		{Records: 9, Keys: 9, Distribution: "normal"},
	} {
		if _, err := load.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
