package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
	"customer360/topology/generation"
)

// brokers: reachable, new enough, with transactions of the newer kind.
func (d *doctor) brokers(ctx context.Context) ([]Finding, error) {
	where := strings.Join(d.conf.Kafka.Brokers, ",")
	var err error
	if d.cluster, err = d.admin.BrokerMetadata(ctx); err != nil {
		return []Finding{failure(where, "Kafka does not answer: "+err.Error(),
			"check kafka.brokers, kafka.tls and kafka.sasl, the network, and that the brokers run; checks of Kafka are left out")}, nil
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "customer360", "1"
	var found []Finding
	for _, b := range d.cluster.Brokers {
		at := fmt.Sprintf("broker %d (%s:%d)", b.NodeID, b.Host, b.Port)
		answer, err := d.client.Broker(int(b.NodeID)).RetriableRequest(ctx, req)
		if err != nil {
			found = append(found, warning(at, "the broker does not answer: "+err.Error(), "start it again, or check that this host reaches its advertised address"))
			continue
		}
		found = append(found, features(at, answer.(*kmsg.ApiVersionsResponse)))
	}
	return found, nil
}

// features judges what one broker says of itself.
func features(at string, answer *kmsg.ApiVersionsResponse) Finding {
	version, most := kversion.FromApiVersionsResponse(answer).VersionGuess(), map[int16]int16{}
	for _, k := range answer.ApiKeys {
		most[k.ApiKey] = k.MaxVersion
	}
	level := int16(0)
	for _, f := range answer.FinalizedFeatures {
		if f.Name == "transaction.version" {
			level = f.MaxVersionLevel
		}
	}
	if _, described := most[int16(kmsg.DescribeProducers)]; !described || most[int16(kmsg.TxnOffsetCommit)] < 3 {
		return failure(at, "too old ("+version+"): exactly once needs Kafka 2.8 or newer", "upgrade the brokers, best to 4.0 or newer")
	}
	if level < 2 {
		return warning(at, fmt.Sprintf("%s, transaction.version %d: aborted transactions are ended by raising the epoch", version, level),
			"with brokers of 4.0 or newer: kafka-features.sh --bootstrap-server HOST upgrade --feature transaction.version=2")
	}
	return ok(at, "%s, transaction.version %d", version, level)
}

// replication: replicas that the cluster can have, and acknowledged copies.
func (d *doctor) replication(ctx context.Context) ([]Finding, error) {
	names := []string{}
	for _, t := range d.graph.Topics {
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		names = []string{topology.GenerationsTopic, d.conf.Delivery.Topic}
	}
	details, err := d.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, err
	}
	brokers := len(d.cluster.Brokers)
	var found []Finding
	if want := int(d.conf.Kafka.ReplicationFactor); want > brokers {
		found = append(found, failure("kafka.replication_factor", fmt.Sprintf("%d replicas are wanted and %d brokers are there: topics cannot be created", want, brokers),
			"start more brokers, or lower kafka.replication_factor"))
	}
	single, under, existing := 0, []string{}, []string{}
	for _, t := range details.Sorted() {
		if t.Err != nil {
			continue
		}
		existing = append(existing, t.Topic)
		for _, p := range t.Partitions.Sorted() {
			if len(p.Replicas) < 2 {
				single++
				break
			}
			if len(p.ISR) < len(p.Replicas) {
				under = append(under, t.Topic+"/"+strconv.Itoa(int(p.Partition)))
			}
		}
	}
	if single > 0 {
		found = append(found, warning(fmt.Sprintf("%d topics", single), "one replica each: the loss of a broker's disk loses what lies there",
			"give the topics 3 replicas (kafka-reassign-partitions.sh) and set kafka.replication_factor: 3; one is right for development only"))
	}
	if len(under) > 0 {
		found = append(found, warning(some(under), "replicas are not in sync", "look at the brokers that lag or are away"))
	}
	if len(existing) > 0 {
		configs, err := d.admin.DescribeTopicConfigs(ctx, existing...)
		if err != nil {
			return found, err
		}
		for _, c := range configs {
			for _, setting := range c.Configs {
				n, err := strconv.Atoi(setting.MaybeValue())
				if setting.Key != "min.insync.replicas" || err != nil || c.Err != nil {
					continue
				}
				replicas := details[c.Name].Partitions.NumReplicas()
				if n > replicas {
					found = append(found, failure(c.Name, fmt.Sprintf("min.insync.replicas is %d and there are %d replicas: every write fails", n, replicas),
						fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config min.insync.replicas=%d", c.Name, max(replicas-1, 1))))
				} else if replicas > 2 && n < 2 {
					found = append(found, warning(c.Name, "min.insync.replicas is 1: what one broker acknowledged alone can be lost",
						fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config min.insync.replicas=2", c.Name)))
				}
			}
		}
	}
	if len(found) == 0 {
		found = append(found, ok(fmt.Sprintf("%d brokers", brokers), "topics have the replicas they need, all in sync"))
	}
	return found, nil
}

// topology: which generation serves, and the graph that follows from it.
func (d *doctor) topology(ctx context.Context) ([]Finding, error) {
	settings, err := generation.Resolve(ctx, d.deps.Kafka, pipeline.Settings(d.conf))
	if err == nil {
		d.graph, err = topology.New(settings)
	}
	if err != nil {
		return nil, err
	}
	list, err := d.admin.ListTopics(ctx, topology.GenerationsTopic)
	if err == nil && !list.Has(topology.GenerationsTopic) {
		return []Finding{ok(topology.GenerationsTopic, "nothing ran here yet: the topic is not there")}, nil
	}
	state, err := generation.NewLog(d.deps.Kafka).Read(ctx)
	if err != nil {
		return nil, err
	}
	if g, have := state.Live(); have {
		found := []Finding{ok(topology.GenerationsTopic, "generation %d serves", g.Number)}
		if next, building := state.Next(); building {
			what := fmt.Sprintf("generation %d is %s", next.Number, next.State)
			if next.State == generation.Promoting {
				found = append(found, warning(topology.GenerationsTopic, what, "run `customer360 rebuild promote` again if it does not run any more"))
			} else {
				found = append(found, ok(topology.GenerationsTopic, "%s beside it", what))
			}
		}
		return found, nil
	}
	if g, have := state.Current(); have {
		return []Finding{ok(topology.GenerationsTopic, "generation %d is %s", g.Number, g.State)}, nil
	}
	return []Finding{ok(topology.GenerationsTopic, "no generation yet: the first `customer360 run` makes it")}, nil
}

// brokerClock compares this host's clock with that of the newest record that a
// broker or a producer has stamped: far in the future only.
func (d *doctor) brokerClock(ctx context.Context) ([]Finding, error) {
	newest, err := d.newest(ctx, d.conf.Delivery.Topic, topology.DeadLetterTopic, topology.PollsTopic)
	if err != nil {
		return nil, err
	}
	if newest.IsZero() {
		return []Finding{ok("this host", "no record yet to compare the clock with")}, nil
	}
	return []Finding{clock("Kafka's newest record", d.deps.Now(), newest, false)}, nil
}

// clockLimit is how far clocks may be apart.
const clockLimit = time.Minute

// clock judges this host's clock by another. Where that one may be old (exact is
// false), only a lead of it says something.
func clock(of string, here, there time.Time, exact bool) Finding {
	apart := there.Sub(here)
	if apart > clockLimit || exact && apart < -clockLimit {
		return warning("this host's clock", fmt.Sprintf("%v apart from %s", apart.Abs().Round(time.Second), of),
			"run NTP (chrony, systemd-timesyncd) on both: due times, expiry of members and ages of files follow the clock")
	}
	return ok("this host's clock", "fits %s", of)
}

// newest is the time of the newest record of topics that are there.
func (d *doctor) newest(ctx context.Context, topics ...string) (time.Time, error) {
	list, err := d.admin.ListTopics(ctx, topics...)
	if err != nil {
		return time.Time{}, err
	}
	var names []string
	for _, t := range list {
		if t.Err == nil {
			names = append(names, t.Topic)
		}
	}
	if len(names) == 0 {
		return time.Time{}, nil
	}
	at, err := d.admin.ListMaxTimestampOffsets(ctx, names...)
	if err != nil {
		return time.Time{}, err
	}
	newest := int64(-1)
	for _, partitions := range at {
		for _, o := range partitions {
			if o.Err == nil {
				newest = max(newest, o.Timestamp)
			}
		}
	}
	if newest < 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(newest), nil
}

// read returns up to n records of each partition from the given distance to its
// end on, within a few seconds.
func (d *doctor) read(ctx context.Context, topic string, back int64) ([]*kgo.Record, error) {
	ends, err := d.admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	starts, err := d.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	from, open := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, end := range ends[topic] {
		start, _ := starts.Lookup(topic, p)
		if end.Offset > start.Offset {
			from[p], open[p] = kgo.NewOffset().At(max(start.Offset, end.Offset-back)), end.Offset
		}
	}
	if len(from) == 0 {
		return nil, nil
	}
	cl, err := kgo.NewClient(append(d.deps.Kafka[:len(d.deps.Kafka):len(d.deps.Kafka)], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.BrokerMaxReadBytes(8*topology.MaxMessageBytes), kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var records []*kgo.Record
	patience, cancel := context.WithTimeout(ctx, d.deps.Limit/2)
	defer cancel()
	for len(open) > 0 {
		fetches := cl.PollFetches(patience)
		if patience.Err() != nil {
			return records, ctx.Err() // compaction may have eaten the tail: what came is the sample
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return records, errs[0].Err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
		}
	}
	return records, nil
}

// some names the first few of many.
func some(list []string) string {
	if len(list) > 4 {
		return strings.Join(list[:4], ", ") + fmt.Sprintf(" and %d more", len(list)-4)
	}
	return strings.Join(list, ", ")
}
