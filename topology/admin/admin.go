package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Discover fills in the partition counts of the topics that outlive
// generations and exist already: Debezium's may have any, and the others keep
// theirs when a rebuild changes Settings.Partitions.
func Discover(ctx context.Context, cl *kgo.Client, s topology.Settings) (topology.Settings, error) {
	topics, err := kadm.NewClient(cl).ListTopics(ctx, s.Kept()...)
	if err != nil {
		return s, fmt.Errorf("reading the metadata of the raw topics: %w", err)
	}
	s.RawPartitions = nil
	for _, t := range topics.Sorted() {
		switch n := int32(len(t.Partitions)); {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		case t.Err != nil:
			return s, fmt.Errorf("reading the metadata of %s: %w", t.Topic, t.Err)
		case n != s.Partitions:
			if s.RawPartitions == nil {
				s.RawPartitions = map[string]int32{}
			}
			s.RawPartitions[t.Topic] = n
		}
	}
	return s, nil
}

// Create makes the topics that are missing and returns their names. It may be
// called by several instances at once.
func Create(ctx context.Context, cl *kgo.Client, g topology.Graph, replicas int16) ([]string, error) {
	adm := kadm.NewClient(cl)
	have, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	var created []string
	for _, t := range g.Topics {
		if have.Has(t.Name) {
			continue
		}
		config := map[string]*string{}
		for k, v := range t.Config {
			config[k] = kadm.StringPtr(v)
		}
		resp, err := adm.CreateTopic(ctx, t.Partitions, replicas, config, t.Name)
		if err == nil {
			err = resp.Err
		}
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists):
		case err != nil:
			return created, fmt.Errorf("creating topic %s: %w", t.Name, err)
		default:
			created = append(created, t.Name)
		}
	}
	return created, awaitTopics(ctx, adm, g)
}

// awaitTopics waits until every topic shows in the metadata: brokers learn of
// new ones a little later than the controller.
func awaitTopics(ctx context.Context, adm *kadm.Client, g topology.Graph) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var names []string
	for _, t := range g.Topics {
		names = append(names, t.Name)
	}
	for {
		have, err := adm.ListTopics(ctx, names...)
		if err == nil {
			err = have.Error()
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the topics to appear: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Difference is one setting of one topic that is not as the topology wants it.
type Difference struct {
	Topic  string `json:"topic"`
	What   string `json:"what"` // topic, partitions, or the setting's name
	Have   string `json:"have"`
	Want   string `json:"want"`
	Remedy string `json:"remedy"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s is %s, should be %s: %s", d.Topic, d.What, d.Have, d.Want, d.Remedy)
}

// Check compares the cluster with the graph.
func Check(ctx context.Context, cl *kgo.Client, g topology.Graph) ([]Difference, error) {
	adm := kadm.NewClient(cl)
	have, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	var names []string
	var diffs []Difference
	for _, t := range g.Topics {
		if !have.Has(t.Name) {
			diffs = append(diffs, Difference{Topic: t.Name, What: "topic", Have: "missing", Want: "there",
				Remedy: "run `customer360 topics create`"})
			continue
		}
		names = append(names, t.Name)
		if n := int32(len(have[t.Name].Partitions)); n != t.Partitions {
			diffs = append(diffs, Difference{Topic: t.Name, What: "partitions", Have: strconv.Itoa(int(n)),
				Want: strconv.Itoa(int(t.Partitions)), Remedy: partitionRemedy(t)})
		}
	}
	if len(names) == 0 {
		return diffs, nil
	}
	configs, err := adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("reading topic settings: %w", err)
	}
	for _, rc := range configs {
		if rc.Err != nil {
			return nil, fmt.Errorf("reading the settings of topic %s: %w", rc.Name, rc.Err)
		}
		t, _ := g.Topic(rc.Name)
		diffs = append(diffs, compareConfig(t, rc.Configs)...)
	}
	slices.SortStableFunc(diffs, func(a, b Difference) int {
		return slices.IndexFunc(g.Topics, func(t topology.Topic) bool { return t.Name == a.Topic }) -
			slices.IndexFunc(g.Topics, func(t topology.Topic) bool { return t.Name == b.Topic })
	})
	return diffs, nil
}

func partitionRemedy(t topology.Topic) string {
	if t.External {
		return "rebuild into a new generation, since rekey's table follows this count"
	}
	return "set kafka.partitions to the count that is there, or rebuild into a new generation"
}

// compareConfig: retentions may be longer and limits larger than wanted.
func compareConfig(t topology.Topic, have []kadm.Config) []Difference {
	var diffs []Difference
	for _, key := range slices.Sorted(maps.Keys(t.Config)) {
		want := t.Config[key]
		got := ""
		for _, c := range have {
			if c.Key == key {
				got = c.MaybeValue()
			}
		}
		if got == want || enough(key, got, want) {
			continue
		}
		if got == "" {
			got = "not set"
		}
		diffs = append(diffs, Difference{Topic: t.Name, What: key, Have: got, Want: want,
			Remedy: fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config %s=%s", t.Name, key, want)})
	}
	return diffs
}

func enough(key, got, want string) bool {
	switch key {
	case "retention.ms", "delete.retention.ms", "max.message.bytes", "min.compaction.lag.ms":
	default:
		return false
	}
	g, err1 := strconv.ParseInt(got, 10, 64)
	w, err2 := strconv.ParseInt(want, 10, 64)
	return err1 == nil && err2 == nil && (g >= w || key == "retention.ms" && g < 0)
}
