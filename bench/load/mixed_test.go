package load_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"customer360/bench/load"
	"customer360/codec"
)

func TestTheMixIsAPromiseToo(t *testing.T) {
	for distribution, want := range map[load.Distribution][2]string{
		load.Uniform: {"704f2845aed2572e", "59199463e9b2716c"},
		load.Zipf:    {"57135a2934a02ef3", "4af4de1799446274"},
	} {
		g := generator(t, load.Config{Records: 2000, Keys: 100, Distribution: distribution, Mix: load.Mixed, Seed: 1})
		for range 2 {
			if got := [2]string{digest(g.Encoded(load.Binary)), digest(g.Encoded(load.JSON))}; got != want {
				t.Errorf("%s: digests %q, want %q", distribution, got, want)
			}
		}
	}
}

// The shares are what doc.go says, told from the records alone.
func TestTheMixHasItsShares(t *testing.T) {
	const records = 100_000
	g := generator(t, load.Config{Records: records, Keys: 2000, Distribution: load.Uniform, Mix: load.Mixed, Seed: 1})
	newest, values := map[string]int64{}, map[string]string{}
	cards := map[string]map[string]bool{}
	var withdraws, stale, staleAfterWithdraw, repeats, beyondASCII int
	for r := range g.Decoded() {
		who := r.Key + r.Source + string(r.Identity)
		switch {
		case r.Version <= newest[who]:
			stale++
			if values[who] == "" {
				staleAfterWithdraw++
			}
			continue
		case r.Kind == codec.Withdraw:
			withdraws++
			if values[who] == "" {
				t.Fatalf("%s withdraws what is not there", who)
			}
		case values[who] == string(r.Fields):
			repeats++
		}
		newest[who], values[who] = r.Version, string(r.Fields)
		if bytes.ContainsRune(r.Fields, 'ë') {
			beyondASCII++
		}
		if r.Source == codec.Loyalty {
			if cards[r.Key] == nil {
				cards[r.Key] = map[string]bool{}
			}
			cards[r.Key][string(r.Identity)] = true
		}
	}
	second := 0
	for _, c := range cards {
		if len(c) == 2 {
			second++
		}
	}
	for what, c := range map[string]struct{ have, least, most int }{
		"withdraws":                {withdraws, 1500, 1800},
		"stale asserts":            {stale, 400, 700},
		"stale after a withdraw":   {staleAfterWithdraw, 1, 100},
		"repeats":                  {repeats, 7000, 11000},
		"names beyond ASCII":       {beyondASCII, 5000, 30000},
		"customers with two cards": {second, 95, 100},
	} {
		if c.have < c.least || c.have > c.most {
			t.Errorf("%d %s, want %d to %d", c.have, what, c.least, c.most)
		}
	}
}

func TestBothFormsHoldTheSameRecords(t *testing.T) {
	g := generator(t, load.Config{Records: 1000, Keys: 50, Distribution: load.Zipf, Mix: load.Mixed, Seed: 1})
	var forms []load.Message
	for m := range g.Encoded(load.JSON) {
		forms = append(forms, m)
	}
	i := 0
	for r := range g.Decoded() {
		var j struct {
			Source, Identity, Kind string
			Version                int64
			Fields                 map[string]string
		}
		if err := json.Unmarshal(forms[i].Value, &j); err != nil {
			t.Fatalf("%s: %v", forms[i].Value, err)
		}
		var f codec.Fields
		for n := codec.FieldID; n <= codec.FieldBody; n++ {
			f.SetString(n, j.Fields[n.String()])
		}
		same := codec.Record{Source: j.Source, Identity: []byte(j.Identity), Kind: codec.Assert, Key: string(forms[i].Key), Version: j.Version, Fields: f.Append(nil)}
		if j.Kind == "withdraw" {
			same.Kind = codec.Withdraw
		}
		if !bytes.Equal(same.AppendValue(nil), r.AppendValue(nil)) || same.Key != r.Key {
			t.Errorf("record %d, %s, is not %+v", i, forms[i].Value, r)
		}
		decoded, err := codec.DecodeJSONRecord(string(forms[i].Key), forms[i].Value)
		if err != nil || !bytes.Equal(decoded.AppendValue(nil), r.AppendValue(nil)) {
			t.Errorf("the product reads record %d, %s, as %+v, %v", i, forms[i].Value, decoded, err)
		}
		i++
	}
}
