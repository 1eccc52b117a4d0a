package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// member is sarama's ConsumerGroup as goka uses it. Consume runs generation
// after generation itself: goka would sleep 5 s between two.
type member struct {
	sarama.ConsumerGroup // nil: goka calls only what is defined below
	inc                  *incarnation
	errs                 chan error
}

func (m *member) Errors() <-chan error { return m.errs }

// heartbeats: a member learns of a rebalance by its next one, and all partitions of
// those that know already stand still until then.
const heartbeats = 400 * time.Millisecond

// closePatience is how long leaving the group may take. kgo does not break off
// a JoinGroup that waits for other members, for one.
const closePatience = 5 * time.Second

const (
	// metadataMinAge: a partition whose leader has moved stands still for so long,
	// and so old may an answer to kadm be; kgo's default is 5 s.
	metadataMinAge = 500 * time.Millisecond
	// metadataMaxAge: kgo joins without a topic that the broker did not know for
	// a moment (just started, say), and looks again after that; its default is 5
	// minutes, in which nothing would happen and nobody say so.
	metadataMaxAge = 5 * time.Second
	// fetchMaxWait: a partition that is assigned while the client's fetch of
	// others waits for records stands still for as long; kgo's default is 5 s.
	fetchMaxWait = 500 * time.Millisecond
	// recordRetries, with kgo's backoff some 8 s: then the record fails with what
	// the broker has answered, before the commit gives up without knowing why.
	recordRetries = 6
)

func (m *member) Close() error {
	inc := m.inc
	inc.closeOnce.Do(func() { close(inc.closing) })
	if inc.client != nil {
		stop := time.AfterFunc(closePatience, inc.kill)
		inc.client.Close()
		stop.Stop()
		inc.kill()
	}
	return nil
}

func (m *member) Consume(ctx context.Context, topics []string, h sarama.ConsumerGroupHandler) error {
	inc := m.inc
	if err := inc.connect(topics); err != nil {
		inc.fail(err)
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-inc.failed:
			return inc.err
		case s := <-inc.assigned:
			s.run(ctx, h)
			close(s.done)
		}
		if err := inc.failure(); err != nil {
			return err
		}
	}
}

// connect makes the client: member, consumer and producer in one.
func (inc *incarnation) connect(topics []string) error {
	cfg := inc.cfg
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 5) // 6 names topics by id
	if !inc.facts.features.transactions2 {
		versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 4) // 5 adds the group to the transaction
	}
	versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9) // 10 does
	compression, err := cfg.compression()
	if err != nil {
		return err
	}
	opts := append(append([]kgo.Opt{}, cfg.Client...), cfg.limits()...)
	opts = append(opts,
		kgo.ClientID(cfg.Instance), kgo.MaxVersions(versions), kgo.DisableClientMetrics(), kgo.MetadataMinAge(metadataMinAge), kgo.MetadataMaxAge(metadataMaxAge), kgo.RecordRetries(recordRetries), kgo.FetchMaxWait(fetchMaxWait), kgo.WithHooks(inc.lease, groupErrors{inc}),
		kgo.WithLogger(kgoLog{inc.group.log}),
		kgo.ConsumerGroup(cfg.Group), kgo.ConsumeTopics(topics...), kgo.Balancers(inc.balancers()...), kgo.DisableAutoCommit(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtCommitted()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.SessionTimeout(cfg.SessionTimeout), kgo.HeartbeatInterval(min(cfg.SessionTimeout/6, heartbeats)), kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.OnPartitionsAssigned(inc.onAssigned),
		kgo.OnOffsetsFetched(inc.onOffsets), kgo.AdjustFetchOffsetsFn(inc.adjust),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) { inc.onRevoked() }),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { inc.onLost() }),
		kgo.RequiredAcks(kgo.AllISRAcks()), compression, kgo.RecordPartitioner(inc.partitioner()),
		kgo.ProducerLinger(inc.linger()),
	)
	if cfg.Transactional {
		opts = append(opts, kgo.TransactionalID(cfg.transactionalID()), kgo.TransactionTimeout(cfg.TransactionTimeout))
	}
	inc.group.dismissFormer(inc.ctx)
	var alive context.Context // not Run's: a last commit follows its end
	alive, inc.kill = context.WithCancel(context.Background())
	opts = append(opts, kgo.WithContext(alive))
	if inc.client, err = kgo.NewClient(opts...); err != nil {
		inc.kill()
		return fatalf("the Kafka client: %w", err)
	}
	close(inc.ready)
	return nil
}

// onAssigned holds up the offset fetch of the new generation until the former
// session is cleaned up and former owners are fenced.
func (inc *incarnation) onAssigned(_ context.Context, _ *kgo.Client, claims map[string][]int32) {
	<-inc.ready
	inc.mu.Lock()
	former := inc.newest
	inc.mu.Unlock()
	if former != nil {
		select {
		case <-former.done:
		case <-inc.closing:
			return
		}
	}
	if inc.cfg.Transactional {
		if err := inc.fence(claims); err != nil {
			inc.fail(err)
			return
		}
	}
	s := newSession(inc, claims)
	inc.mu.Lock()
	inc.newest = s
	s.standby = inc.standby
	inc.mu.Unlock()
	inc.group.held.assigned(s.generation, s.partitions())
	inc.group.followers.keep(s.standby)
	inc.current.Store(s)
	if inc.failure() != nil {
		s.end()
	}
	select {
	case inc.assigned <- s:
	case <-inc.closing:
	case <-inc.failed:
	}
}

// onOffsets sees where the fetches of the new generation will begin.
func (inc *incarnation) onOffsets(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	s := inc.current.Load()
	if s == nil {
		return nil
	}
	start := func(topic string, partition int32, offset int64, epoch int32, metadata *string, code int16) {
		c := s.claims[topicPartition{topic, partition}]
		if c == nil || code != 0 {
			return
		}
		if inc.cfg.expendable(topic) && (offset < 0 || metadata != nil && inc.group.checkPin(&inc.facts, topic, partition, *metadata) != nil) {
			return // adjust finds no position
		}
		if offset < 0 {
			if n := inc.facts.partitions; partition >= n {
				inc.fail(repartitioned(inc.cfg.Group, topic, n, fmt.Sprintf("%d or more", partition+1)))
			} else {
				inc.fail(noCommit(inc.cfg.Group, topic, partition))
			}
			return
		}
		c.startAt(offset, epoch)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			start(t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
		}
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				start(t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
			}
		}
	}
	return nil
}

func noCommit(group, topic string, partition int32) error {
	return fatalf("group %s has no committed offset for %s/%d: offsets are committed once, when a generation is created, and nothing guesses where a group without one should start (they expired, or were deleted, as happens with a topic that is: rebuild)", group, topic, partition)
}

func (inc *incarnation) onRevoked() {
	if s := inc.current.Load(); s != nil {
		s.finish()
	}
}

func (inc *incarnation) onLost() {
	inc.fail(errLost)
}

// groupErrors is kgo's hook that tells why a membership was lost; it comes
// right after onLost.
type groupErrors struct{ inc *incarnation }

var _ kgo.HookGroupManageError = groupErrors{}

func (g groupErrors) OnGroupManageError(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	g.inc.mu.Lock()
	g.inc.groupErr = fmt.Errorf("the group's coordinator: %w", err)
	g.inc.mu.Unlock()
	g.inc.fail(errLost)
}
