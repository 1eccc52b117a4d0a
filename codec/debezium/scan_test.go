package debezium

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestMalformed is the second half of case 10. Each is an error that tells a
// byte and nothing of the record.
func TestMalformed(t *testing.T) {
	d := newDecoder(t, nil)
	good := envelope("u", at("5/1:9:0"), "secret@x")
	for name, value := range map[string]string{
		"no JSON": "<html>secret</html>", "empty": " ", "two values": good + good, "garbage behind": good + "}", "text": `"secret"`,
		"number": "17", "array": "[" + good + "]", "invalid UTF-8": strings.Replace(good, "secret", "secret\xff", 1),
		"lone surrogate": strings.Replace(good, "secret", `secret\ud800`, 1), "control character": strings.Replace(good, "secret", "secret\x01", 1),
		"bad escape": strings.Replace(good, "secret", `secret\x`, 1), "bad number": strings.Replace(good, `"id":1`, `"id":01`, 1),
		"number that is cut": strings.Replace(good, `"id":1`, `"id":1.`, 1), "comma too many": strings.Replace(good, `"id":1,`, `"id":1,,`, 1),
		"huge number":  strings.Replace(good, `"id":1`, `"id":1`+strings.Repeat("0", 1000), 1),
		"huge pos":     strings.Replace(good, `"pos":9`, `"pos":`+strings.Repeat("9", 400), 1),
		"nested":       `{"after":` + strings.Repeat(`[`, 1_000_000) + strings.Repeat(`]`, 1_000_000) + `}`,
		"nested, open": `{"x":` + strings.Repeat(`{"x":`, 1_000_000), "payload beside": `{"payload":{},"schema":{},"secret":1}`,
		"payload alone": `{"payload":` + good + `}`, "payload twice": wrap(`{}`)[:1] + `"payload":null,` + wrap(good)[1:],
		"after twice": strings.Replace(good, `"op"`, `"after":{"id":2},"op"`, 1), "op twice": strings.Replace(good, `"op"`, `"op":"d","op"`, 1),
		"email twice":       strings.Replace(good, `"email"`, `"email":"a@x","email"`, 1),
		"source.file twice": strings.Replace(good, `"file"`, `"file":"b.1","file"`, 1), "a column that is an object": `{"id":1,"email":{"secret":1}}`,
		"an id that is an array": `{"id":["secret"],"email":"a@x"}`, "not a row": `{"secret":1}`, "an empty object": `{}`,
		"after twice, its columns once": `{"op":"c","source":{},"after":{"id":1},"after":{"email":"a@x"}}`,
		"source twice":                  `{"op":"c","source":{"db":"inventory"},"source":{"table":"customers"},"after":{"id":1,"email":"a@x"}}`,
		"nested in a column":            `{"id":1,"email":"a@x","other":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`,
		"low surrogate":                 `{"id":1,"email":"a@x","other":"\udc00"}`,
		"two low surrogates":            `{"id":1,"email":"a@x","other":"\udc00\udc00"}`,
		"two high surrogates":           `{"id":1,"email":"a@x","other":"\ud800\ud800"}`,
		"avro":                          "\x00\x00\x00\x00\x07secret",
	} {
		c, err := d.Decode(record(key1, value))
		switch {
		case err == nil:
			t.Errorf("%s: taken: %+v", name, c)
		case strings.Contains(err.Error(), "secret") || len(err.Error()) > 200:
			t.Errorf("%s: the error repeats the record: %v", name, err)
		case c.Position != nil || c.Assertions != nil:
			t.Errorf("%s: a change beside the error", name)
		}
	}
	for _, raw := range []string{"\x00\x00\x00\x00\x07x", "\x00"} {
		if _, err := d.Decode(record(raw, "")); !errors.Is(err, errRegistry) || !strings.Contains(err.Error(), "Avro") {
			t.Errorf("a key in Avro: %v", err)
		}
	}
}

