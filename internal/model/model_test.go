package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"customer360/codec"
)

const (
	rows        = "dbserver1.inventory.customers"
	memberTopic = "loyalty.members"
	answers     = "onlinestore.answers"
)

// log applies records, each on partition 0 of its topic.
type log struct {
	*Model
	offsets map[string]int64
}

func newLog(o Options) log { return log{New(o), map[string]int64{}} }

func (l log) add(topic, key, value string, headers ...string) {
	r := Raw{Topic: topic, Offset: l.offsets[topic], Key: []byte(key), Headers: map[string][]byte{}, Timestamp: time.Unix(1_000_000, 0)}
	l.offsets[topic]++
	if value != "" {
		r.Value = []byte(value)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Headers[headers[i]] = []byte(headers[i+1])
	}
	l.Apply(r)
}

func (l log) row(id int, op, email string, pos int) {
	image := fmt.Sprintf(`{"id":%d,"email":%q,"name":"N%d"}`, id, email, id)
	before, after := "null", image
	if op == "d" {
		before, after = image, "null"
	}
	l.add(rows, fmt.Sprintf(`{"id":%d}`, id), fmt.Sprintf(`{"before":%s,"after":%s,"source":{"file":"b.1","pos":%d,"server_id":1},"op":%q}`, before, after, pos, op))
}

func (l log) keys() []string { return slices.Sorted(maps.Keys(l.Documents())) }

