package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// jsonRecord is what encoding/json makes of a record.
type jsonRecord struct {
	Source   *string           `json:"source"`
	Identity *string           `json:"identity"`
	Kind     string            `json:"kind"`
	Version  *int64            `json:"version"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// record is the same in the words of this package.
func (j *jsonRecord) record() Record {
	r := Record{Key: "k@x", Source: *j.Source, Identity: []byte(*j.Identity), Kind: Withdraw, Version: *j.Version}
	if j.Kind == kindAssert {
		var f Fields
		for n := Field(1); n <= maxField; n++ {
			f.SetString(n, j.Fields[n.String()])
		}
		r.Kind, r.Fields = Assert, f.Append([]byte{})
	}
	return r
}

const jsonExample = `{"source":"home_delivery","identity":"{\"id\":1001}","kind":"assert","version":123,` +
	`"fields":{"id":"1001","name":"Zo\u00eb \"Z\" O'Connor","address1":"1 <Main> & Co\/2","city":"日本"}}`

func TestJSONRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fields Fields
		for n := Field(1); n <= maxField; n++ {
			fields.SetString(n, strings.Repeat(rapid.String().Draw(t, n.String()), rapid.IntRange(1, 20).Draw(t, "times")))
		}
		r := Record{
			Source:   rapid.SampledFrom([]string{HomeDelivery, Loyalty, OnlineStore, "an\"other\n"}).Draw(t, "source"),
			Identity: []byte(rapid.String().Draw(t, "identity")),
			Kind:     rapid.SampledFrom([]Kind{Assert, Withdraw}).Draw(t, "kind"),
			Key:      "k@x", Version: rapid.Int64Range(0, 1<<62).Draw(t, "version"),
		}
		if r.Kind == Assert {
			r.Fields = fields.Append([]byte{})
		}
		encoded, err := r.AppendJSON([]byte("before"))
		if err != nil || !json.Valid(encoded[len("before"):]) {
			t.Fatalf("%s, %v", encoded, err)
		}
		got, err := DecodeJSONRecord("k@x", encoded[len("before"):])
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%s\nis %+v, %v; want %+v", encoded, got, err, r)
		}
		binary, err := DecodeRecord("k@x", got.AppendValue(nil))
		if err != nil || !bytes.Equal(binary.AppendValue(nil), r.AppendValue(nil)) {
			t.Fatalf("the binary form differs: %v", err)
		}
		if cut := rapid.IntRange(0, len(encoded)-len("before")-1).Draw(t, "cut"); true {
			if _, err := DecodeJSONRecord("k@x", encoded[len("before"):][:cut]); !errors.Is(err, errRecord) {
				t.Fatalf("a record cut to %d bytes: %v", cut, err)
			}
		}
	})
}

func TestJSONRecordAsOthersWriteIt(t *testing.T) {
	var want jsonRecord
	if err := json.Unmarshal([]byte(jsonExample), &want); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"as it is": jsonExample,
		"spaced":   strings.NewReplacer(",", " ,\n\t", ":", " : ", "{\"s", " { \"s", "}}", "}\r\n} ").Replace(strings.ReplaceAll(jsonExample, `\"id\":1001`, `\"id\"\u003a1001`)),
		"other order": `{"fields":{"city":"日\u672c","name":"Zoë \"Z\" O\u0027Connor","id":"1001","address1":"1 <Main> & Co/2","phone":""},` +
			`"ver\u0073ion":123,"kind":"\u0061ssert","identity":"{\"id\":1001}","source":"home\u005fdelivery"}`,
	} {
		got, err := DecodeJSONRecord("k@x", []byte(value))
		if err != nil || !reflect.DeepEqual(got, want.record()) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want.record())
		}
	}
}

