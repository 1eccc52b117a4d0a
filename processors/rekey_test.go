package processors

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"customer360/codec"
	"customer360/topology"
)

// fakeDecoder reads "position key=name key=name": the position is one byte and
// must grow; '-' is none. "!x" is undecodable, "?x" unusable, "#x" ignored.
type fakeDecoder struct{}

func (fakeDecoder) Decode(raw *codec.Raw) (codec.Change, error) {
	var c codec.Change
	text := string(raw.Value)
	if text == "" {
		return c, nil // a null: accepted always
	}
	switch text[0] {
	case '!':
		return c, errors.New("undecodable")
	case '#':
		return codec.Change{Ignored: text[1:]}, nil
	}
	words := strings.Fields(text)
	if words[0] != "-" {
		c.Position = []byte(words[0])
	}
	for _, w := range words[1:] {
		if w[0] == '?' {
			c.Problem = errors.New("unusable")
			continue
		}
		a := codec.Assertion{}
		var name string
		a.Key, name, _ = strings.Cut(w, "=")
		a.Fields.SetString(codec.FieldName, name)
		c.Assertions = append(c.Assertions, a)
	}
	return c, nil
}

func (fakeDecoder) Accept(state []byte, c *codec.Change) ([]byte, bool) {
	switch {
	case c.Position == nil:
		return state, true
	case bytes.Compare(c.Position, bytes.TrimSuffix(state, []byte("!"))) < 0:
		return append(bytes.Clone(bytes.TrimSuffix(state, []byte("!"))), '!'), false // notes that it refused
	}
	return c.Position, true
}

func (fakeDecoder) Fingerprint() string { return "fake" }

var fakeSource = codec.Source{Name: codec.Loyalty, Topic: topology.LoyaltyTopic, Primary: true, Decoder: fakeDecoder{}}

// rekeyed publishes values under one key and returns what the last one did.
func rekeyed(t *testing.T, w *world, value string) (records []string) {
	t.Helper()
	before := len(w.journal)
	var b []byte
	if value != "" {
		b = []byte(value)
	}
	w.publish(fakeSource.Topic, "id", b, map[string][]byte{"h": []byte("v")})
	for w.next(fakeSource.Topic, topology.Partition([]byte("id"), w.settings.Partitions)) {
	}
	if w.stopped != nil {
		t.Fatal(w.stopped)
	}
	for _, l := range w.journal[before:] {
		if l.topic != w.settings.Records() {
			continue
		}
		r, err := codec.DecodeRecord(l.key, l.value)
		if err != nil || r.Source != codec.Loyalty || string(r.Identity) != "id" {
			t.Fatal(r, err)
		}
		records = append(records, fmt.Sprintf("%c%s@%d", " +-"[r.Kind], r.Key, r.Version))
	}
	return records
}

func TestRekeyEmitsDifferences(t *testing.T) {
	w := newWorld(4, 0, Guard{}, fakeSource)
	table := func() string { return string(w.tables[w.settings.RekeyGroup(codec.Loyalty)]["id"]) }
	for i, c := range []struct {
		value   string
		records []string
		letters int
		changes bool // the table's value
	}{
		{"1 c=C a=A b=B", []string{"+a@0", "+b@0", "+c@0"}, 0, true},
		{"1 b=B c=C a=A", nil, 0, false}, // the same, in another order
		{"2 b=X d=D a=A", []string{"+b@2", "+d@2", "-c@2"}, 0, true},
		{"!", nil, 1, false},
		{"#x", nil, 0, false},
		{"1 z=Z", nil, 0, true},         // refused, and noted by the decoder
		{"1 z=Z", nil, 0, false},        // refused
		{"1 ?", nil, 0, false},          // refused: no letter either
		{"3 z=Z z=Y", nil, 1, false},    // asserted twice: nothing changes, also not the position
		{"2 a=A b=X d=D", nil, 0, true}, // so 2 is still accepted
		{"3 ?", []string{"-a@10", "-b@10", "-d@10"}, 1, true},
		{"3 ? a=A", nil, 1, false}, // unusable is empty, whatever is asserted beside
		{"2 a=A", nil, 0, true},    // the position outlives the assertions
		{"3 a=A", []string{"+a@13"}, 0, true},
		{"", []string{"-a@14"}, 0, true}, // a null
		{"", nil, 0, false},
	} {
		before, letters, stores := table(), len(w.letters(t)), w.stores
		if got := rekeyed(t, w, c.value); !reflect.DeepEqual(got, c.records) {
			t.Errorf("record %d: %v, want %v", i, got, c.records)
		}
		if got := len(w.letters(t)) - letters; got != c.letters {
			t.Errorf("record %d: %d dead letters", i, got)
		}
		if got := w.stores != stores; got != c.changes {
			t.Errorf("record %d: stored: %v", i, got)
		}
		if got := table() != before; got != c.changes {
			t.Errorf("record %d: table changed: %v", i, got)
		}
	}
	for _, d := range w.letters(t) {
		if d.Stage != "rekey" || d.Source != codec.Loyalty || d.Generation != 1 || string(d.Key) != "id" || string(d.Headers["h"]) != "v" || len(d.Value) == 0 || d.Reason == "" {
			t.Errorf("%+v", d)
		}
	}
}

