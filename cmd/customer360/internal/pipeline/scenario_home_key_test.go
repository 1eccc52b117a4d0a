package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
)

// TestScenario05_delete_reinsert_replayed: d, null and c of one row are
// delivered twice; the row is there.
func TestScenario05_delete_reinsert_replayed(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		old, young := at(1, "Old", "a@example.org"), at(1, "New", "a@example.org")
		c.produce(c.change(100, nil, old))
		c.expect(map[string]string{"a@example.org": old.document()})
		deletion := c.change(200, old, nil)
		c.produce(deletion, c.tombstone(1))
		c.expect(map[string]string{})
		if staged := c.documents("staging"); len(staged) != 0 {
			c.t.Errorf("staging holds %d documents behind a tombstone", len(staged))
		}
		back := c.change(300, nil, young)
		want := map[string]string{"a@example.org": young.document()}
		c.produce(back)
		c.expect(want)
		for _, r := range again(deletion, c.tombstone(1), back) {
			c.produce(r)
			c.expect(want)
		}
		if d := difference(map[string]string{`{"id":1}`: string(back.Value)}, c.documents("staging")); d != "" {
			c.t.Error("staging: ", d)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario05_tombstone_only: the null alone withdraws. In the second run
// compaction takes the d away while nobody reads.
func TestScenario05_tombstone_only(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		r := c.run("one")
		a := at(1, "Anne", "a@example.org")
		stays := at(2, "Bert", "b@example.org")
		c.produce(c.change(100, nil, a), c.change(110, nil, stays))
		c.expect(map[string]string{"a@example.org": a.document(), "b@example.org": stays.document()})
		r.stop()
		later := c.change(300, nil, at(3, "Cleo", "c@example.org"))
		later.Partition = c.place(rowKey(1)) // the newest batch is not compacted; a misplaced row is a dead letter
		records := []*kgo.Record{c.change(200, a, nil), c.tombstone(1), later}
		if !c.compacts {
			records = records[1:]
		}
		for _, r := range records {
			c.produce(r) // in a batch of its own
		}
		c.step()
		for _, r := range c.read(later.Topic) {
			if c.compacts && string(r.Key) == `{"id":1}` && r.Value != nil {
				c.t.Fatal("compaction has left a value of the row")
			}
		}
		c.run("one")
		c.settle(func() string {
			got := c.documents("customer360")
			delete(got, "c@example.org")
			return difference(map[string]string{"b@example.org": stays.document()}, got)
		})
		c.step()
		c.sameBytes()
	})
}

// TestScenario06_pk_change_either_order: a row's id changes from x to y, on
// another partition: Debezium writes d and null of x and c of y at one place.
// Either arrives first; one reference is left, to y.
func TestScenario06_pk_change_either_order(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		want := map[string]string{}
		next := 1
		for _, order := range []string{"delete first", "create first", "delete last"} {
			x, y := c.apart(next)
			next = y + 1
			email := strings.ReplaceAll(order, " ", ".") + "@example.org"
			old, young := at(x, "Old "+order, email), at(y, "New "+order, email)
			c.produce(c.change(100, nil, old))
			want[email] = old.document()
			c.expect(want)
			gone := []*kgo.Record{c.change(200, old, nil), c.tombstone(x)}
			come := c.change(200, nil, young)
			switch order {
			case "delete first":
				c.produce(gone...)
				c.step()
				c.produce(come)
			case "create first":
				c.produce(come)
				want[email] = sharing(old, young)
				c.expect(want)
				c.produce(gone...)
			case "delete last":
				c.produce(append([]*kgo.Record{come}, gone...)...)
			}
			want[email] = young.document()
			c.expect(want)
		}
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario10_email_becomes_unusable: each time the customer goes, with one
// dead letter, and returns.
func TestScenario10_email_becomes_unusable(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		good := at(1, "Anne", "a@example.org")
		there := map[string]string{"a@example.org": good.document()}
		c.produce(c.change(100, nil, good))
		c.expect(there)
		bad := []*person{{1, "Anne", nil}, at(1, "Anne", ""), at(1, "Anne", "nobody"), at(1, "Anne", strings.Repeat("x", 288)+"@example.org")}
		pos := 110
		for i, p := range bad {
			c.produce(c.change(pos, good, p))
			c.expect(map[string]string{})
			if n := len(c.letters()); n != i+1 {
				c.t.Fatalf("%d dead letters after %d unusable emails", n, i+1)
			}
			c.produce(c.change(pos+10, p, good))
			c.expect(there)
			pos += 20
		}
		for _, l := range c.letters() {
			if !strings.Contains(l.Reason, "email") || string(l.Key) != `{"id":1}` {
				c.t.Errorf("dead letter of %s: %s", l.Coordinates(), l.Reason)
			}
		}
		c.sameBytes()
	})
}

// TestScenario11_email_case_and_spaces: one customer, however its email is
// written; the document has the spelling of the smallest id, trimmed.
func TestScenario11_email_case_and_spaces(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		c.run("one")
		loud := at(1, "Matthew Groves", " Matthew.Groves@Couchbase.com ")
		plain := at(2, "M. Groves", "matthew.groves@couchbase.com")
		odd := at(3, "Matt", "\tMATTHEW.GROVES@couchbase.com\u00a0")
		key := "matthew.groves@couchbase.com"
		c.produce(c.change(100, nil, plain))
		c.expect(map[string]string{key: plain.document()})
		c.produce(c.change(110, nil, odd), c.change(120, nil, loud))
		c.expect(map[string]string{key: sharing(loud, plain, odd)})
		c.produce(c.change(130, loud, at(1, "Matthew Groves", "other@example.org")))
		c.expect(map[string]string{key: sharing(plain, odd), "other@example.org": at(1, "Matthew Groves", "other@example.org").document()})
		c.noLetters()
		c.sameBytes()
	})
}

// TestScenario12_key_form_changes: the connector's key converter is switched
// to schemas in the middle. The pipeline stops with an error that says so,
// again after a restart, and nothing of the other form reaches state or outputs.
func TestScenario12_key_form_changes(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		first := c.run("one")
		a, b := at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org")
		c.produce(c.change(100, nil, a))
		want := map[string]string{"a@example.org": a.document()}
		c.expect(want)

		other := c.change(200, a, b)
		other.Key = fmt.Appendf(nil, `{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],`+
			`"optional":false,"name":"dbserver1.inventory.customers.Key"},"payload":%s}`, rowKey(1))
		other.Partition = c.place(other.Key)
		c.produce(other)
		for name, r := range map[string]func() *running{"first start": func() *running { return first }, "second start": func() *running { return c.run("one") }} {
			err := r().wait()
			if err == nil {
				c.t.Fatalf("%s: no error", name)
			}
			for _, part := range []string{"rekey.home_delivery", c.config.Delivery.Topic, "began with bare keys and this one is wrapped", "key.converter"} {
				if !strings.Contains(err.Error(), part) {
					c.t.Errorf("%s: the error does not say %q: %v", name, part, err)
				}
			}
			c.step()
		}
		if d := difference(want, c.documents("customer360")); d != "" {
			c.t.Error(d)
		}
		s := c.follow.graph.Settings
		for _, topic := range []string{s.RekeyGroup(codec.HomeDelivery) + "-table", s.Records(), s.Documents()} {
			if n := len(c.read(topic)); n != 1 {
				c.t.Errorf("%s has %d records, want the one of the first form", topic, n)
			}
		}
		c.noLetters()
	})
}
