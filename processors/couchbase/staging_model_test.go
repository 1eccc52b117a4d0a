package couchbase

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"customer360/codec"
	"customer360/internal/model"
	"customer360/topology"
)

// TestPropertyStaging: what the routers make of raw records, written under the
// fence in any order, is what the model keeps.
func TestPropertyStaging(t *testing.T) {
	now := time.Unix(2_000_000, 0)
	routers := map[string]router{}
	for topic, source := range map[string]string{topology.HomeDeliveryTopic: codec.HomeDelivery, topology.LoyaltyTopic: codec.Loyalty} {
		st, err := newStaging(testConfig(), Deps{Settings: topology.Settings{Generation: 1}, Now: func() time.Time { return now }}, source)
		if err != nil {
			t.Fatal(err)
		}
		routers[topic] = st.route
	}
	long := `{"schema":{"name":"` + strings.Repeat("x", 240) + `"},"payload":{"id":1}}`
	keys := []string{`{"id":1}`, `{"schema":{},"payload":{"id":1}}`, long, "27", "28", "", "\xff", strings.Repeat("k", 232), strings.Repeat("k", 247)}
	values := []string{"", "", "null", " null\n", "{", `{"id":"27","email":"a@x"}`, `{"ts_ms":1}`, `{"before":null,"after":{"id":1,"email":"a@x"},"source":{"table":"other"},"op":"c"}`,
		`{"before":null,"after":{"id":1,"email":"a@x"},"source":{"table":"customers"},"op":"c"}`, `{"before":{"id":1},"after":null,"source":{},"op":"d"}`, `{"op":"c"}`, "1", "\xff"}
	rapid.Check(t, func(r *rapid.T) {
		m := model.New(model.Options{})
		type document struct {
			body    string
			expires int64 // Unix seconds, 0: never
		}
		bucket, fences := map[string]document{}, map[string]Fence{}
		var routed []route
		at := now.Add(-100_000 * time.Second)
		for offset := range rapid.IntRange(1, 20).Draw(r, "records") {
			at = at.Add(time.Duration(rapid.IntRange(0, 20_000_000).Draw(r, "ms")) * time.Millisecond)
			topic := rapid.SampledFrom([]string{topology.HomeDeliveryTopic, topology.LoyaltyTopic}).Draw(r, "topic")
			raw := codec.Raw{Topic: topic, Offset: int64(offset), Timestamp: at}
			if k := rapid.SampledFrom(keys).Draw(r, "key"); k != "" {
				raw.Key = []byte(k)
			}
			if v := rapid.SampledFrom(values).Draw(r, "value"); v != "" {
				raw.Value = []byte(v)
			}
			m.Apply(model.Raw{Topic: topic, Offset: raw.Offset, Timestamp: at, Key: raw.Key, Value: raw.Value})
			if to := routers[topic](&raw); to.skip == "" && to.refuse == nil {
				routed = append(routed, to)
			} else if to.refuse != nil {
				r.Fatal("staging makes no dead letters: ", to.refuse)
			}
		}
		for _, to := range rapid.Permutation(routed).Draw(r, "order") {
			if to.fence.Compare(fences[to.key]) <= 0 {
				continue
			}
			fences[to.key] = to.fence
			if delete(bucket, to.key); to.body != nil {
				bucket[to.key] = document{string(to.body), int64(to.expiry)}
			}
		}
		want := map[string]document{}
		for key, s := range m.Staged(now) {
			d := document{body: string(s.Body)}
			if !s.Expires.IsZero() {
				d.expires = s.Expires.Unix()
			}
			want[key] = d
		}
		if got, want := fmt.Sprint(bucket), fmt.Sprint(want); got != want {
			r.Fatalf("product %s\nmodel   %s", got, want)
		}
	})
}