// TestTutorial: the customer of the tutorial, in the bytes of its text.
func TestTutorial(t *testing.T) {
	want, err := os.ReadFile("../../processors/testdata/matthew.groves.json")
	if err != nil {
		t.Fatal(err)
	}
	l := newLog(Options{})
	l.add(answers, "matthew.groves@couchbase.com", `{"status":200,"customer":{"Id":1,"Name":"Matthew Groves","Email":"matthew.groves@couchbase.com","Password":"edzchzmatv5"},
		"orders":[{ "OrderId": 1, "Price": 10.0 },{"orderId":2}]}`)
	l.add(memberTopic, "27", `{"id":"27","password":"xrinn5xp.swd","firstName":"Matthew","lastName":"Groves","email":"matthew.groves@couchbase.com","points":"47"}`)
	if got := l.keys(); !slices.Equal(got, []string{"matthew.groves@couchbase.com", "order::1", "order::2"}) {
		t.Error(got)
	}
	l.add(rows, `{"id":1029}`, `{"before":null,"after":{"id":1029,"name":"Matthew Groves","email":"matthew.groves@couchbase.com","password":"5owhiy1j.isq","address_line_1":"600 Sporer Curve",
		"address_line_2":"Suite 528","city":"West Evertchester","state":"NH","zipcode":"04006","phonenumber":"811.128.4320 x4808"},"source":{},"op":"c"}`)
	documents := l.Documents()
	if got := string(documents["matthew.groves@couchbase.com"]); got != strings.TrimSpace(string(want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(documents["order::1"]); got != `{"OrderId":1,"Price":10.0}` {
		t.Error(got)
	}
	if len(l.DeadLetters()) != 0 {
		t.Error(l.DeadLetters())
	}
}

// TestStaged: raw documents, when they end, and which message is the newest.
func TestStaged(t *testing.T) {
	l := newLog(Options{})
	l.row(1, "c", "a@x", 1)
	l.row(2, "c", "b@x", 2)
	l.row(1, "d", "a@x", 3)
	l.add(rows, `{"id":2}`, "")
	l.add(rows, `{"id":3}`, `{"ts_ms":1}`)
	l.add(rows, `{"id":4}`, `{"op":"c"}`) // a dead letter, kept to be looked at
	l.add(memberTopic, "27", `{"id":"27"}`)
	l.add(memberTopic, "28", `{"id":"28"}`)
	l.add(memberTopic, "28", " null ")
	end := time.Unix(1_090_000, 0)
	var got []string
	for key, s := range l.Staged(end.Add(-time.Second)) {
		if !json.Valid(s.Body) || !s.Expires.IsZero() != (key == "loyalty-member-27") || !s.Expires.IsZero() && !s.Expires.Equal(end) {
			t.Errorf("%s: %s, %v", key, s.Body, s.Expires)
		}
		got = append(got, key)
	}
	slices.Sort(got)
	if want := []string{"loyalty-member-27", `{"id":1}`, `{"id":4}`}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, ok := l.Staged(end)["loyalty-member-27"]; ok {
		t.Error("a member is there after its end")
	}
	l.Apply(Raw{Topic: rows, Partition: 1, Offset: 1, Key: []byte(`{"id":1}`)}) // on a wrong partition, with a lower offset
	if _, ok := l.Staged(end)[`{"id":1}`]; !ok {
		t.Error("a removal with an older fence has removed")
	}
}

// TestQuarantine: more than 256 identities ever, whoever has left.
func TestQuarantine(t *testing.T) {
	l := newLog(Options{})
	for id := range 256 {
		l.row(id, "c", "a@x", id+1)
	}
	l.row(0, "d", "a@x", 1000)
	if got := l.keys(); len(got) != 1 || len(l.Quarantined()) != 0 {
		t.Fatal(got, l.Quarantined())
	}
	l.add(memberTopic, "1", `{"email":" A@X "}`)
	if got := l.keys(); len(got) != 0 || !slices.Equal(l.Quarantined(), []string{"a@x"}) {
		t.Error(got, l.Quarantined())
	}
}

// TestStops: another form of the keys, and a foreign partitioner.
func TestStops(t *testing.T) {
	l := newLog(Options{})
	l.row(1, "c", "a@x", 1)
	l.add(rows, `{"schema":{},"payload":{"id":1}}`, `{"id":1,"email":"b@x"}`)
	l.row(1, "d", "a@x", 2)
	if l.Stopped()[rows] == "" || !slices.Equal(l.keys(), []string{"a@x"}) {
		t.Error(l.Stopped(), l.keys())
	}
	for _, c := range []struct {
		partitions int32
		stops      bool
	}{{12, true}, {1, false}} {
		l := newLog(Options{Partitions: func(string) int32 { return c.partitions }})
		for id := range 120 { // all on partition 0
			l.row(id, "c", "a@x", id+1)
		}
		if stops := l.Stopped()[rows] != ""; stops != c.stops {
			t.Errorf("%d partitions: stopped %t", c.partitions, stops)
		}
	}
}

// TestPlacement: vectors of Kafka's own murmur2 (facts/debezium.md).
func TestPlacement(t *testing.T) {
	for key, want := range map[string]int32{"21": -973932308, "foobar": -790332482, `{"id":1001}`: 1645685654} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
	l := newLog(Options{Partitions: func(string) int32 { return 12 }})
	for p, email := range map[int32]string{2: "right@x", 3: "wrong@x"} {
		l.Apply(Raw{Topic: rows, Partition: p, Key: []byte(`{"id":1001}`), Value: []byte(`{"email":"` + email + `"}`)})
	}
	if got := l.keys(); !slices.Equal(got, []string{"right@x"}) || !slices.Equal(l.DeadLetters(), []string{rows + "/3/0"}) {
		t.Error(got, l.DeadLetters())
	}
}

// TestNights: the newest file counts, whenever it comes.
func TestNights(t *testing.T) {
	l := newLog(Options{PassMode: "hash"})
	at := func(mtime, hash string) []string {
		return []string{codec.HeaderFileTime, mtime, codec.HeaderFileHash, strings.Repeat(hash, 64), codec.HeaderFileRow, "1"}
	}
	l.add(memberTopic, "27", `{"email":"a@x","password":"secret"}`, at("2", "a")...)
	l.add(memberTopic, "27", `{"email":"old@x"}`, at("1", "f")...)
	l.add(memberTopic, "28", `{"email":"half@x"}`, codec.HeaderFileTime, "1")
	want := `{"type":"user","profile":{"email":"a@x"},"xrefs":[{"external_system":"loyalty","external_ID":"27","pass":"sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}`
	if got := l.Documents(); !reflect.DeepEqual(got, map[string][]byte{"a@x": []byte(want)}) || !slices.Equal(l.DeadLetters(), []string{memberTopic + "/0/2"}) {
		t.Errorf("%s, %v", got, l.DeadLetters())
	}
	l.add(memberTopic, "27", "", at("2", "b")...)
	if got := l.keys(); len(got) != 0 {
		t.Error(got)
	}
}
