package couchbase

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is JSON for Couchbase must not depend on who looks.
func FuzzValidJSON(f *testing.F) {
	for _, s := range []string{"", " ", "1", "-0", "01", "1e5", "1e400", `"a`, `"\ud800"`, "\"\xff\"", "\"\x01\"", `{"a":1,"a":2}`, `{"a":1,}`, `[1 2]`, "\ufeff1",
		" {\"a\" : [ ] }\n", `{"a":1}{"b":2}`, "nul", "null", `"\u00"`, `"\x"`, strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := validJSON(b), json.Valid(b); got != want {
			t.Errorf("%.100q: %v, encoding/json says %v", b, got, want)
		}
	})
}
