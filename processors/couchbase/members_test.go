package couchbase

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// glued is what the server makes of the operations.
func glued(body []byte) string {
	var b strings.Builder
	for i, op := range members(body) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", op.Path, op.Value)
	}
	return "{" + b.String() + "}"
}

func TestMembers(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf(`"m%d":%d`, i, i))
		}
		return "{" + strings.Join(names, ",") + "}"
	}
	for _, body := range []string{
		`{"type":"user"}`, `{"z":1.10,"a":[12345678901234567890, {"y":1,"b":2}],"n":null}`, `{"a":"}\",{","b_2":"\\"}`, `{"1":{}}`, deep(maxDepth), many(maxMembers),
		`{"OrderId":1,"Items":[{"a":",","b":[]},{}],"Total":-1e9}`,
	} {
		if got := glued([]byte(body)); got != body {
			t.Errorf("%s becomes %s", body, got)
		}
	}
	for _, body := range []string{
		`{}`, `[]`, `[1]`, `3`, `"{}"`, `null`, `{"a":1,"a":2}`, `{"a.b":1}`, `{"a[0]":1}`, "{\"a`\":1}", `{"":1}`, `{"\u0061":1}`, `{"é":1}`,
		`{ "a":1}`, `{"a" :1}`, `{"a": 1}`, `{"a":1 }`, `{"a":1, "b":2}`, "{\"a\":1}\n", deep(maxDepth + 1), many(maxMembers + 1), ``, `{`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":"`, `{"a":"\`, `{"a":1,`, `{"a":1}}`,
		`{"` + strings.Repeat("k", 65) + `":1}`,
	} {
		if (mutation{body: []byte(body)}).insertable() {
			t.Errorf("%.80s is taken apart: %s", body, glued([]byte(body)))
		}
	}
}

// Whatever JSON comes: the very bytes, or not taken apart.
func TestPropertyMembersKeepTheBytes(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) any { return drawJSON(t, 3) })
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(value.Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		switch rapid.IntRange(0, 2).Draw(t, "space") {
		case 0:
			var b bytes.Buffer
			if err := json.Indent(&b, body, "", " "); err != nil {
				t.Fatal(err)
			}
			body = b.Bytes()
		}
		if (mutation{body: body}).insertable() && glued(body) != string(body) {
			t.Fatalf("%s becomes %s", body, glued(body))
		}
	})
}

func drawJSON(t *rapid.T, depth int) any {
	kinds := 4
	if depth == 0 {
		kinds = 2
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "text")
	case 1:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
	case 2:
		return []any{drawJSON(t, depth-1), drawJSON(t, depth-1)}
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		name := rapid.OneOf(rapid.StringMatching(`[a-z_0-9]{1,4}`), rapid.String()).Draw(t, "name")
		object[name] = drawJSON(t, depth-1)
	}
	return object
}