func TestTruncated(t *testing.T) {
	d := newDecoder(t, nil)
	for _, value := range []string{envelope("u", at("5/1:9:0"), "a@x"), wrap(flat(`"name":"\u0141\"x","city":-1.5e+3,"tags":[true,null,{}]`))} {
		if _, err := d.Decode(record(key1, value)); err != nil {
			t.Fatal(err)
		}
		for n := 1; n < len(value); n++ {
			if _, err := d.Decode(record(key1, value[:n])); err == nil {
				t.Errorf("taken when cut to %d bytes: %s", n, value[:n])
			} else if !strings.Contains(err.Error(), "at byte") {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
	}
}

func TestKeyForm(t *testing.T) {
	for key, want := range map[string]string{
		`{"id":1}`: KeyBare, `{}`: KeyBare, `{"a":1,"b":"x"}`: KeyBare, ` {"id":1} `: KeyBare, `{"schema":1,"payload":2,"x":3}`: KeyBare, `{"payload":2}`: KeyBare,
		wrap(`{"id":1}`): KeyWrapped, `{"payload":{"id":1},"schema":null}`: KeyWrapped, `{"schema":null,"payload":null}`: KeyWrapped,
		`1`: KeyOther, `"x"`: KeyOther, `x`: KeyOther, ``: KeyOther, `{"id":1`: KeyOther, `[1]`: KeyOther, `null`: KeyOther, "\x00\x00\x00\x00\x01": KeyRegistry + "1", "\x00\x00\x00\x00": KeyOther, `{"id":1}{`: KeyOther,
		`Struct{id=1}`: KeyOther,
	} {
		if got := KeyForm([]byte(key)); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// valid is jsontext's judgement; duplicate names are not the scanner's business.
func valid(b []byte) bool {
	return jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true))
}

// deep tells nesting beyond what the scanner takes and jsontext does.
func deep(b []byte) bool {
	d := jsontext.NewDecoder(strings.NewReader(string(b)), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := d.ReadToken(); err != nil {
			return !errors.Is(err, io.EOF) && d.StackDepth() > maxDepth
		}
		if d.StackDepth() > maxDepth {
			return true
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, name := range captures(f) {
		for _, raw := range capture(f, name) {
			f.Add(raw.Value)
		}
	}
	for _, s := range []string{`{"a":[1,-0.5e+10,"\ud83d\ude00\n",true,false,null],"b":{}} `, `[]`, `[1,]`, `{"a"}`, `-`, `01`, `1e`, `"\ud800"`, "\"\x1f\"", `tru`, "\ufeff{}", `[,1]`, `{,}`, `"\u00e9"`, `[[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newScanner(b)
		v := s.value()
		err := s.end()
		if (err == nil) != valid(b) && !deep(b) {
			t.Fatalf("%q: the scanner says %v, jsontext valid: %t", b, err, valid(b))
		}
		if err == nil && v.kind() != byte(jsontext.Value(b).Kind()) && v.kind() != '0' {
			t.Fatalf("%q: kind %c", b, v.kind())
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, name := range captures(f) {
		for _, raw := range capture(f, name) {
			f.Add(raw.Key, raw.Value)
		}
	}
	f.Add([]byte(`{"a":1,"b":"x"}`), []byte(`{"email":"a@x","__deleted":"true","__source_file":"b.1","__source_pos":0}`))
	f.Add([]byte("\x00\x00\x00\x00\x01"), []byte("\x00"))
	f.Add([]byte(`7`), []byte(wrap(`{"op":"r","after":{"ID":null,"Email":"A@x"},"source":{"gtid":"0-1-2","file":"x.9","pos":-1},"transaction":{"total_order":3}}`)))
	d := newDecoder(f, nil)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		raw := record(string(key), string(value))
		c, err := d.Decode(raw)
		if err != nil {
			return
		}
		if !valid(value) && len(value) > 0 {
			t.Fatal("taken, and it is no JSON")
		}
		if c.Ignored != "" {
			return
		}
		for _, a := range c.Assertions {
			if id := a.Fields.Get(1); !valid(id) {
				t.Fatalf("the id %q is no JSON", id)
			}
			if !strings.Contains(a.Key, "@") {
				t.Fatalf("key %q", a.Key)
			}
		}
		state, accepted := d.Accept(nil, &c)
		if !accepted {
			t.Fatal("the first record of a row was refused")
		}
		if next, accepted := d.Accept(state, &c); accepted && string(next) != string(state) {
			t.Fatalf("the same record again turns state %x into %x", state, next)
		}
	})
}
