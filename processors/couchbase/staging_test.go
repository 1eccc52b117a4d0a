package couchbase

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
)

func TestRouteDocument(t *testing.T) {
	headers := func(g, o string) map[string][]byte {
		return map[string][]byte{codec.HeaderGeneration: []byte(g), codec.HeaderFence: []byte(o)}
	}
	for _, c := range []struct {
		name, key, value string
		headers          map[string][]byte
		refuse           string
	}{
		{"good", "k", "{}", headers("1", "0"), ""},
		{"removal", "k", "", headers("12", "9223372036854775807"), ""},
		{"no headers", "k", "{}", nil, "c360.generation is missing"},
		{"no fence", "k", "{}", map[string][]byte{codec.HeaderGeneration: []byte("1")}, "c360.fence is missing"},
		{"generation 0", "k", "{}", headers("0", "1"), "c360.generation is no number"},
		{"signed", "k", "{}", headers("1", "+1"), "c360.fence is no number"},
		{"negative", "k", "{}", headers("1", "-1"), "c360.fence is no number"},
		{"fraction", "k", "{}", headers("1", "1.0"), "c360.fence is no number"},
		{"empty", "k", "{}", headers("1", ""), "c360.fence is no number"},
		{"too large", "k", "{}", headers("1", "9223372036854775808"), "c360.fence is no number"},
		{"no key", "", "{}", headers("1", "1"), "no key"},
		{"long key", strings.Repeat("k", 247), "{}", headers("1", "1"), "246 bytes"},
		{"not UTF-8", "k\xff", "{}", headers("1", "1"), "UTF-8"},
		{"no JSON", "k", "{secret", headers("1", "1"), "not JSON"},
	} {
		raw := &codec.Raw{Headers: c.headers}
		if c.key != "" {
			raw.Key = []byte(c.key)
		}
		if c.value != "" {
			raw.Value = []byte(c.value)
		}
		r := routeDocument(raw)
		if c.refuse == "" {
			if r.refuse != nil || r.key != c.key || string(r.body) != c.value || (r.body == nil) != (c.value == "") ||
				fmt.Sprint(r.fence.Generation) != string(c.headers[codec.HeaderGeneration]) || fmt.Sprint(r.fence.Offset) != string(c.headers[codec.HeaderFence]) {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		if r.refuse == nil || !strings.Contains(r.refuse.Error(), c.refuse) || strings.Contains(r.refuse.Error(), "secret") {
			t.Errorf("%s: %v", c.name, r.refuse)
		}
	}
}

const row = `{"before":null,"after":{"id":1029,"first_name":"Matthew","last_name":"Groves","email":"m@x"},"source":{"db":"inventory","table":"customers"},"op":"c","ts_ms":1}`

func TestRouteHomeDelivery(t *testing.T) {
	schema := `{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"` + strings.Repeat("x", 200) + `"},"payload":{"id":1029}}`
	short := `{"schema":{"type":"int32"},"payload":{"id":1}}`
	st, err := newStaging(testConfig(), Deps{Settings: topology.Settings{Generation: 3}, Now: time.Now}, codec.HomeDelivery)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, key, value, want, skip string }{
		{"row", `{"id":1029}`, row, `{"id":1029}`, ""},
		{"row that rekey refuses", `{"id":1029}`, `{"op":"c","after":{"id":1029}}`, `{"id":1029}`, ""},
		{"delete", `{"id":1029}`, `{"before":{"id":1029,"email":"m@x"},"after":null,"source":{},"op":"d"}`, `{"id":1029}`, ""},
		{"null", `{"id":1029}`, "", `{"id":1029}`, ""},
		{"JSON's null", `{"id":1029}`, " null ", `{"id":1029}`, ""},
		{"short key with its schema", short, row, short, ""},
		{"long key with its schema", schema, row, `{"id":1029}`, ""},
		{"no key", "", row, "", "null key"},
		{"long key", `{"id":"` + strings.Repeat("x", 247) + `"}`, row, "", "key too long or not UTF-8"},
		{"no JSON", `{"id":1}`, "\x00\x00\x00\x00\x01avro", "", "not JSON"},
		{"broken", `{"id":1}`, row[:50], "", "not JSON"},
		{"heartbeat", `{"serverName":"dbserver1"}`, `{"ts_ms":1795424003215}`, "", "heartbeat"},
		{"ddl", `{"databaseName":"inventory"}`, `{"source":{},"databaseName":"inventory","ddl":"DROP TABLE x"}`, "", "ddl"},
		{"truncate", `{"id":1}`, `{"source":{"db":"inventory","table":"customers"},"op":"t"}`, "", "truncate"},
		{"other table", `{"id":1}`, strings.Replace(row, `"customers"`, `"orders"`, 1), "", "other table"},
	} {
		raw := &codec.Raw{Topic: "t", Offset: 41, Timestamp: time.Now()}
		if c.key != "" {
			raw.Key = []byte(c.key)
		}
		if c.value != "" {
			raw.Value = []byte(c.value)
		}
		r := st.route(raw)
		removal := c.value == "" || strings.TrimSpace(c.value) == "null"
		switch {
		case r.skip != c.skip || r.refuse != nil:
			t.Errorf("%s: skipped as %q, refused %v", c.name, r.skip, r.refuse)
		case c.skip == "" && (r.key != c.want || r.fence != (Fence{3, 42}) || r.expiry != 0 || removal != (r.body == nil) || !removal && string(r.body) != c.value):
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestRouteLoyalty(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	st, err := newStaging(testConfig(), Deps{Settings: topology.Settings{Generation: 1}, Now: func() time.Time { return now }}, codec.Loyalty)
	if err != nil {
		t.Fatal(err)
	}
	at := func(age time.Duration, value string) route {
		raw := &codec.Raw{Offset: 7, Key: []byte("27"), Timestamp: now.Add(-age)}
		if value != "" {
			raw.Value = []byte(value)
		}
		return st.route(raw)
	}
	if r := at(time.Hour, `{"id":"27"}`); r.key != "loyalty-member-27" || r.expiry != uint32(now.Unix()+90_000-3600) || r.fence != (Fence{1, 8}) || string(r.body) != `{"id":"27"}` {
		t.Errorf("a member: %+v", r)
	}
	if r := at(90_000*time.Second-time.Second, `{}`); r.skip != "" || r.expiry == 0 {
		t.Errorf("about to expire: %+v", r)
	}
	if r := at(90_000*time.Second, `{}`); r.skip != "expired" {
		t.Errorf("expired: %+v", r)
	}
	if r := at(100*time.Hour, ""); r.skip != "" || r.body != nil || r.key != "loyalty-member-27" || r.expiry != 0 {
		t.Errorf("a withdrawal, however old: %+v", r)
	}
	if r := at(0, `{`); r.skip != "not JSON" {
		t.Errorf("broken: %+v", r)
	}
	if _, err := NewStaging(testConfig(), Deps{Settings: topology.DefaultSettings()}, codec.OnlineStore); err == nil {
		t.Error("answers are not kept in staging")
	}
}

// TestStaging goes through Kafka, the engine and the node.
func TestStaging(t *testing.T) {
	w := newWorld(t)
	hd := w.start(NewStaging(w.cfg, w.deps("a"), codec.HomeDelivery))
	ly := w.start(NewStaging(w.cfg, w.deps("a"), codec.Loyalty))
	raw := func(topic, key, value string) *kgo.Record {
		r := &kgo.Record{Topic: topic, Value: []byte(value)}
		if key != "" {
			r.Key = []byte(key)
		}
		if value == "" {
			r.Value = nil
		}
		return r
	}
	first := raw(w.settings.HomeDeliveryTopic, `{"id":1029}`, row)
	w.produce(first,
		raw(w.settings.HomeDeliveryTopic, `{"id":1030}`, row), raw(w.settings.HomeDeliveryTopic, `{"id":1030}`, ""),
		raw(w.settings.HomeDeliveryTopic, "", row), raw(w.settings.HomeDeliveryTopic, `{"id":1031}`, "garbage"),
		raw(topology.LoyaltyTopic, "27", `{"id":"27","points":"47"}`), raw(topology.LoyaltyTopic, "28", `{"id":"28"}`), raw(topology.LoyaltyTopic, "28", ""))
	old := raw(topology.LoyaltyTopic, "29", `{"id":"29"}`)
	old.Timestamp = time.Now().Add(-26 * time.Hour)
	w.produce(old)
	w.committed(w.settings.StagingGroup(codec.HomeDelivery), w.settings.HomeDeliveryTopic)
	w.committed(w.settings.StagingGroup(codec.Loyalty), topology.LoyaltyTopic)
	if got := w.get(w.cfg.Staging, `{"id":1029}`); got != row {
		t.Errorf("the row is %s", got)
	}
	if f, ok, err := w.client.Fence(t.Context(), w.cfg.Staging, `{"id":1029}`); err != nil || !ok || f != (Fence{1, first.Offset + 1}) {
		t.Errorf("its fence is %v, %v, %v", f, ok, err)
	}
	if n, err := w.node.Count("staging"); err != nil || n != 2 {
		t.Errorf("%d documents, %v", n, err)
	}
	bucket, err := w.client.bucket(t.Context(), w.cfg.Staging)
	if err != nil {
		t.Fatal(err)
	}
	r, err := bucket.DefaultCollection().Get("loyalty-member-27", &gocb.GetOptions{WithExpiry: true})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(r.ExpiryTime()); left > 90_000*time.Second || left < 89_000*time.Second {
		t.Errorf("the member expires in %v", left)
	}
	if st := hd.Status(); st.Skipped != 2 || st.DeadLetters != 0 || st.Group != "staging.home_delivery.g1" {
		t.Errorf("home delivery: %+v", st)
	}
	if st := ly.Status(); st.Skipped != 1 || st.Written+st.Superseded+st.Removed != 3 {
		t.Errorf("loyalty: %+v", st)
	}
	if letters := w.letters(); len(letters) != 0 {
		t.Errorf("staging wrote dead letters: %v", letters)
	}
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	put := func(key, value string) {
		r := &kgo.Record{Topic: topology.FilesTopic, Key: []byte(key), Value: []byte(value)}
		if value == "" {
			r.Value = nil
		}
		w.produce(r)
	}
	put("abc@1", `{"phase":"seen"}`)
	put("abc@1", `{"phase":"done"}`)
	put("abc@2", `{"phase":"held"}`)
	put("abc@2", "")
	put("never", "")
	put("bad", "{")
	m, err := NewMetadata(w.cfg, w.deps("a"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, stop := contextOf(t)
	go func() { ended <- m.Run(ctx) }()
	eventually(t, 10*time.Second, func() bool {
		return strings.Contains(w.get(w.cfg.Metadata, FileKeyPrefix+"abc@1"), "done") && m.Status().Skipped == 1
	}, func() string { return fmt.Sprintf("%+v", m.Status()) })
	put("abc@3", `{"phase":"rows"}`)
	eventually(t, 10*time.Second, func() bool { return json.Valid([]byte(w.get(w.cfg.Metadata, FileKeyPrefix+"abc@3"))) },
		func() string { return fmt.Sprintf("%+v", m.Status()) })
	if n, err := w.node.Count("customer360_metadata"); err != nil || n != 2 {
		t.Errorf("%d documents, %v", n, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
