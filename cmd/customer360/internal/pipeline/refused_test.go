package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

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
