package engine

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/txn"
)

// incarnation is one goka processor with its one Kafka client, which is group
// member and transactional producer. It serves any number of generations
// (sessions) and ends at the first failure: goka's state is then ahead of
// Kafka's, so nothing of it is used again.
type incarnation struct {
	group      *Group
	cfg        Config
	ctx        context.Context // ends with Run's
	facts      facts
	lease      *lease
	client     *kgo.Client
	kill       context.CancelFunc // ends the client's requests
	ready      chan struct{}      // client is set; its callbacks may come first
	open       *txn.Txn           // nil: none; of whoever holds the session's commit lock
	started    time.Time
	progressed atomic.Bool // it has committed a step

	producedRecords, producedBytes atomic.Int64 // since the newest commit began; some may be held

	assigned  chan *session
	closing   chan struct{}
	closeOnce sync.Once
	current   atomic.Pointer[session]

	mu       sync.Mutex
	newest   *session // ended or not
	stores   []*store // built by goka, not yet the session's
	standby  []int32  // of the newest assignment
	groupErr error    // why the membership was lost
	endErr   error    // what goka's cleanup had to say

	failOnce sync.Once
	failed   chan struct{}
	err      error
}

func newIncarnation(ctx context.Context, g *Group) *incarnation {
	inc := &incarnation{group: g, cfg: g.cfg, ctx: ctx, lease: &lease{timeout: g.cfg.SessionTimeout},
		ready: make(chan struct{}), assigned: make(chan *session), closing: make(chan struct{}), failed: make(chan struct{}),
		started: time.Now()}
	return inc
}

// run ends with ctx, or with what ended the incarnation.
func (inc *incarnation) run() error {
	var err error
	if inc.facts, err = inc.group.check(inc.ctx); err != nil {
		return err
	}
	p, err := goka.NewProcessor([]string{"kgo"}, inc.group.graph, inc.options()...)
	if err != nil {
		return fmt.Errorf("building the processor: %w", err)
	}
	err = p.Run(inc.ctx)
	if cause := inc.failure(); cause != nil {
		err = cause // goka's own error is a consequence, and text only
	}
	inc.mu.Lock()
	defer inc.mu.Unlock()
	switch {
	case errors.Is(err, errLost) && inc.groupErr != nil:
		err = fmt.Errorf("%w: %w", err, inc.groupErr)
	case errors.Is(err, errEnded) && inc.endErr != nil:
		err = fmt.Errorf("%w: %w", err, inc.endErr)
	}
	return err
}

func (inc *incarnation) options() []goka.ProcessorOption {
	return []goka.ProcessorOption{
		goka.WithClientID(inc.cfg.Instance),
		goka.WithLogger(gokaLog{inc.group.log}),
		goka.WithHasher(inc.cfg.NewHash),
		goka.WithNilHandling(goka.NilProcess), // a batch has no value of its own
		goka.WithPartitionChannelSize(1),
		goka.WithTopicManagerBuilder(func([]string) (goka.TopicManager, error) { return topicManager{inc}, nil }),
		goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) { return noProducer{inc}, nil }),
		goka.WithConsumerGroupBuilder(func([]string, string, string) (sarama.ConsumerGroup, error) {
			return &member{inc: inc, errs: make(chan error)}, nil
		}),
		goka.WithConsumerSaramaBuilder(func([]string, string) (sarama.Consumer, error) { return tableReader{inc: inc}, nil }),
		goka.WithStorageBuilder(inc.storage),
		goka.WithContextWrapper(inc.wrap),
	}
}

// owned is the number of partitions that memory is shared by.
func (inc *incarnation) owned() int {
	if s := inc.current.Load(); s != nil {
		return max(len(s.partitions()), 1)
	}
	return 1
}

// failing is fail, for an error that is passed on as well.
func (inc *incarnation) failing(err error) error {
	inc.fail(err)
	return err
}

// partitionOf is goka's rule.
func partitionOf(h hash.Hash32, key []byte, n int32) int32 {
	h.Reset()
	_, _ = h.Write(key)
	p := int32(h.Sum32()) % n
	if p < 0 {
		p = -p
	}
	return p
}

// fail ends the incarnation. The first error counts.
func (inc *incarnation) fail(err error) {
	inc.failOnce.Do(func() {
		// After a pause anything may be the first to run into its own timeout.
		if inc.current.Load() != nil && inc.lease.lapsed() && classify(err) == away {
			err = fmt.Errorf("%w: %w", errLapsed, err)
		}
		inc.err = err
		close(inc.failed)
		if s := inc.current.Load(); s != nil {
			s.end()
		}
	})
}

func (inc *incarnation) failure() error {
	select {
	case <-inc.failed:
		return inc.err
	default:
		return nil
	}
}