func TestJSONRecordsThatAreNone(t *testing.T) {
	const head = `{"source":"loyalty","identity":"27","kind":"assert",`
	for value, want := range map[string]string{
		``:                                               "ends too early, at byte 0",
		`[]`:                                             "no JSON object where one must be, at byte 0",
		head + `"version":1}x`:                           "something follows the JSON object, at byte 64",
		head + `"version":-1}`:                           "a version that is no integer from 0 to 2^62, at byte 62",
		head + `"version":01}`:                           "a version that is no integer",
		head + `"version":1.0}`:                          "a version that is no integer",
		head + `"version":"1"}`:                          "a version that is no integer",
		head + `"version":null}`:                         "a version that is no integer",
		head + `"version":4611686018427387905}`:          "a version that is no integer",
		head + `"version":18446744073709551617}`:         "a version that is no integer",
		head + `"version":1`:                             "ends too early, at byte 63",
		head + `"version":1,}`:                           "no JSON string where one must be, at byte 64",
		head + `"version":1 "a"}`:                        "neither a comma nor the end of an object",
		head + `"version" 1}`:                            "no colon behind a member's name",
		head + `"version":1,"version":1}`:                "a member that is there twice",
		head + `"version":1,"more":1}`:                   "a member that records do not have",
		head + `"version":1,"Fields":{}}`:                "a member that records do not have",
		head + `"version":1,"fields":null}`:              "no JSON object where one must be",
		head + `"version":1,"fields":{"secret":"s3cr"}}`: "a field that does not exist",
		head + `"version":1,"fields":{"":"s3cr"}}`:       "a field that does not exist",
		head + `"version":1,"fields":{"id":27}}`:         "no JSON string where one must be",
		head + `"version":1,"fields":{"pass":"s3cr","pass":"s3cr"}}`:            "a member that is there twice",
		head + `"version":1,"fields":{"pass":"","pass":""}}`:                    "a member that is there twice",
		head + `"version":1,"fields":{"pass":"s3cr\x"}}`:                        "a malformed escape",
		head + `"version":1,"fields":{"pass":"s3cr\ud800"}}`:                    "a malformed escape",
		head + `"version":1,"fields":{"pass":"s3cr\u12"}}`:                      "a malformed escape",
		head + "\"version\":1,\"fields\":{\"pass\":\"s3cr\n\"}}":                "a control character",
		head + "\"version\":1,\"fields\":{\"pass\":\"s3cr\xff\"}}":              "not UTF-8",
		head + `"version":1,"fields":{"pass":"s3cr\`:                            "ends too early",
		`{"source":"loyalty","kind":"insert"}`:                                  "neither assert nor withdraw, at byte 27",
		`{"kind":"withdraw","source":"","identity":"","version":0,"fields":{}}`: "a withdrawal has no fields",
		`{"source":"loyalty","identity":"27","version":1}`:                      "kind is missing",
		`{"source":"loyalty","kind":"withdraw","version":1}`:                    "identity is missing",
		`{"identity":"27","kind":"withdraw","version":1}`:                       "source is missing",
		`{"source":"loyalty","identity":"27","kind":"withdraw"}`:                "version is missing",
	} {
		_, err := DecodeJSONRecord("k", []byte(value))
		if !errors.Is(err, errRecord) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
	for name, r := range map[string]Record{
		"identity": {Source: Loyalty, Identity: []byte("\xff"), Kind: Assert},
		"source":   {Source: "\xff", Kind: Withdraw},
		"value":    {Source: Loyalty, Kind: Assert, Fields: []byte{byte(FieldName), 1, 0xff}},
		"fields":   {Source: Loyalty, Kind: Assert, Fields: []byte{99, 1, 'x'}},
	} {
		if _, err := r.AppendJSON(nil); err == nil {
			t.Errorf("a record has a JSON form whose %s has none", name)
		}
	}
}

// FuzzDecodeJSONRecord: what is taken, encoding/json reads alike; and what it makes
// of a record's members, is taken.
func FuzzDecodeJSONRecord(f *testing.F) {
	f.Add([]byte(jsonExample))
	f.Add([]byte(`{"source":"a","identity":"\u00e9\ud83d\ude00","kind":"withdraw","version":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want jsonRecord
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		stdErr := d.Decode(&want)
		before := bytes.Clone(b)
		got, err := DecodeJSONRecord("k@x", b)
		if !bytes.Equal(before, b) {
			t.Fatal("the record was written to")
		}
		if err == nil && (stdErr != nil || !json.Valid(b) || !reflect.DeepEqual(got, want.record())) {
			t.Fatalf("%s\nis %+v, want %+v, %v", b, got, want, stdErr)
		}
		if stdErr != nil || want.Source == nil || want.Identity == nil || want.Version == nil {
			return
		}
		again, stdErr := json.Marshal(jsonRecord{want.Source, want.Identity, map[bool]string{true: kindAssert, false: kindWithdraw}[want.Fields != nil], want.Version, want.Fields})
		if stdErr != nil {
			return
		}
		known := *want.Version >= 0 && *want.Version <= 1<<62
		for name := range want.Fields {
			known = known && fieldOf([]byte(name)) != 0
		}
		if _, err := DecodeJSONRecord("k@x", again); known != (err == nil) && len(want.Fields) > 0 {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

func BenchmarkDecodeRecord(b *testing.B) {
	r, err := DecodeJSONRecord("k@x", []byte(jsonExample))
	if err != nil {
		b.Fatal(err)
	}
	asJSON, _ := r.AppendJSON(nil)
	asBytes := r.AppendValue(nil)
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeJSONRecord("k@x", asJSON); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("binary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeRecord("k@x", asBytes); err != nil {
				b.Fatal(err)
			}
		}
	})
}
