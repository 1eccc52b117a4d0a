package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/topology"
	"customer360/topology/generation"
)

// settled is a cluster whose pipeline has merged one customer.
func (c *cluster) settled() (r *running, want map[string]string) {
	c.t.Helper()
	r = c.run("one")
	a := at(1, "Anne", "a@example.org")
	c.produce(c.change(100, nil, a))
	want = map[string]string{"a@example.org": a.document()}
	c.expect(want)
	return r, want
}

// written counts the records of all topics that a generation writes.
func (c *cluster) written() map[string]int {
	c.t.Helper()
	counts := map[string]int{}
	for _, topic := range c.follow.graph.Topics {
		if !topic.External {
			counts[topic.Name] = len(c.read(topic.Name))
		}
	}
	return counts
}

// refuses checks that an error says why, that nothing was written since, and
// that the documents are what they were.
func (c *cluster) refuses(err error, before map[string]int, want map[string]string, parts ...string) {
	c.t.Helper()
	if err == nil {
		c.t.Fatal("not refused")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			c.t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	for topic, n := range c.written() {
		if n != before[topic] {
			c.t.Errorf("%s has %d records, and had %d", topic, n, before[topic])
		}
	}
	if d := difference(want, c.documents("customer360")); d != "" {
		c.t.Error(d)
	}
}

func (c *cluster) refusedAtStart() error {
	c.t.Helper()
	_, err := c.new(c.config, "one")
	if !errors.Is(err, generation.ErrRefused) {
		c.t.Errorf("%v is no refusal", err)
	}
	return err
}

func (c *cluster) recreate(topic string) {
	c.t.Helper()
	info, n := c.broker.Cluster.TopicInfo(topic), len(c.broker.Cluster.PartitionInfos(topic))
	configs := map[string]string{}
	for k, v := range info.Configs {
		configs[k] = *v
	}
	if err := errors.Join(c.broker.Cluster.DeleteTopic(topic), c.broker.Cluster.CreateTopic(topic, int32(n), configs)); err != nil {
		c.t.Fatal(err)
	}
	c.client = c.broker.Client(c.t, kgo.RecordPartitioner(kgo.ManualPartitioner())) // the former one knows the former topic
}

// changeRefused changes a topic while the pipeline runs and while it does not: what
// runs ends, and no start goes on, in the words given.
func changeRefused(t *testing.T, change func(c *cluster), running, atStart []string) {
	t.Parallel()
	for name, stopped := range map[string]bool{"stopped": true, "running": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(c *cluster) {
				r, want := c.settled()
				if stopped {
					r.stop()
				}
				before := c.written()
				change(c)
				if !stopped {
					c.refuses(r.wait(), before, want, running...)
				}
				c.refuses(c.refusedAtStart(), before, want, atStart...)
			})
		})
	}
}

// TestScenario34_topic_recreated: the raw topic was deleted and created anew,
// while the pipeline runs or while it does not.
func TestScenario34_topic_recreated(t *testing.T) {
	changeRefused(t, func(c *cluster) {
		c.recreate(topology.HomeDeliveryTopic)
		c.produce(c.change(50, nil, at(2, "Bert", "b@example.org")))
	}, []string{topology.HomeDeliveryTopic, "rebuild"}, []string{topology.HomeDeliveryTopic, "was deleted and created anew"})
}

// TestScenario34_offset_out_of_range: records that nobody has read are gone.
func TestScenario34_offset_out_of_range(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		r, want := c.settled()
		r.stop()
		before := c.written()
		record := c.change(200, at(1, "Anne", "a@example.org"), at(1, "Anne", "b@example.org"))
		c.produce(record)
		c.produce(c.change(300, at(1, "Anne", "b@example.org"), at(1, "Anne", "c@example.org")))
		c.everRaw()
		if err := c.broker.Cluster.DeleteRecords(record.Topic, record.Partition, record.Offset+1); err != nil {
			c.t.Fatal(err)
		}
		for range 2 {
			c.refuses(c.run("one").wait(), before, want, topology.HomeDeliveryTopic, "gone from the log", "rebuild")
			c.step()
		}
	})
}

// TestScenario34_partition_count_changed: the raw topic has more partitions
// than its table, while the pipeline runs or while it does not.
func TestScenario34_partition_count_changed(t *testing.T) {
	changeRefused(t, func(c *cluster) {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		changed, err := kadm.NewClient(c.client).UpdatePartitions(ctx, 6, topology.HomeDeliveryTopic)
		if err = errors.Join(err, changed.Error()); err != nil {
			c.t.Fatal(err)
		}
	}, []string{topology.HomeDeliveryTopic, "partitions"},
		[]string{`raw topic of home_delivery was "` + topology.HomeDeliveryTopic + `, 4 partitions"`, "6 partitions"})
}

// TestScenario34_config_hash_differs: settings that decide the documents' bytes
// are refused on a cluster whose generation was built with others.
func TestScenario34_config_hash_differs(t *testing.T) {
	t.Parallel()
	scenario(t, func(c *cluster) {
		r, want := c.settled()
		r.stop()
		before := c.written()
		for says, change := range map[string]func(*config.Config){
			`pass was "keep" and is now "hash"`: func(cfg *config.Config) { cfg.Pass = codec.PassHash },
			"precedence was ": func(cfg *config.Config) {
				cfg.Precedence = map[string][]string{"name": {codec.HomeDelivery, codec.Loyalty, codec.OnlineStore}}
			},
			`partitions was "4" and is now "6"`: func(cfg *config.Config) { cfg.Kafka.Partitions = 6 },
			"decoder of home_delivery was ":     func(cfg *config.Config) { cfg.Delivery.Layout = "name" },
		} {
			other := c.config
			change(&other)
			_, err := c.new(other, "one")
			if !errors.Is(err, generation.ErrRefused) {
				c.t.Errorf("%s: %v is no refusal", says, err)
			}
			c.refuses(err, before, want, says)
			c.step()
		}
		c.run("one") // as it was
		b := at(2, "Bert", "b@example.org")
		c.produce(c.change(200, nil, b))
		want["b@example.org"] = b.document()
		c.expect(want)
		c.sameBytes()
	})
}
