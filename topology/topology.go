package topology

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"customer360/codec"
)

// Names of topics that outlive generations.
const (
	HomeDeliveryTopic = "dbserver1.inventory.customers" // the default; configurable
	LoyaltyTopic      = "loyalty.members"
	FilesTopic        = "loyalty.files"
	PollsTopic        = "onlinestore.polls"
	AnswersTopic      = "onlinestore.answers"
	ProductsTopic     = "onlinestore.products"
	GenerationsTopic  = "customer360.generations"
	DeadLetterTopic   = "customer360.deadletter"
)

// Settings decide the graph.
type Settings struct {
	Generation        int    `json:"generation"`          // from 1
	Partitions        int32  `json:"partitions"`          // of every internal topic
	HomeDeliveryTopic string `json:"home_delivery_topic"` // raw topic of Home Delivery
	// RawPartitions holds the counts of Kept topics that exist already and
	// differ from Partitions; rekey's tables follow them.
	RawPartitions map[string]int32 `json:"raw_partitions,omitempty"`
	// Poller is the generation that last changed Partitions: the poller's group,
	// table and polls carry its number, since they must have as many partitions
	// as the documents. 0: they carry none.
	Poller int `json:"poller,omitempty"`
}

// DefaultSettings are generation 1 with 12 partitions.
func DefaultSettings() Settings {
	return Settings{Generation: 1, Partitions: 12, HomeDeliveryTopic: HomeDeliveryTopic}
}

// Validate reports settings that make no graph.
func (s Settings) Validate() error {
	switch {
	case s.Generation < 1:
		return fmt.Errorf("generation %d: generations count from 1", s.Generation)
	case s.Partitions < 1 || s.Partitions > 4096:
		return fmt.Errorf("%d partitions: use 1 to 4096", s.Partitions)
	case s.HomeDeliveryTopic == "":
		return errors.New("the Home Delivery topic has no name")
	case Own(s.HomeDeliveryTopic):
		return fmt.Errorf("the Home Delivery topic cannot be %s, which is one of the product's own", s.HomeDeliveryTopic)
	}
	return nil
}

// Own says whether the product writes a topic of that name, in any generation.
func Own(topic string) bool {
	own, table := strings.CutSuffix(topic, tableSuffix)
	if i := strings.LastIndex(own, ".g"); i >= 0 {
		if _, err := strconv.ParseUint(own[i+2:], 10, 31); err == nil {
			own = own[:i]
		}
	}
	if table {
		return own == mergeGroup || own == RestpollGroup || strings.HasPrefix(own, rekeyPrefix)
	}
	return slices.Contains([]string{LoyaltyTopic, FilesTopic, PollsTopic, AnswersTopic, ProductsTopic, GenerationsTopic,
		DeadLetterTopic, recordsTopic, documentsTopic}, own)
}

const (
	recordsTopic   = "customer360.records"
	documentsTopic = "customer360.documents"
	mergeGroup     = "merge"
	rekeyPrefix    = "rekey."
	tableSuffix    = "-table" // goka's
)

// Group is one consumer group: a goka graph's place in the topology.
type Group struct {
	Name          string   `json:"name"`             // Kafka group id and goka group
	Stage         string   `json:"stage"`            // rekey, merge, restpoll, staging, sink: the word of --only
	Source        string   `json:"source,omitempty"` // of rekey and staging: the source's name
	Inputs        []string `json:"inputs"`
	Outputs       []string `json:"outputs,omitempty"`
	Table         bool     `json:"table"`         // has a goka table, keyed by the input key
	Transactional bool     `json:"transactional"` // runs exactly once
}

// TableTopic is the changelog of the group's table, "" without one; the name
// is goka's.
func (g Group) TableTopic() string {
	if !g.Table {
		return ""
	}
	return g.Name + tableSuffix
}

// Graph is the whole topology of one generation.
type Graph struct {
	Settings Settings `json:"settings"`
	Topics   []Topic  `json:"topics"`
	Groups   []Group  `json:"groups"`
}

// Records is the topic between rekey and merge.
func (s Settings) Records() string { return s.scoped(recordsTopic) }

// Documents is the topic between merge and the sink.
func (s Settings) Documents() string { return s.scoped(documentsTopic) }

// RekeyGroup, MergeGroup, StagingGroup and SinkGroup name the generation's groups.
func (s Settings) RekeyGroup(source string) string   { return s.scoped(rekeyPrefix + source) }
func (s Settings) MergeGroup() string                { return s.scoped(mergeGroup) }
func (s Settings) StagingGroup(source string) string { return s.scoped("staging." + source) }
func (s Settings) SinkGroup() string                 { return s.scoped("sink") }

// RestpollGroup and PollsTopic outlive generations, so that a rebuild makes no
// requests; they are the names while Settings.Poller is 0.
const RestpollGroup = "restpoll"

// PollerGroup is the poller's group.
func (s Settings) PollerGroup() string { return s.pollers(RestpollGroup) }

