package debezium

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"customer360/codec"
)

func flat(columns string) string {
	if columns != "" {
		columns = "," + columns
	}
	return `{"id":1,"email":"a@x"` + columns + `}`
}

// TestColumns is case 9.
func TestColumns(t *testing.T) {
	for name, c := range map[string]struct {
		mapping     Mapping
		value, want string
	}{
		"all":                  {Mapping{}, flat(`"name":"N","password":"p","address_line_1":"1","address_line_2":"2","city":"c","state":"s","zipcode":"z","phonenumber":"f"`), "a@x: id=1 pass=p name=N address1=1 address2=2 city=c state=s zipcode=z phone=f email=a@x"},
		"null and empty":       {Mapping{}, flat(`"name":null,"city":"","state":null`), "a@x: id=1 email=a@x"},
		"added columns":        {Mapping{}, flat(`"loyal":true,"tags":["x"],"geo":{"x":1}`), "a@x: id=1 email=a@x"},
		"dropped columns":      {Mapping{}, `{"email":"a@x","id":1}`, "a@x: id=1 email=a@x"},
		"renamed":              {Mapping{Columns: map[string]string{"email": "mail", "id": "no"}}, `{"no":9,"mail":"a@x","id":1,"email":"b@x"}`, "a@x: id=9 email=a@x"},
		"other case":           {Mapping{}, `{"ID":1,"EMail":"a@x","PhoneNumber":"f"}`, "a@x: id=1 phone=f email=a@x"},
		"exact before other":   {Mapping{}, `{"EMAIL":"b@x","email":"a@x","Email":"c@x","Id":2,"id":1}`, "a@x: id=1 email=a@x"},
		"one column twice":     {Mapping{Columns: map[string]string{"name": "email"}}, flat(""), "a@x: id=1 name=a@x email=a@x"},
		"field left out":       {Mapping{Columns: map[string]string{"pass": ""}}, flat(`"password":"p"`), "a@x: id=1 email=a@x"},
		"numbers verbatim":     {Mapping{}, flat(`"zipcode":4006,"phonenumber":1.50e3,"city":-0`), "a@x: id=1 city=-0 zipcode=4006 phone=1.50e3 email=a@x"},
		"booleans":             {Mapping{}, flat(`"city":true,"state":false`), "a@x: id=1 city=true state=false email=a@x"},
		"decimal as base64":    {Mapping{}, flat(`"zipcode":"Emc="`), "a@x: id=1 zipcode=Emc= email=a@x"},
		"date as days":         {Mapping{}, flat(`"city":19000`), "a@x: id=1 city=19000 email=a@x"},
		"int64 above 2^53":     {Mapping{}, `{"id":9007199254740993,"email":"a@x","phonenumber":18446744073709551615}`, "a@x: id=9007199254740993 phone=18446744073709551615 email=a@x"},
		"id is text":           {Mapping{}, `{"id":"u\u002d7","email":"a@x"}`, `a@x: id="u-7" email=a@x`},
		"id is a boolean":      {Mapping{}, `{"id":true,"email":"a@x"}`, `a@x: id=true email=a@x`},
		"escapes":              {Mapping{}, flat(`"name":"\u0141uk \"x\" \\ \/ \uD83D\uDE00","c\u0069ty":"Tr\t"`), "a@x: id=1 name=Łuk \"x\" \\ / 😀 city=Tr\t email=a@x"},
		"name trimmed":         {Mapping{}, flat(`"name":"  A B\u00a0"`), "a@x: id=1 name=A B email=a@x"},
		"first and last":       {Mapping{}, flat(`"first_name":" A ","last_name":"B"`), "a@x: id=1 name=A B email=a@x"},
		"first alone":          {Mapping{}, flat(`"first_name":"A","last_name":null`), "a@x: id=1 name=A email=a@x"},
		"last alone":           {Mapping{}, flat(`"first_name":"  ","last_name":"B"`), "a@x: id=1 name=B email=a@x"},
		"auto prefers name":    {Mapping{}, flat(`"first_name":"A","last_name":"B","name":"N"`), "a@x: id=1 name=N email=a@x"},
		"auto, name is empty":  {Mapping{}, flat(`"first_name":"A","last_name":"B","name":" "`), "a@x: id=1 name=A B email=a@x"},
		"layout name":          {Mapping{Layout: LayoutName}, flat(`"first_name":"A","last_name":"B"`), "a@x: id=1 email=a@x"},
		"layout first_last":    {Mapping{Layout: LayoutFirstLast}, flat(`"name":"N","first_name":"A","last_name":"B"`), "a@x: id=1 name=A B email=a@x"},
		"long texts in a view": {Mapping{}, flat(`"city":"` + strings.Repeat("x", 500) + `"`), "a@x: id=1 city=" + strings.Repeat("x", 500) + " email=a@x"},
	} {
		if c.mapping.Layout == "" {
			c.mapping.Layout = LayoutAuto
		}
		d := newDecoder(t, func(cfg *Config) { cfg.Mapping = c.mapping })
		if got := one(t, decode1(t, d, c.value)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		inEnvelope := `{"op":"u","after":` + c.value + `,"source":{}}`
		if got := one(t, decode1(t, d, inEnvelope)); got != c.want {
			t.Errorf("%s, in an envelope: %s, want %s", name, got, c.want)
		}
	}
}

// TestIDFromKey is the rest of case 4: rows whose id stands in the key alone.
func TestIDFromKey(t *testing.T) {
	d := newDecoder(t, nil)
	for key, want := range map[string]string{
		`{"customer":9007199254740993}`: `9007199254740993`, `{"no":"x"}`: `"x"`, wrap(`{"id":7}`): `7`,
		`{"region":"no","no":7}`: `"no/7"`, wrap(`{"a":1,"b":2}`): `"1/2"`, `"abc"`: `"abc"`, `17`: `17`,
		`Struct{id=1}`: `"Struct{id=1}"`, `a"b`: `"a\"b"`, `{"schema":1,"payload":2}`: `2`, `{"schema":1,"payload":2,"x":3}`: `"1/2/3"`,
	} {
		for _, value := range []string{`{"email":"a@x"}`, `{"id":null,"email":"a@x"}`} {
			c, err := d.Decode(record(key, value))
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			if got := string(c.Assertions[0].Fields.Get(codec.FieldID)); got != want {
				t.Errorf("%s: id %s, want %s", key, got, want)
			}
		}
	}
	for _, key := range []string{`{}`, `{"id":null}`, `null`, ` `, `{"id":[1]}`, `[]`} {
		if c, err := d.Decode(record(key, `{"email":"a@x"}`)); err == nil {
			t.Errorf("%s: an id out of nothing: %s", key, showAssertion(c.Assertions[0]))
		}
	}
}

// TestEmails is case 6 as far as a decoder sees it.
func TestEmails(t *testing.T) {
	d := newDecoder(t, nil)
	c := decode1(t, d, `{"id":1,"email":" Matthew.Groves@Couchbase.com\u2003 "}`)
	if got, want := one(t, c), "matthew.groves@couchbase.com: id=1 email=Matthew.Groves@Couchbase.com"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for email, want := range map[string]error{
		`null`: codec.ErrEmailMissing, `""`: codec.ErrEmailMissing, `"  "`: codec.ErrEmailMissing, `"nobody"`: codec.ErrEmailInvalid,
		`"` + strings.Repeat("x", 300) + `@y"`: codec.ErrEmailInvalid, `17`: codec.ErrEmailInvalid,
	} {
		for _, value := range []string{`{"id":1,"email":` + email + `}`, `{"op":"u","source":` + at("5/1:9:0") + `,"after":{"id":1,"email":` + email + `}}`} {
			c := decode1(t, d, value)
			if !errors.Is(c.Problem, want) || len(c.Assertions) != 0 || c.Ignored != "" || c.Position == nil {
				t.Errorf("%.30s: %d assertions, problem %v, want %v", email, len(c.Assertions), c.Problem, want)
			}
		}
	}
	if _, err := d.Decode(record(key1, `{"id":1,"name":"x"}`)); err == nil || !strings.Contains(err.Error(), "email") {
		t.Errorf("a row without the column: %v", err)
	}
}

// TestEmailsOfTwoRows is the rest of case 6: rows that swap their emails, and
// one that takes the email of a deleted row.
func TestEmailsOfTwoRows(t *testing.T) {
	d := newDecoder(t, nil)
	row := func(id int, email string) *codec.Raw {
		key := fmt.Sprintf(`{"id":%d}`, id)
		if email == "" {
			return record(key, "")
		}
		return record(key, fmt.Sprintf(`{"id":%d,"email":%q}`, id, email))
	}
	for name, c := range map[string]struct {
		records []*codec.Raw
		want    string
	}{
		"swap":   {[]*codec.Raw{row(1, "a@x"), row(2, "b@x"), row(1, "b@x"), row(2, "a@x")}, "[a@x: id=2 email=a@x b@x: id=1 email=b@x]"},
		"reused": {[]*codec.Raw{row(1, "a@x"), row(1, ""), row(2, "A@x")}, "[a@x: id=2 email=A@x]"},
		"case":   {[]*codec.Raw{row(1, "a@x"), row(1, "A@X")}, "[a@x: id=1 email=A@X]"},
	} {
		b := newTable(d)
		for i, raw := range c.records {
			if accepted, err := b.apply(raw); err != nil || !accepted {
				t.Errorf("%s, record %d: %t, %v", name, i, accepted, err)
			}
		}
		if got := fmt.Sprint(b.show()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestColumnsThatAreNotThere: what the server's log does not hold is no text.
func TestColumnsThatAreNotThere(t *testing.T) {
	d := newDecoder(t, nil)
	for _, column := range []string{"email", "name", "address_line_1", "password"} {
		value := strings.Replace(flat(`"name":"N","address_line_1":"1","password":"p"`), `"`+column+`":"`, `"`+column+`":"__debezium_unavailable_value","was":"`, 1)
		if c, err := d.Decode(record(key1, value)); !errors.Is(err, errNotThere) || !strings.Contains(err.Error(), column) {
			t.Errorf("%s: %+v, %v", column, c, err)
		}
	}
	if got := one(t, decode1(t, d, flat(`"bio":"__debezium_unavailable_value"`))); got != "a@x: id=1 email=a@x" {
		t.Errorf("a column that no field is mapped to: %s", got)
	}
}

func TestPassModes(t *testing.T) {
	for mode, want := range map[codec.PassMode]string{codec.PassKeep: "abc", codec.PassDrop: "",
		codec.PassHash: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"} {
		d := newDecoder(t, func(c *Config) { c.Pass = mode })
		c := decode1(t, d, flat(`"password":"abc"`))
		if got := string(c.Assertions[0].Fields.Get(codec.FieldPass)); got != want {
			t.Errorf("%s: %q, want %q", mode, got, want)
		}
	}
}

// TestChangeKeepsNoRecord holds the decoder to copying what it keeps.
func TestChangeKeepsNoRecord(t *testing.T) {
	d := newDecoder(t, nil)
	raw := record(`{"no":"x"}`, `{"email":"A@x","name":"N","password":"p","city":"c"}`)
	c, err := d.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	before := one(t, c)
	clear(raw.Value)
	clear(raw.Key)
	if after := one(t, c); after != before || before != `a@x: id="x" pass=p name=N city=c email=A@x` {
		t.Errorf("%s became %s", before, after)
	}
}
