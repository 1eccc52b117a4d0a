package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec/debezium"
	"customer360/topology"
	"customer360/topology/generation"
)

// sampled records of each partition's end tell about keys.
const sampled = 50

// delivery: Debezium's topic, its newest records, the form and place of keys.
func (d *doctor) delivery(ctx context.Context) ([]Finding, error) {
	topic := d.conf.Delivery.Topic
	list, err := d.admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, err
	}
	if detail := list[topic]; errors.Is(detail.Err, kerr.UnknownTopicOrPartition) || len(detail.Partitions) == 0 {
		return []Finding{failure(topic, "the topic is not there", "run `customer360 topics create`, then start the Debezium connector; check home_delivery.topic")}, nil
	}
	records, err := d.read(ctx, topic, sampled)
	if err != nil {
		return nil, err
	}
	pin := ""
	if d.graph.Settings.Generation > 0 {
		if pin, err = generation.NewLog(d.deps.Kafka).Pin(d.graph.Settings.Generation).KeyForm(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return nil, fmt.Errorf("the pinned form of the keys: %w", err)
		}
	}
	found := keys(topic, records, int32(len(list[topic].Partitions)), pin)
	if len(records) == 0 {
		return append(found, warning(topic, "no records", "start the Debezium connector, with snapshot.mode initial")), nil
	}
	newest := slices.MaxFunc(records, func(a, b *kgo.Record) int { return a.Timestamp.Compare(b.Timestamp) }).Timestamp
	age := d.deps.Now().Sub(newest)
	if age > 24*time.Hour {
		return append(found, warning(topic, fmt.Sprintf("the newest record is %v old", age.Round(time.Minute)),
			"look at the connector (GET /connectors/NAME/status of Kafka Connect); heartbeat.interval.ms shows that it lives")), nil
	}
	return append(found, ok(topic, "the newest record is %v old", max(age, 0).Round(time.Second))), nil
}

// keys judges form and place of a sample.
func keys(topic string, records []*kgo.Record, partitions int32, pin string) []Finding {
	forms, keyed, misplaced := map[string]bool{}, 0, 0
	for _, r := range records {
		if r.Key == nil {
			continue
		}
		keyed++
		if form := debezium.KeyForm(r.Key); form != "" {
			forms[form] = true
		}
		if topology.Partition(r.Key, partitions) != r.Partition {
			misplaced++
		}
	}
	names := slices.Sorted(maps.Keys(forms))
	var found []Finding
	switch {
	case len(names) > 1:
		found = append(found, failure(topic, fmt.Sprintf("keys of both forms lie there: %v", names),
			"set key.converter and key.converter.schemas.enable back; then docs/operations.md, key form stop"))
	case len(names) == 1 && pin != "" && names[0] != pin:
		found = append(found, failure(topic, fmt.Sprintf("new keys are %s, and %s ones are pinned", names[0], pin),
			"set key.converter and key.converter.schemas.enable back; then docs/operations.md, key form stop"))
	}
	if misplaced > 0 {
		found = append(found, failure(topic, fmt.Sprintf("%d of %d sampled keys do not lie where murmur2 puts them", misplaced, keyed),
			"let the producer use Java's default partitioner; records on other partitions become dead letters"))
	}
	if keyed > 0 && len(found) == 0 {
		found = append(found, ok(topic, "%d sampled keys: one form, all on the partition of murmur2", keyed))
	}
	return found
}
