package couchbase

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFenceForm(t *testing.T) {
	if got := string(Fence{1, 4711}.appendJSON(nil)); got != `{"g":1,"o":4711}` {
		t.Errorf("the fixed form is %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		f := Fence{rapid.Int64().Draw(t, "g"), rapid.Int64().Draw(t, "o")}
		if got, err := parseFence(f.appendJSON(nil)); err != nil || got != f {
			t.Fatalf("%v, %v; want %v", got, err, f)
		}
	})
	if f, err := parseFence([]byte(` {"o":2, "later":[1], "g":3}`)); err != nil || f != (Fence{3, 2}) {
		t.Errorf("a later version's form: %v, %v", f, err)
	}
	for _, bad := range []string{``, `null`, `{}`, `1`, `{"v":1}`, `{"g":1}`, `{"o":1}`, `{"g":1.5,"o":1}`, `{"g":"1","o":1}`, `{"g":1,"o":9223372036854775808}`, `{"g":1,"o":1`} {
		if f, err := parseFence([]byte(bad)); err == nil {
			t.Errorf("%s is taken for %v", bad, f)
		}
	}
}

// TestFenceOrder: as numbers, the generation first; "9" is before "10".
func TestFenceOrder(t *testing.T) {
	order := []Fence{{0, 0}, {1, 0}, {1, 9}, {1, 10}, {1, 1 << 62}, {2, 0}, {2, 1}, {10, 0}}
	for i, a := range order {
		for j, b := range order {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v to %v: %d", a, b, got)
			}
		}
	}
}
