package processors

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"customer360/codec"
	"customer360/topology"
)

func testFolder() *folder {
	return &folder{plan: newPlan(topology.Sources(), []string{codec.HomeDelivery, codec.Loyalty}, DefaultPrecedence())}
}

// fieldsOf encodes name=value pairs.
func fieldsOf(pairs ...string) []byte {
	var f codec.Fields
	for i := 0; i < len(pairs); i += 2 {
		for n := codec.Field(1); n <= codec.FieldBody; n++ {
			if n.String() == pairs[i] {
				f.SetString(n, pairs[i+1])
			}
		}
	}
	return f.Append(nil)
}

func assert(key, source, identity string, version int64, pairs ...string) codec.Record {
	return codec.Record{Source: source, Identity: []byte(identity), Kind: codec.Assert, Key: key, Version: version, Fields: fieldsOf(pairs...)}
}

func withdraw(key, source, identity string, version int64) codec.Record {
	return codec.Record{Source: source, Identity: []byte(identity), Kind: codec.Withdraw, Key: key, Version: version}
}

// mergeAll applies records and returns the last state and document.
func mergeAll(t testing.TB, records ...codec.Record) (state []byte, document string) {
	t.Helper()
	f := testFolder()
	for i := range records {
		step, err := f.step(state, &records[i], topology.MaxMessageBytes)
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if step.state != nil {
			state = step.state
		}
		switch step.effect {
		case written:
			document = string(step.document)
		case removed:
			document = ""
		}
	}
	return state, document
}

