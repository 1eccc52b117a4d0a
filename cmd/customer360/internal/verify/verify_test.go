package verify

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"customer360/processors/couchbase"
)

// TestShare: a share has about as many keys as it says, always the same, and
// all of a smaller one.
func TestShare(t *testing.T) {
	const keys = 100_000
	counts := map[string]int{}
	for _, form := range []string{"p%d@example.org", "order::%d"} {
		for i := range keys {
			key := fmt.Appendf(nil, form, i)
			before := false
			for _, text := range []string{"0.1%", "1%", "50%", "100%"} {
				s, err := ParseShare(text)
				if err != nil {
					t.Fatal(err)
				}
				now := s.has(key)
				if before && !now {
					t.Fatalf("%s has lost %s", text, key)
				}
				if before = now; now {
					counts[form+text]++
				}
			}
		}
		for text, share := range map[string]float64{"0.1%": 0.001, "1%": 0.01, "50%": 0.5, "100%": 1} {
			if want, got := share*keys, float64(counts[form+text]); math.Abs(got-want) > 6*math.Sqrt(want)+1 {
				t.Errorf("%s of %s has %v keys", text, form, got)
			}
		}
	}
	for _, text := range []string{"", "1", "0%", "-1%", "101%", "NaN%", "x%", "%"} {
		if s, err := ParseShare(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}

func TestEntry(t *testing.T) {
	for _, body := range [][]byte{nil, {}, []byte(`{"a":1}`)} {
		e := entry{couchbase.Fence{Generation: 3, Offset: 1 << 40}, 11, 1 << 41, body}
		got, err := parseEntry(e.append(nil))
		if err != nil || got.fence != e.fence || got.partition != e.partition || got.offset != e.offset || string(got.body) != string(body) || (got.body == nil) != (body == nil) {
			t.Errorf("%+v, %v; want %+v", got, err, e)
		}
		for cut := range e.append(nil)[:1] {
			if _, err := parseEntry(e.append(nil)[:cut]); err == nil {
				t.Errorf("cut off at %d it is read", cut)
			}
		}
	}
	f := finding{reason: Outdated, entry: &entry{couchbase.Fence{Generation: 1, Offset: 2}, 3, 4, []byte("x")}, found: couchbase.Found{Fenced: true, Fence: couchbase.Fence{Generation: 1, Offset: 1}}, judged: true}
	s, err := parseFinding(f.append(nil))
	if err != nil || !reflect.DeepEqual(s, f.stored()) || !s.same(f.entry) || s.same(nil) || s.same(&entry{partition: 3, offset: 5}) {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestCompare is the table of all that Couchbase can hold against all that the
// log can say; generation 2 serves.
func TestCompare(t *testing.T) {
	is := func(g, o int64) couchbase.Fence { return couchbase.Fence{Generation: g, Offset: o} }
	body := []byte(`{"a":1}`)
	document, removal := &entry{fence: is(2, 10), body: body}, &entry{fence: is(2, 10)}
	live := func(f couchbase.Fence, body string) couchbase.Found {
		return couchbase.Found{Live: true, Fenced: true, Fence: f, Body: []byte(body)}
	}
	dead := func(f couchbase.Fence) couchbase.Found { return couchbase.Found{Fenced: true, Fence: f} }
	nothing, foreign := couchbase.Found{}, couchbase.Found{Live: true, Body: body}
	binary := live(is(2, 10), `{"a":1}`)
	binary.Binary = true
	for name, c := range map[string]struct {
		found                  couchbase.Found
		document, removed, not Reason
	}{
		"nothing":                       {nothing, Missing, "", ""},
		"the same":                      {live(is(2, 10), `{"a":1}`), "", Extra, Extra},
		"another body":                  {live(is(2, 10), `{"a":2}`), Differing, Extra, Extra},
		"flags of something else":       {binary, Differing, Extra, Extra},
		"an older one":                  {live(is(2, 9), `{"a":1}`), Outdated, Extra, Extra},
		"a newer one":                   {live(is(2, 11), `{"a":1}`), Newer, Newer, Extra},
		"one of the former generation":  {live(is(1, 99), `{"a":1}`), Generation, Extra, Extra},
		"one of a later generation":     {live(is(3, 1), `{"a":1}`), Generation, Generation, Extra},
		"without a fence":               {foreign, Foreign, "", ""},
		"a tombstone":                   {dead(is(2, 10)), Missing, "", ""},
		"an older tombstone":            {dead(is(2, 9)), Missing, Outdated, ""},
		"a newer tombstone":             {dead(is(2, 11)), Newer, Newer, ""},
		"a tombstone of generation 1":   {dead(is(1, 99)), Missing, Generation, ""},
		"a tombstone of generation 3":   {dead(is(3, 1)), Generation, Generation, ""},
		"a tombstone without any fence": {couchbase.Found{}, Missing, "", ""},
	} {
		for i, e := range []*entry{document, removal, nil} {
			want := []Reason{c.document, c.removed, c.not}[i]
			if got := compare(e, c.found, 2); got != want {
				t.Errorf("%s against %+v: %q, want %q", name, e, got, want)
			}
		}
	}
}
