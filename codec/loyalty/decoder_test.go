package loyalty

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"customer360/codec"
)

func newDecoder(t testing.TB, pass codec.PassMode) *Decoder {
	t.Helper()
	d, err := New(Config{Pass: pass})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func position(mtime, row int64, hash byte) Position {
	return Position{MTime: mtime, Hash: strings.Repeat(string(hash), 64), Row: row}
}

func member(value string, headers map[string][]byte) *codec.Raw {
	raw := &codec.Raw{Topic: "loyalty.members", Key: []byte("27"), Headers: headers}
	if value != "" {
		raw.Value = []byte(value)
	}
	return raw
}

func show(c codec.Change) string {
	var lines []string
	for _, a := range c.Assertions {
		line := a.Key + ":"
		for f := codec.Field(1); f <= codec.FieldBody; f++ {
			if v := a.Fields.Get(f); v != nil {
				line += " " + f.String() + "=" + string(v)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestTutorialDocument(t *testing.T) {
	sample, err := os.ReadFile("testdata/sampleLoyaltyDocument.json")
	if err != nil {
		t.Fatal(err)
	}
	want := Row{"27", "xrinn5xp.swd", "Aron", "Sawayn", "aron.sawayn@stehr.co.uk", "47"}
	row, err := ParseRow(sample)
	if err != nil || row != want {
		t.Fatalf("%+v, %v", row, err)
	}
	compact := jsontext.Value(slices.Clone(sample))
	if err := compact.Compact(); err != nil {
		t.Fatal(err)
	}
	if got := string(row.AppendJSON([]byte("x"))); got != "x"+string(compact) {
		t.Errorf("%s\nwant\n%s", got, compact)
	}
	c, err := newDecoder(t, codec.PassKeep).Decode(member(string(sample), position(1, 1, 'a').Headers()))
	if got := show(c); err != nil || got != `aron.sawayn@stehr.co.uk: id="27" pass=xrinn5xp.swd name=Aron Sawayn email=aron.sawayn@stehr.co.uk loyaltyPoints=47` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRows(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	for value, want := range map[string]string{
		`{"email":" A@X ","id":"1"}`:                                       `a@x: id="1" email=A@X`,
		`{"email":"a@x"}`:                                                  `a@x: id="27" email=a@x`,
		`{"id":null,"email":"a@x"}`:                                        `a@x: id="27" email=a@x`,
		`{"email":"a@x","firstName":" F ","lastName":""}`:                  `a@x: id="27" name=F email=a@x`,
		`{"email":"a@x","firstName":"","lastName":"L"}`:                    `a@x: id="27" name=L email=a@x`,
		`{"email":"a@x","points":"0","extra":[{"x":1}],"firstName":null}`:  `a@x: id="27" email=a@x loyaltyPoints=0`,
		`{"email":"a@x","points":" many\n"}`:                               "a@x: id=\"27\" email=a@x loyaltyPoints= many\n",
		`{"email":"a@x","points":9007199254740993,"id":7,"password":true}`: `a@x: id="7" pass=true email=a@x loyaltyPoints=9007199254740993`,
		`{"em\u0061il":"\u0061@x","id":"\"7"}`:                             `a@x: id="\"7" email=a@x`,
	} {
		c, err := d.Decode(member(value, nil))
		if got := show(c); err != nil || got != want || c.Problem != nil {
			t.Errorf("%s: %s, %v; want %s", value, got, err, want)
		}
	}
	for value, want := range map[string]error{
		`{}`: codec.ErrEmailMissing, `{"email":null}`: codec.ErrEmailMissing, `{"email":"x"}`: codec.ErrEmailInvalid,
		`{"email":"` + strings.Repeat("x", 250) + `@y"}`: codec.ErrEmailInvalid,
	} {
		c, err := d.Decode(member(value, position(1, 1, 'a').Headers()))
		if err != nil || !errors.Is(c.Problem, want) || c.Assertions != nil || c.Position == nil {
			t.Errorf("%.20s: %+v, %v; want the problem %v", value, c, err, want)
		}
	}
}

func TestMalformedRows(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	const good = `{"password":"secret","email":"a@x"}`
	for name, value := range map[string]string{
		"empty": " ", "no JSON": "<secret>", "text": `"secret"`, "array": `["secret"]`, "null": "null", "garbage behind": good + "x", "two": good + good,
		"twice": `{"password":"secret","password":"secret"}`, "an object in a member": `{"password":{"secret":1}}`, "invalid UTF-8": "{\"password\":\"secret\xff\"}",
		"nested": `{"x":` + strings.Repeat("[", 1_000_000), "surrogate": `{"password":"secret\ud800"}`, "no value": `{"secret"}`, "no comma": `{"secret":1 "x":2}`,
	} {
		if c, err := d.Decode(member(value, nil)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, err := d.Decode(member(good[:n], nil)); err == nil {
			t.Errorf("taken when cut to %d bytes", n)
		}
	}
}

func TestNulls(t *testing.T) {
	d := newDecoder(t, codec.PassKeep)
	raw := member(`{"email":"a@x"}`, nil)
	raw.Key = nil
	if c, err := d.Decode(raw); err != nil || c.Ignored != "null key" {
		t.Errorf("null key: %+v, %v", c, err)
	}
	for _, headers := range []map[string][]byte{nil, position(5, 9, 'a').Headers()} {
		c, err := d.Decode(member("", headers))
		if err != nil || c.Assertions != nil || c.Ignored != "" || c.Problem != nil || (c.Position != nil) != (headers != nil) {
			t.Errorf("null value: %+v, %v", c, err)
		}
	}
}

func TestRowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		want := Row{text.Draw(t, "id"), text.Draw(t, "pass"), text.Draw(t, "first"), text.Draw(t, "last"), text.Draw(t, "email"), text.Draw(t, "points")}
		if got, err := ParseRow(want.AppendJSON(nil)); err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no pass mode was taken for one")
	}
	if a, b := newDecoder(t, codec.PassKeep).Fingerprint(), newDecoder(t, codec.PassHash).Fingerprint(); a == b || a != "loyalty rules=1 pass=keep" {
		t.Errorf("fingerprints %q, %q", a, b)
	}
	c, _ := newDecoder(t, codec.PassDrop).Decode(member(`{"email":"a@x","password":"p"}`, nil))
	if got := show(c); got != `a@x: id="27" email=a@x` {
		t.Error(got)
	}
}

func TestChangeKeepsNoRecord(t *testing.T) {
	raw := member(`{"email":"a@x","password":"p","points":"5"}`, nil)
	c, err := newDecoder(t, codec.PassKeep).Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	before := show(c)
	clear(raw.Value)
	clear(raw.Key)
	if after := show(c); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"27","password":"p","firstName":"A","lastName":"B","email":"a@x","points":"47"}`), []byte("5"), []byte(strings.Repeat("a", 64)), []byte("1"))
	f.Add([]byte(`{"id":27,"points":null,"email":"\u0061@x"}`), []byte(nil), []byte(nil), []byte(nil))
	f.Add([]byte(`[]`), []byte("-1"), []byte("x"), []byte("0"))
	d := newDecoder(f, codec.PassKeep)
	f.Fuzz(func(t *testing.T, value, mtime, hash, row []byte) {
		raw := member(string(value), map[string][]byte{codec.HeaderFileTime: mtime, codec.HeaderFileHash: hash, codec.HeaderFileRow: row})
		c, err := d.Decode(raw)
		if err != nil {
			return
		}
		if len(value) > 0 && !jsontext.Value(value).IsValid() {
			t.Fatal("taken, and it is no JSON")
		}
		state, accepted := d.Accept(nil, &c)
		if !accepted {
			t.Fatal("the first record of a member was refused")
		}
		if next, _ := d.Accept(state, &c); !reflect.DeepEqual(next, state) {
			t.Fatalf("the same record again turns state %x into %x", state, next)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(b, codec.PassKeep)
	raw := member(`{"id":"27","password":"xrinn5xp.swd","firstName":"Aron","lastName":"Sawayn","email":"aron.sawayn@stehr.co.uk","points":"47"}`,
		position(1795423842719123456, 77, 'a').Headers())
	b.SetBytes(int64(len(raw.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if c, err := d.Decode(raw); err != nil || len(c.Assertions) != 1 {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	row := Row{"27", "xrinn5xp.swd", "Aron", "Sawayn", "aron.sawayn@stehr.co.uk", "47"}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = row.AppendJSON(dst[:0])
	}
}