// Polls is the topic of the poller's raw results.
func (s Settings) Polls() string { return s.pollers(PollsTopic) }

func (s Settings) pollers(name string) string {
	if s.Poller == 0 {
		return name
	}
	return fmt.Sprintf("%s.g%d", name, s.Poller)
}

// Kept are the topics that outlive generations and whose partition counts stay
// what they are: the raw topics and the dead letters.
func (s Settings) Kept() []string {
	kept := []string{DeadLetterTopic}
	for _, source := range Sources() {
		kept = append(kept, s.RawTopic(source))
	}
	return kept
}

// PartitionsOf is the partition count of one of the Kept topics.
func (s Settings) PartitionsOf(topic string) int32 {
	if n, ok := s.RawPartitions[topic]; ok {
		return n
	}
	return s.Partitions
}

func (s Settings) scoped(name string) string { return fmt.Sprintf("%s.g%d", name, s.Generation) }

// RawTopic is the raw topic of a source.
func (s Settings) RawTopic(source string) string {
	switch source {
	case codec.HomeDelivery:
		return s.HomeDeliveryTopic
	case codec.Loyalty:
		return LoyaltyTopic
	case codec.OnlineStore:
		return AnswersTopic
	}
	return ""
}

// Sources in the order of the documents' xrefs.
func Sources() []string { return []string{codec.OnlineStore, codec.HomeDelivery, codec.Loyalty} }

// New builds the graph.
func New(s Settings) (Graph, error) {
	if err := s.Validate(); err != nil {
		return Graph{}, err
	}
	g := Graph{Settings: s}
	for _, source := range Sources() {
		g.Groups = append(g.Groups, Group{
			Name: s.RekeyGroup(source), Stage: "rekey", Source: source, Inputs: []string{s.RawTopic(source)},
			Outputs: []string{s.Records(), DeadLetterTopic}, Table: true, Transactional: true,
		})
	}
	g.Groups = append(g.Groups,
		Group{Name: s.MergeGroup(), Stage: "merge", Inputs: []string{s.Records()},
			Outputs: []string{s.Documents(), DeadLetterTopic}, Table: true, Transactional: true},
		Group{Name: s.PollerGroup(), Stage: "restpoll", Inputs: []string{s.Documents(), s.Polls()},
			Outputs: []string{AnswersTopic, DeadLetterTopic}, Table: true, Transactional: true},
		Group{Name: s.StagingGroup(codec.HomeDelivery), Stage: "staging", Source: codec.HomeDelivery,
			Inputs: []string{s.HomeDeliveryTopic}},
		Group{Name: s.StagingGroup(codec.Loyalty), Stage: "staging", Source: codec.Loyalty, Inputs: []string{LoyaltyTopic}},
		Group{Name: s.SinkGroup(), Stage: "sink", Inputs: []string{s.Documents()}},
	)
	g.Topics = g.topics()
	return g, nil
}

func (g Graph) topics() []Topic {
	s := g.Settings
	topics := []Topic{
		{Name: s.HomeDeliveryTopic, Key: "row id", WrittenBy: "Debezium", External: true,
			Config: compacted(map[string]string{"min.compaction.lag.ms": millis(RawCompactionLag)})},
		{Name: LoyaltyTopic, Key: "member id", WrittenBy: "csvdir", Config: compacted(nil)},
		{Name: FilesTopic, Key: "file hash@mtime", WrittenBy: "csvdir", Config: compacted(nil), Partitions: 1},
		{Name: s.Polls(), Key: "asked-for email", WrittenBy: "restpoll's HTTP workers", Config: deleted(PollsRetention)},
		{Name: AnswersTopic, Key: "asked-for email", WrittenBy: "restpoll", Config: compacted(nil)},
		{Name: ProductsTopic, Key: "product id", WrittenBy: "restpoll", Config: compacted(nil), Partitions: 1},
		{Name: s.Records(), Key: "document key", WrittenBy: "rekey", Config: deleted(RecordsRetention)},
		{Name: s.Documents(), Key: "document key", WrittenBy: "merge", Config: compacted(nil)},
		{Name: GenerationsTopic, Key: "number", WrittenBy: "rebuild", Config: compacted(nil), Partitions: 1},
		{Name: DeadLetterTopic, Key: "raw coordinates", WrittenBy: "rekey, csvdir, restpoll, sinks", Config: deleted(DeadRetention)},
	}
	for i, t := range topics {
		if t.Partitions == 0 {
			topics[i].Partitions = s.PartitionsOf(t.Name)
		}
	}
	for _, group := range g.Groups {
		if group.Table {
			topics = append(topics, Topic{Name: group.TableTopic(), Key: "input key", WrittenBy: "goka, table of " + group.Name,
				Partitions: s.PartitionsOf(group.Inputs[0]), Config: compacted(nil)})
		}
	}
	return topics
}

// Topic finds a topic by its name.
func (g Graph) Topic(name string) (Topic, bool) {
	i := slices.IndexFunc(g.Topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}, false
	}
	return g.Topics[i], true
}
