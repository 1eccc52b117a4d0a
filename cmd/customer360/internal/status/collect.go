package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/deadletters"
	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/engine/balance"
	"customer360/topology/generation"
)

// ErrNoGeneration: the cluster has none of ours.
var ErrNoGeneration = errors.New("there is no generation on this cluster yet: `customer360 topics create` and `customer360 run` make it")

// Patience is how long one look may take.
const Patience = 20 * time.Second

// Collector looks at one cluster.
type Collector struct {
	opts    []kgo.Opt
	brokers []string
	want    topology.Settings
	cl      *kgo.Client
}

// New connects to Kafka; want are the settings that the configuration asks for.
// Close ends it.
func New(opts []kgo.Opt, brokers []string, want topology.Settings) (*Collector, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics(), kgo.MetadataMinAge(500*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	return &Collector{opts: opts, brokers: brokers, want: want, cl: cl}, nil
}

// Close ends the connections.
func (c *Collector) Close() { c.cl.Close() }

// Collect looks once. An error means that Kafka did not say what is needed.
func (c *Collector) Collect(ctx context.Context) (Report, error) {
	limited, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	r, err := c.collect(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("kafka at %s gave no answer within %v: is it up, and are kafka.brokers, kafka.tls and kafka.sasl right? (%w)",
			strings.Join(c.brokers, ","), Patience, err)
	}
	return r, err
}

func (c *Collector) collect(ctx context.Context) (Report, error) {
	r := Report{At: time.Now().UTC(), Kafka: strings.Join(c.brokers, ","), Generations: []Generation{}, Groups: []Group{}, Instances: []Instance{}}
	adm := kadm.NewClient(c.cl)
	brokers, err := adm.ListBrokers(ctx)
	if err != nil {
		return r, fmt.Errorf("kafka at %s: %w", r.Kafka, err)
	}
	r.Brokers = len(brokers)
	state, err := generation.NewLog(c.opts).Read(ctx)
	if err != nil {
		return r, err
	}
	expected, err := c.expected(ctx, state, &r)
	if err != nil {
		return r, err
	}
	if err := c.groups(ctx, adm, expected, &r); err != nil {
		return r, err
	}
	ask(ctx, &r)
	r.DeadLetters.Total, r.DeadLetters.Pending, err = deadletters.Count(ctx, c.opts)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return r, err
	}
	return r, nil
}

// expectedGroup is a group of a generation that should be at work, or may be idle.
type expectedGroup struct {
	topology.Group
	generation int
	idle       string
}

func (c *Collector) expected(ctx context.Context, state generation.State, r *Report) (all []expectedGroup, err error) {
	live, ok := state.Current()
	if !ok {
		return nil, ErrNoGeneration
	}
	next, rebuilding := state.Next()
	settings, err := state.Resolve(ctx, c.cl, c.want)
	if err != nil {
		return nil, err
	}
	add := func(g generation.Generation, s topology.Settings, idle func(stage string) string) error {
		r.Generations = append(r.Generations, Generation{g.Number, g.State, g.Since})
		graph, err := topology.New(s)
		if err != nil {
			return err
		}
		for _, group := range graph.Groups {
			if !slices.ContainsFunc(all, func(e expectedGroup) bool { return e.Name == group.Name }) {
				all = append(all, expectedGroup{group, g.Number, idle(group.Stage)})
			}
		}
		return nil
	}
	derives := func(stage string) bool { return stage == "rekey" || stage == "merge" || stage == "restpoll" }
	err = add(live, settings, func(stage string) string {
		if rebuilding && next.State == generation.Promoting && derives(stage) {
			return fmt.Sprintf("generation %d is being promoted", next.Number)
		}
		return ""
	})
	if err != nil || !rebuilding {
		return all, err
	}
	err = add(next, next.Topology(c.want), func(stage string) string {
		if next.State != generation.Promoting && (stage == "rekey" || stage == "merge") {
			return "no rebuild is running; `customer360 rebuild` goes on with it"
		}
		return "it begins when the generation serves"
	})
	return all, err
}

func (c *Collector) groups(ctx context.Context, adm *kadm.Client, expected []expectedGroup, r *Report) error {
	var names, topics []string
	for _, e := range expected {
		names = append(names, e.Name)
		topics = append(topics, e.Inputs...)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	described, err := adm.DescribeGroups(ctx, names...)
	if err != nil {
		return fmt.Errorf("the groups: %w", err)
	}
	ends, err := adm.ListCommittedOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("where the topics end: %w", err)
	}
	committed := adm.FetchManyOffsets(ctx, names...)
	for _, e := range expected {
		d := described[e.Name]
		if d.Err != nil && !errors.Is(d.Err, kerr.GroupIDNotFound) {
			return fmt.Errorf("group %s: %w", e.Name, d.Err)
		}
		g := Group{Name: e.Name, Stage: e.Stage, Generation: e.generation, State: d.State, Protocol: d.Protocol, Members: []Member{}}
		if g.State == "" || g.State == "Dead" {
			g.State = "Empty"
		}
		lags, err := c.lags(ctx, e, committed[e.Name], ends)
		if err != nil {
			return err
		}
		g.Partitions = len(lags)
		taken := map[int32]bool{}
		for _, m := range d.Members {
			g.Members = append(g.Members, member(m, lags, taken))
		}
		slices.SortFunc(g.Members, func(a, b Member) int { return strings.Compare(a.Instance, b.Instance) })
		for p, lag := range lags {
			g.Lag += lag
			if !taken[p] {
				g.Unassigned++
			}
		}
		if len(g.Members) == 0 {
			g.Idle = e.idle
		}
		r.Groups = append(r.Groups, g)
	}
	return nil
}

func member(d kadm.DescribedGroupMember, lags map[int32]int64, taken map[int32]bool) Member {
	m := Member{Instance: d.ClientID, Host: strings.TrimPrefix(d.ClientHost, "/"), Partitions: []int32{}, Standby: []int32{}}
	if meta, ok := d.Join.AsConsumer(); ok {
		if words, ok := balance.DecodeMember(meta.UserData); ok {
			m.Address = words.Address
			if words.Host != "" {
				m.Host = words.Host
			}
		}
	}
	assigned, ok := d.Assigned.AsConsumer()
	if !ok {
		return m
	}
	for _, t := range assigned.Topics {
		m.Partitions = append(m.Partitions, t.Partitions...)
	}
	slices.Sort(m.Partitions)
	m.Partitions = slices.Compact(m.Partitions)
	for _, p := range m.Partitions {
		m.Lag += lags[p]
		taken[p] = true
	}
	m.Standby = append(m.Standby, duty(assigned).Standby...)
	return m
}

func duty(a *kmsg.ConsumerMemberAssignment) balance.Duty { return balance.DecodeDuty(a.UserData) }

// lags are the data records that the group has not committed, by partition, over
// all of its inputs.
func (c *Collector) lags(ctx context.Context, e expectedGroup, committed kadm.FetchOffsetsResponse, ends kadm.ListedOffsets) (map[int32]int64, error) {
	if committed.Err != nil && !errors.Is(committed.Err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("offsets of group %s: %w", e.Name, committed.Err)
	}
	lags := map[int32]int64{}
	for _, topic := range e.Inputs {
		for p, end := range ends[topic] {
			o, ok := committed.Fetched.Lookup(topic, p)
			n := int64(0)
			if ok && o.At >= 0 && o.At < end.Offset && !engine.OnlyInvisible(ctx, c.cl, topic, p, o.At, end.Offset) {
				n = end.Offset - o.At
			}
			lags[p] += n
		}
	}
	return lags, nil
}