func TestFold(t *testing.T) {
	const k = "a@x"
	order := func(source, identity, body string) codec.Record {
		return assert("order::1", source, identity, 1, "body", body)
	}
	for _, c := range []struct {
		name    string
		records []codec.Record
		want    string
	}{
		{"the store alone makes no customer",
			[]codec.Record{assert(k, codec.OnlineStore, k, 1, "id", "1", "name", "S", "email", k)}, ""},
		{"fields by precedence",
			[]codec.Record{
				assert(k, codec.Loyalty, "27", 1, "id", `"27"`, "name", "L", "email", "A@x", "loyaltyPoints", "0", "pass", "p3", "city", "not loyalty's"),
				assert(k, codec.HomeDelivery, "1", 1, "id", "1029", "name", "H", "email", "a@X", "city", "C", "phone", "1", "pass", "p2"),
				assert(k, codec.OnlineStore, k, 1, "id", "1", "name", "S", "pass", "p1", "orders", "{}", "loyaltyPoints", "9"),
			},
			`{"type":"user","profile":{"name":"S","city":"C","phone":"1","email":"a@X","loyaltyPoints":"0"},"xrefs":[` +
				`{"external_system":"online_store","external_ID":1,"pass":"p1"},` +
				`{"external_system":"home_delivery","external_ID":1029,"pass":"p2"},` +
				`{"external_system":"loyalty","external_ID":"27","pass":"p3"}]}`},
		{"the smallest id first, numerically, and its empty fields give way",
			[]codec.Record{
				assert(k, codec.HomeDelivery, "a", 1, "id", "10", "name", "ten", "city", "ten"),
				assert(k, codec.HomeDelivery, "b", 2, "id", "9", "name", "nine"),
				assert(k, codec.HomeDelivery, "c", 3, "id", "98765432109876543210", "name", "big", "state", "NH"),
			},
			`{"type":"user","profile":{"name":"nine","city":"ten","state":"NH"},"xrefs":[` +
				`{"external_system":"home_delivery","external_ID":9},{"external_system":"home_delivery","external_ID":10},` +
				`{"external_system":"home_delivery","external_ID":98765432109876543210}]}`},
		{"equal ids by raw identity",
			[]codec.Record{assert(k, codec.Loyalty, "b", 1, "id", `"7"`, "name", "b"), assert(k, codec.Loyalty, "a", 2, "id", `"7"`, "name", "a")},
			`{"type":"user","profile":{"name":"a"},"xrefs":[{"external_system":"loyalty","external_ID":"7"},{"external_system":"loyalty","external_ID":"7"}]}`},
		{"nothing but an assertion",
			[]codec.Record{assert(k, codec.Loyalty, "1", 1, "id", `""`)},
			`{"type":"user","profile":{},"xrefs":[{"external_system":"loyalty"}]}`},
		{"withdrawn",
			[]codec.Record{assert(k, codec.Loyalty, "1", 1, "id", `"1"`), withdraw(k, codec.Loyalty, "1", 2)}, ""},
		{"an older assertion does not come back",
			[]codec.Record{withdraw(k, codec.Loyalty, "1", 2), assert(k, codec.Loyalty, "1", 1, "id", `"1"`)}, ""},
		{"an equal version changes nothing",
			[]codec.Record{assert(k, codec.Loyalty, "1", 1, "name", "first"), assert(k, codec.Loyalty, "1", 1, "name", "second")},
			`{"type":"user","profile":{"name":"first"},"xrefs":[{"external_system":"loyalty"}]}`},
		{"an unknown source has an xref and gives no fields",
			[]codec.Record{assert(k, "other", "1", 1, "id", "5", "name", "O"), assert(k, codec.Loyalty, "1", 1, "name", "L")},
			`{"type":"user","profile":{"name":"L"},"xrefs":[{"external_system":"loyalty"},{"external_system":"other","external_ID":5}]}`},
		{"an order is the store's body", []codec.Record{order(codec.OnlineStore, "b@x", `{"OrderId":1}`)}, `{"OrderId":1}`},
		{"of two customers with one order the smallest email wins",
			[]codec.Record{order(codec.OnlineStore, "b@x", `"b"`), order(codec.OnlineStore, "a@x", `"a"`), order("another", "c@x", `"c"`)}, `"a"`},
		{"the order goes to who has it still",
			[]codec.Record{order(codec.OnlineStore, "b@x", `"b"`), order(codec.OnlineStore, "a@x", `"a"`), withdraw("order::1", codec.OnlineStore, "a@x", 2)}, `"b"`},
		{"an email that looks like an order is a customer",
			[]codec.Record{assert("order::1@x", codec.Loyalty, "1", 1, "name", "L")},
			`{"type":"user","profile":{"name":"L"},"xrefs":[{"external_system":"loyalty"}]}`},
	} {
		if _, got := mergeAll(t, c.records...); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestMergeEmitsOnlyChanges(t *testing.T) {
	f := testFolder()
	var state []byte
	for i, c := range []struct {
		record codec.Record
		want   effect
		stored bool
	}{
		{assert("a@x", codec.OnlineStore, "a@x", 1, "name", "S"), unchanged, true}, // no customer yet: no null either
		{assert("a@x", codec.Loyalty, "1", 1, "name", "L"), written, true},
		{assert("a@x", codec.Loyalty, "1", 2, "name", "other, but the store's wins"), unchanged, true},
		{assert("a@x", codec.Loyalty, "1", 2, "loyaltyPoints", "1"), unchanged, false},
		{assert("a@x", codec.Loyalty, "1", 3, "loyaltyPoints", "1"), written, true},
		{withdraw("a@x", codec.Loyalty, "1", 4), removed, true},
		{withdraw("a@x", codec.Loyalty, "1", 5), unchanged, true},
		{assert("a@x", codec.Loyalty, "1", 6, "loyaltyPoints", "1"), written, true},
	} {
		step, err := f.step(state, &c.record, topology.MaxMessageBytes)
		if err != nil || step.effect != c.want || (step.state != nil) != c.stored || (step.document != nil) != (c.want == written) {
			t.Errorf("record %d: %+v, %v", i, step, err)
		}
		if step.state != nil {
			state = step.state
		}
	}
}

func TestQuarantine(t *testing.T) {
	f := testFolder()
	var state []byte
	for i := range maxRegisters + 2 {
		r := assert("a@x", codec.Loyalty, fmt.Sprintf("secret%d@x", i), int64(i), "name", "L")
		if i == 0 {
			r = withdraw("a@x", codec.Loyalty, "secret0@x", 0) // a withdrawn register counts
		}
		step, err := f.step(state, &r, topology.MaxMessageBytes)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i == maxRegisters:
			if !step.quarantined || step.effect != removed || string(step.state) != string(quarantinedRegisters) {
				t.Fatalf("register 257: %+v", step)
			}
			if !strings.Contains(step.reason, "257") || strings.Contains(step.reason, "secret") {
				t.Error("reason:", step.reason)
			}
		case step.quarantined || step.reason != "":
			t.Fatalf("register %d: %+v", i+1, step)
		case i > maxRegisters && (step.state != nil || step.effect != unchanged):
			t.Errorf("after the quarantine: %+v", step)
		}
		if step.state != nil {
			state = step.state
		}
	}
}

func TestOversized(t *testing.T) {
	const limit = framing + 1000
	f := testFolder()
	long := func(n int) string { return strings.Repeat("\x01", n) } // six bytes each in JSON
	var state []byte
	for i, c := range []struct {
		record codec.Record
		effect effect
		letter string
	}{
		{assert("a@x", codec.HomeDelivery, "1", 1, "name", "H"), written, ""},
		{assert("a@x", codec.HomeDelivery, "1", 2, "city", long(200)), removed, "the document would have"},
		{assert("a@x", codec.HomeDelivery, "1", 3, "city", long(201)), unchanged, ""}, // said once
		{assert("a@x", codec.HomeDelivery, "1", 4, "city", long(10)), written, ""},
		{assert("a@x", codec.HomeDelivery, "1", 5, "city", long(200)), removed, "the document would have"},
		{assert("a@x", codec.HomeDelivery, "2", 6, "city", long(800)), unchanged, "quarantined: 2 identities"},
	} {
		step, err := f.step(state, &c.record, limit)
		if err != nil || step.effect != c.effect || !strings.HasPrefix(step.reason, c.letter) || (c.letter == "") != (step.reason == "") {
			t.Errorf("record %d: %v %q, %v", i, step.effect, step.reason, err)
		}
		if state = step.state; !fits(limit, 3, len(state), 0) || !fits(limit, 3, len(step.document), headerRoom) {
			t.Errorf("record %d: too large", i)
		}
	}
}

func TestMalformedTableValueIsFatal(t *testing.T) {
	state, _ := mergeAll(t, assert("a@x", codec.Loyalty, "1", 1, "name", "L"), assert("a@x", codec.HomeDelivery, "1", 1, "name", "H"))
	r := assert("a@x", codec.OnlineStore, "a@x", 1, "name", "S")
	f := testFolder()
	for name, broken := range map[string][]byte{
		"format": append([]byte{9}, state[1:]...), "header": state[:10], "cut": state[:len(state)-1], "one byte": {1},
		"fields": append(append([]byte{}, state...), 6, 1, 'z', 1, 'z', 3, 99), "quarantine and more": {1, flagQuarantined, 0},
	} {
		if step, err := f.step(broken, &r, topology.MaxMessageBytes); err == nil {
			t.Errorf("%s: taken: %+v", name, step)
		}
	}
}

func TestStateAfterARemovalIsCanonical(t *testing.T) {
	was, _ := mergeAll(t, assert("a@x", codec.Loyalty, "1", 1, "name", "L"), withdraw("a@x", codec.Loyalty, "1", 2))
	never, _ := mergeAll(t, withdraw("a@x", codec.Loyalty, "1", 2))
	if string(was) != string(never) {
		t.Errorf("%x, %x", was, never)
	}
}

// TestEqualIdsSortByIdentity has more registers than an unstable sort keeps in
// order.
func TestEqualIdsSortByIdentity(t *testing.T) {
	var records []codec.Record
	var want []string
	for i := range 100 {
		id, identity := fmt.Sprintf("%d", i*i%7), fmt.Sprintf("%03d", i*37%100)
		records = append(records, assert("a@x", codec.Loyalty, identity, 1, "id", id, "pass", id+"/"+identity))
		want = append(want, id+"/"+identity)
	}
	slices.Sort(want)
	_, document := mergeAll(t, records...)
	for i, xref := range strings.Split(document, `"pass":"`)[1:] {
		if !strings.HasPrefix(xref, want[i]) {
			t.Fatalf("%s instead of %s", xref[:5], want[i])
		}
	}
}

func TestCutFieldIsCodecs(t *testing.T) {
	for _, b := range [][]byte{{1}, {1, 0}, {1, 2, 'x'}, {1, 0x80}, {1, 0x80, 0x80}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'}} {
		var f codec.Fields
		if _, _, _, err := cutField(b); err == nil || f.Decode(b) == nil {
			t.Errorf("%x: taken", b)
		}
	}
	for _, n := range []int{1, 127, 128, 20000} {
		b := append(fieldsOf("name", strings.Repeat("x", n)), 4, 1, 'y')
		field, value, rest, err := cutField(b)
		if err != nil || field != codec.FieldName || len(value) != n || len(rest) != 3 {
			t.Errorf("%d: %v %v %d %d", n, err, field, len(value), len(rest))
		}
	}
}
