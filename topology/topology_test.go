package topology

import "testing"

// Inputs of one group must have equal partition counts, and so must its table:
// goka refuses anything else, or worse, does not notice.
func TestGroupsAreCopartitioned(t *testing.T) {
	s := DefaultSettings()
	s.RawPartitions = map[string]int32{s.HomeDeliveryTopic: 3}
	g, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range g.Groups {
		names := group.Inputs
		if group.Table {
			names = append(names[:len(names):len(names)], group.TableTopic())
		}
		for _, name := range names {
			topic, ok := g.Topic(name)
			first, _ := g.Topic(group.Inputs[0])
			if !ok || topic.Partitions != first.Partitions {
				t.Errorf("%s: %s has %d partitions, %s has %d", group.Name, name, topic.Partitions, first.Name, first.Partitions)
			}
		}
		for _, name := range group.Outputs {
			if _, ok := g.Topic(name); !ok {
				t.Errorf("%s writes %s, which is no topic", group.Name, name)
			}
		}
	}
}

func TestSettingsAreValidated(t *testing.T) {
	for _, s := range []Settings{{}, {Generation: 1, Partitions: 12}, {Generation: 1, HomeDeliveryTopic: "t"}} {
		if _, err := New(s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

// No topic of any generation may be taken for the one that Debezium writes.
func TestOwnTopics(t *testing.T) {
	for _, s := range []Settings{DefaultSettings(), {Generation: 12, Partitions: 4, HomeDeliveryTopic: "t", Poller: 3}} {
		g, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range g.Topics {
			if own := Own(topic.Name); own == topic.External {
				t.Errorf("%s: own %v, external %v", topic.Name, own, topic.External)
			}
			if s.HomeDeliveryTopic = topic.Name; !topic.External && s.Validate() == nil {
				t.Errorf("%s may be Home Delivery's", topic.Name)
			}
		}
	}
	for _, name := range []string{"customer360.inventory.customers", "customer360.records.gx", "merge", "a.g1", "merge.g1.t", "x-table"} {
		if Own(name) {
			t.Errorf("%s is taken for one of ours", name)
		}
	}
}