func TestRekeyDeletesWhatLosesNothing(t *testing.T) {
	w := newWorld(4, 0, Guard{}, fakeSource)
	table := w.settings.RekeyGroup(codec.Loyalty)
	if rekeyed(t, w, ""); len(w.tables[table]) != 0 {
		t.Error("a null of an unknown identity left something")
	}
	if rekeyed(t, w, "- a=A"); len(w.tables[table]) != 1 {
		t.Error("nothing stored")
	}
	if rekeyed(t, w, ""); len(w.tables[table]) != 0 {
		t.Error("an entry without position and assertions stays")
	}
	rekeyed(t, w, "1 a=A")
	if rekeyed(t, w, ""); len(w.tables[table]) != 1 {
		t.Error("the position is gone")
	}
}

func TestRekeyOversized(t *testing.T) {
	const limit = framing + 2500
	long := strings.Repeat("x", 2500)
	w := newWorld(4, limit, Guard{}, fakeSource)
	rekeyed(t, w, "1 a=A")
	for i, value := range []string{
		"2 b=B a=" + long[:2490], // the record
		"2 " + many(140),         // the table
	} {
		if got := rekeyed(t, w, value); got != nil {
			t.Errorf("%d: %v", i, got)
		}
		if letters := w.letters(t); len(letters) != i+1 {
			t.Fatalf("%d: %d dead letters", i, len(letters))
		}
	}
	if got := rekeyed(t, w, "1 b=B"); len(got) != 2 {
		t.Error("a refused record has moved the position:", got)
	}
	// A dead letter that would be too large keeps the coordinates only.
	rekeyed(t, w, "!"+long)
	d := w.letters(t)[2]
	if d.Value == nil || len(d.Value) != 0 || !strings.Contains(d.Reason, "too large") || d.Headers != nil || d.Offset != 4 {
		t.Errorf("%+v", d)
	}
	w.publish(fakeSource.Topic, long, []byte("!"), nil) // a key that does not fit a header beside itself
	w.settle(first)
	if d, err := codec.ParseDeadLetter(w.journal[len(w.journal)-1].headers, nil); err != nil || len(d.Key) != maxLetterKey {
		t.Errorf("%d bytes of the key, %v", len(d.Key), err)
	}
	for _, l := range w.journal {
		if !fits(limit, len(l.key), len(l.value), headerBytes(l.headers)) {
			t.Errorf("%s: too large", l.topic)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=x ", i)
	}
	return b.String()
}

func TestRekeyMalformedTableIsFatal(t *testing.T) {
	good := joinAsserted([]byte("1"), appendEntry(appendEntry(nil, "a", codec.Hash{}), "b", codec.Hash{}))
	for name, value := range map[string][]byte{
		"format": {200}, "newer": {2}, "state": {1, 9}, "cut": good[:len(good)-1],
		"order": joinAsserted([]byte("1"), appendEntry(appendEntry(nil, "b", codec.Hash{}), "a", codec.Hash{})),
	} {
		want := map[bool]error{false: errAsserted, true: codec.ErrNewer}[name == "newer"]
		w := newWorld(1, 0, Guard{}, fakeSource)
		w.tables[w.settings.RekeyGroup(codec.Loyalty)] = map[string][]byte{"id": value}
		w.publish(fakeSource.Topic, "id", []byte("2 secret=secret"), nil)
		if w.next(fakeSource.Topic, 0); !errors.Is(w.stopped, errFatal) || !errors.Is(w.stopped, want) {
			t.Errorf("%s: %v", name, w.stopped)
		} else if strings.Contains(w.stopped.Error(), "secret") {
			t.Error(w.stopped)
		}
	}
}

// TestAbortedRecordsComeBack: a transaction that is not committed leaves
// nothing, and the record read again gives the same bytes.
func TestAbortedRecordsComeBack(t *testing.T) {
	raws := script(t, `
		hd id=1 op=c email=a@x name=Anne pos=3/100
		hd id=1 op=u email=b@x name=Anne pos=3/200
	`)
	calm := scriptWorld(t)
	calm.play(raws, func() {})
	for crash := range 4 {
		w := scriptWorld(t)
		w.play(raws[:0], func() {})
		for _, r := range raws {
			w.publish(r.topic, r.key, r.value, r.headers)
		}
		n := 0
		w.abort = func() bool { n++; return n-1 == crash }
		w.settle(first)
		if !reflect.DeepEqual(w.journal, calm.journal) || !reflect.DeepEqual(w.tables, calm.tables) {
			t.Errorf("crash at callback %d: %v", crash, w.journal)
		}
	}
}
