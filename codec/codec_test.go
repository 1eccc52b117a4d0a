package codec

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNormalizeEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Matthew.Groves@Couchbase.com ": "matthew.groves@couchbase.com",
		"\u00a0ÄNNE@Example.org\u2003\n": "änne@example.org",
		"a b@c":                          "a b@c",
		strings.Repeat("x", 244) + "@y":  strings.Repeat("x", 244) + "@y",
		"plus+tag@example.com":           "plus+tag@example.com",
	} {
		if got, err := NormalizeEmail(in); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": ErrEmailMissing, " \t ": ErrEmailMissing, "nobody": ErrEmailInvalid,
		strings.Repeat("x", 245) + "@y": ErrEmailInvalid, "a@\xff": ErrEmailInvalid,
	} {
		if _, err := NormalizeEmail(in); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

func drawFields(t *rapid.T) Fields {
	var f Fields
	for n := Field(1); n <= maxField; n++ {
		f.Set(n, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, n.String()))
	}
	return f
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := drawFields(t)
		r := Record{
			Source:   rapid.SampledFrom([]string{HomeDelivery, Loyalty, OnlineStore, "other"}).Draw(t, "source"),
			Identity: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "identity"),
			Kind:     rapid.SampledFrom([]Kind{Assert, Withdraw}).Draw(t, "kind"),
			Key:      "k@x", Version: rapid.Int64Range(0, 1<<62).Draw(t, "version"), Fields: fields.Append([]byte{}),
		}
		encoded := r.AppendValue(nil)
		got, err := DecodeRecord("k@x", encoded)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, %v; want %+v", got, err, r)
		}
		var back Fields
		if err := back.Decode(got.Fields); err != nil || !bytes.Equal(back.Append([]byte{}), r.Fields) {
			t.Fatalf("fields differ: %v", err)
		}
		cut := rapid.IntRange(0, len(encoded)-len(r.Fields)-1).Draw(t, "cut")
		if _, err := DecodeRecord("k@x", encoded[:cut]); err == nil {
			t.Fatalf("a record cut to %d of %d bytes was taken", cut, len(encoded))
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	r := Record{Source: Loyalty, Identity: []byte("27"), Kind: Assert, Version: 9}
	f.Add(r.AppendValue(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord("k", b)
		if err != nil {
			return
		}
		var fields Fields
		if (fields.Decode(r.Fields) == nil) != (CheckFields(r.Fields) == nil) {
			t.Fatalf("%x: Decode and CheckFields judge the fields differently", b)
		}
		if fields.Decode(r.Fields) == nil && !bytes.Equal(fields.Append([]byte{}), append([]byte{}, r.Fields...)) {
			// A length may be written in more bytes than it needs; nothing else may differ.
			var again Fields
			if again.Decode(fields.Append(nil)) != nil || !reflect.DeepEqual(again, fields) {
				t.Fatalf("%x decodes to fields that do not round-trip", b)
			}
		}
	})
}

func TestDeadLetterRoundTrip(t *testing.T) {
	want := DeadLetter{Generation: 2, Stage: "rekey", Source: HomeDelivery, Topic: "t", Partition: 3, Offset: 44,
		Reason: "not JSON", Key: []byte(`{"id":1}`), Value: []byte("x"), Headers: map[string][]byte{"h": []byte("v")}}
	got, err := ParseDeadLetter(want.KafkaHeaders(), want.Value)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got.Coordinates() != "t/3/44" {
		t.Errorf("coordinates %q", got.Coordinates())
	}
	long := DeadLetter{Topic: "t", Reason: strings.Repeat("é", 1000)}
	if n := len(long.KafkaHeaders()[deadReason]); n > maxReason+3 {
		t.Errorf("a reason of %d bytes", n)
	}
	if _, err := ParseDeadLetter(map[string][]byte{}, nil); err == nil {
		t.Error("a record without headers was taken for a dead letter")
	}
}

func TestPassModes(t *testing.T) {
	if PassKeep.Apply("s") != "s" || PassDrop.Apply("s") != "" || PassHash.Apply("") != "" {
		t.Error("keep, drop or the empty password went wrong")
	}
	if got := PassHash.Apply("abc"); got != "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error("hash:", got)
	}
	if PassMode("plain").Validate() == nil {
		t.Error("an unknown mode was taken")
	}
}
