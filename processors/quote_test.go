package processors

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func encodingJSON(t interface{ Fatal(...any) }, s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func TestQuoteIsEncodingJSON(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	for _, s := range []string{string(all), "", "<a&b>", "\u2028\u2029\u2027", "é\xffé", "\xe2\x80", "\ufffd", "日本\U0001F600"} {
		if got, want := string(appendQuoted(nil, []byte(s))), encodingJSON(t, s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		if got, want := string(appendQuoted(nil, []byte(s))), encodingJSON(t, s); got != want {
			t.Fatalf("%q: %s, want %s", s, got, want)
		}
	})
}
