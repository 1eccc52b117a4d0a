package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

// TestKeyFormChanges: the connector's key converter is switched to schemas in
// the middle. The pipeline stops with an error that says so, again after a
// restart, and nothing of the other form is merged.
func TestKeyFormChanges(t *testing.T) {
	t.Parallel()
	c := start(t)
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
	second := (*running)(nil)
	for _, name := range []string{"first start", "second start"} {
		r := first
		if name == "second start" {
			second = c.run("one")
			r = second
		}
		err := r.wait()
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, part := range []string{"rekey.home_delivery", c.config.Delivery.Topic, "began with bare keys and this one is wrapped", "key.converter"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not say %q: %v", name, part, err)
			}
		}
	}
	if d := difference(want, c.documents("customer360")); d != "" {
		t.Error(d)
	}
	for _, topic := range []string{second.Graph().Settings.Records(), second.Graph().Settings.Documents()} {
		if n := len(c.read(topic)); n != 1 {
			t.Errorf("%s has %d records, want the one of the first form", topic, n)
		}
	}
	c.noLetters()
}

// read returns the committed records of a topic.
func (c *cluster) read(topic string) (records []*kgo.Record) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	err := engine.ReadToEnd(ctx, c.kafka, topic, func(r *kgo.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return records
}

// TestConfigHashDiffers: settings that decide the documents' bytes are refused
// on a cluster whose generation was built with others, and nothing is written.
func TestConfigHashDiffers(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.run("one")
	a := at(1, "Anne", "a@example.org")
	c.produce(c.change(100, nil, a))
	want := map[string]string{"a@example.org": a.document()}
	c.expect(want)
	r.stop()
	before := len(c.read("customer360.generations"))

	pass := c.config
	pass.Pass = codec.PassHash
	precedence := c.config
	precedence.Precedence = map[string][]string{"name": {codec.HomeDelivery, codec.Loyalty, codec.OnlineStore}}
	partitions := c.config
	partitions.Kafka.Partitions = 6
	for name, other := range map[string]struct {
		config []string
		p      func() (*Pipeline, error)
	}{
		"pass":       {[]string{`pass was "keep" and is now "hash"`}, func() (*Pipeline, error) { return c.new(pass, "one") }},
		"precedence": {[]string{"precedence was "}, func() (*Pipeline, error) { return c.new(precedence, "one") }},
		"partitions": {[]string{`partitions was "4" and is now "6"`}, func() (*Pipeline, error) { return c.new(partitions, "one") }},
	} {
		_, err := other.p()
		if !errors.Is(err, generation.ErrRefused) {
			t.Errorf("%s: %v, want a refusal", name, err)
			continue
		}
		for _, part := range other.config {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not say %q: %v", name, part, err)
			}
		}
	}
	if after := len(c.read("customer360.generations")); after != before {
		t.Errorf("customer360.generations grew from %d to %d records", before, after)
	}
	c.run("one") // as it was
	b := at(2, "Bert", "b@example.org")
	c.produce(c.change(200, nil, b))
	want["b@example.org"] = b.document()
	c.expect(want)
}
