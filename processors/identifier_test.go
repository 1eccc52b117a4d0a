package processors

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestIdentifiersSort(t *testing.T) {
	// Each before the next one.
	sorted := []string{"-10", "-9", `"-9"`, "0", `"0"`, `"007"`, "8", "9", `"9"`, "10", "1029", `"18446744073709551616"`, "18446744073709551617",
		"", "1.5", `"1.5"`, "1e3", `"A"`, `"\u0061"`, `"b"`, "true", `"true"`}
	for i, a := range sorted {
		for j, b := range sorted {
			x, y := parseIdentifier([]byte(a)), parseIdentifier([]byte(b))
			if got := x.compare(&y); i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
				if a == "true" && b == `"true"` || a == `"true"` && b == "true" {
					continue // by JSON type, strings before the rest
				}
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

func TestEqualIdentifiers(t *testing.T) {
	for a, b := range map[string]string{"-0": "0", `"00"`: `"0"`, `"\u0061"`: `"a"`, "-010": "-10"} {
		x, y := parseIdentifier([]byte(a)), parseIdentifier([]byte(b))
		if x.compare(&y) != 0 {
			t.Errorf("%s and %s: %d", a, b, x.compare(&y))
		}
	}
}

func drawScalar(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})`), rapid.StringMatching(`"-?[0-9]{1,4}"`), rapid.StringMatching(`"[a-c\-0-9.]{0,3}"`),
		rapid.SampledFrom([]string{"true", "null", "1.0", "1e2", `"\u0031"`, `"\"1"`, ""}),
	).Draw(t, label)
}

func TestIdentifiersAreATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := [3]identifier{}
		for i := range ids {
			ids[i] = parseIdentifier([]byte(drawScalar(t, "id")))
		}
		a, b, c := &ids[0], &ids[1], &ids[2]
		if a.compare(b) != -b.compare(a) || a.compare(a) != 0 {
			t.Fatalf("%s %s: not antisymmetric", a.text, b.text)
		}
		if a.compare(b) <= 0 && b.compare(c) <= 0 && a.compare(c) > 0 {
			t.Fatalf("%s %s %s: not transitive", a.text, b.text, c.text)
		}
		if a.integer && b.integer {
			x, _ := new(big.Int).SetString(string(a.text), 10)
			y, _ := new(big.Int).SetString(string(b.text), 10)
			if order := x.Cmp(y); order != 0 && order != a.compare(b) {
				t.Fatalf("%s %s: %d", a.text, b.text, a.compare(b))
			}
		}
	})
}

func TestPrecedence(t *testing.T) {
	if err := DefaultPrecedence().Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(Precedence) error{
		"unknown field":  func(p Precedence) error { return p.Set("surname", []string{"loyalty"}) },
		"id":             func(p Precedence) error { return p.Set("id", []string{"loyalty"}) },
		"unknown source": func(p Precedence) error { return p.Set("name", []string{"crm"}) },
		"no source":      func(p Precedence) error { return p.Set("name", nil) },
		"twice":          func(p Precedence) error { return p.Set("name", []string{"loyalty", "loyalty"}) },
		"missing":        func(p Precedence) error { delete(p, profileFields[0]); return p.Validate() },
		"no profile's":   func(p Precedence) error { p[1] = []string{"loyalty"}; return p.Validate() },
	} {
		if err := change(DefaultPrecedence()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p, q := DefaultPrecedence(), DefaultPrecedence()
	if p.Fingerprint() != q.Fingerprint() {
		t.Error("the fingerprint is not stable")
	}
	for _, f := range profileFields {
		q := DefaultPrecedence()
		if err := q.Set(f.String(), []string{"online_store"}); err != nil || q.Fingerprint() == p.Fingerprint() || slices.Equal(q[f], p[f]) {
			t.Errorf("%s: %v, %s", f, err, q.Fingerprint())
		}
	}
}

func TestPrecedenceDecidesTheFold(t *testing.T) {
	p := DefaultPrecedence()
	if err := p.Set("name", []string{"loyalty", "home_delivery"}); err != nil {
		t.Fatal(err)
	}
	w := scriptWorld(t)
	w.merger = newMerger(MergeConfig{Settings: w.settings, Precedence: p, Primary: []string{"home_delivery"}}, NewMetrics(nil))
	w.play(script(t, `
		loyalty id=27 email=a@x first=Loyal file=1a row=1
		loyalty id=28 email=alone@x first=Alone file=1a row=2
		hd id=1 op=c email=a@x name=Home
		store a@x id=1 name=Store
	`), func() {})
	docs := w.documents(t)
	if len(docs) != 1 || docs["a@x"] != `{"type":"user","profile":{"name":"Loyal","email":"a@x"},"xrefs":[{"external_system":"online_store","external_ID":1},`+
		`{"external_system":"home_delivery","external_ID":1},{"external_system":"loyalty","external_ID":"27"}]}` {
		t.Error(docs)
	}
}
