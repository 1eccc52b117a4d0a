package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

type topicPartition struct {
	topic     string
	partition int32
}

// session is one generation: sarama's ConsumerGroupSession for goka. Its
// context is not derived from goka's, which ends before the last commit.
type session struct {
	sarama.ConsumerGroupSession // nil: goka calls only what is defined below
	inc                         *incarnation
	owned                       map[string][]int32
	claims                      map[topicPartition]*claim
	outputs                     map[int32]*outputs       // by partition
	window                      *window                  // of all of them
	promise                     func(*kgo.Record, error) // onProduced, allocated once
	memberID                    string
	generation                  int32
	gate                        *gate // nil in a sink
	ctx                         context.Context
	cancel                      context.CancelFunc
	done                        chan struct{} // closed after Cleanup
	consuming                   atomic.Bool
	draining                    atomic.Bool
	kick                        chan struct{} // capacity 1: commit now

	commitMu sync.Mutex // one commit at a time
	began    time.Time  // of the open transaction
	dated    time.Time  // under commitMu: of the newest commit of the session
	output   bool       // under commitMu: the transaction that is being committed has outputs

	mu     sync.Mutex
	room   *sync.Cond
	queued int // bytes in all claims

	stores  []*store // of the owned table partitions, after Setup
	standby []int32  // partitions to keep a copy of

	goals map[topicPartition]int64 // ends at watch's first look
}

func newSession(inc *incarnation, owned map[string][]int32) *session {
	s := &session{inc: inc, owned: owned, claims: map[topicPartition]*claim{}, outputs: map[int32]*outputs{}, goals: map[topicPartition]int64{}, window: newWindow(), done: make(chan struct{}), kick: make(chan struct{}, 1)}
	s.room, s.promise = sync.NewCond(&s.mu), s.onProduced
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.memberID, s.generation = inc.client.GroupMetadata()
	if inc.cfg.Transactional {
		s.gate = newGate()
	}
	inc.client.ResumeFetchPartitions(owned) // a pause outlives the generation
	n := 0
	for _, ps := range owned {
		n += len(ps)
	}
	for _, p := range s.partitions() {
		s.outputs[p] = new(outputs)
	}
	for t, ps := range owned {
		for _, p := range ps {
			s.claims[topicPartition{t, p}] = newClaim(s, t, p, n)
		}
	}
	return s
}

func (s *session) Claims() map[string][]int32 { return s.owned }
func (s *session) MemberID() string           { return s.memberID }
func (s *session) GenerationID() int32        { return s.generation }
func (s *session) Context() context.Context   { return s.ctx }
func (s *session) over() bool                 { return s.ctx.Err() != nil }

// partitions are those the instance owns; all inputs have the same.
func (s *session) partitions() []int32 {
	set := map[int32]bool{}
	for _, ps := range s.owned {
		for _, p := range ps {
			set[p] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// MarkOffset is goka's word that a batch is done; deliver knows that already.
func (s *session) MarkOffset(topic string, partition int32, _ int64, _ string) {
	if err := s.claims[topicPartition{topic, partition}].untaken(); err != nil {
		s.inc.fail(err)
	}
}

// end stops the session without a commit.
func (s *session) end() {
	s.cancel()
	if s.gate != nil {
		s.gate.end()
	}
	for _, c := range s.claims {
		c.stop(true)
	}
	s.mu.Lock()
	s.room.Broadcast()
	s.mu.Unlock()
}

// run is one generation from Setup (recovery) to Cleanup.
func (s *session) run(ctx context.Context, h sarama.ConsumerGroupHandler) {
	inc, log := s.inc, s.inc.group.log
	if s.over() {
		return // revoked before it began
	}
	start := time.Now()
	inc.group.state(Recovering, s)
	log.Info("partitions assigned", "generation", s.generation, "partitions", s.partitions())
	err := s.admitted(ctx)
	if err == nil {
		err = s.setup(ctx, h)
	}
	recovery := inc.group.recovering()
	var told []int32
	if err == nil && !s.over() {
		told, err = s.tellRecovered()
	}
	if err == nil && !s.over() {
		inc.group.state(Running, s)
		s.noteHeld()
		inc.group.held.worked(s.generation, s.partitions())
		inc.group.held.save()
		inc.group.followers.begin(s.standby)
		rate, _ := recovery.rate()
		log.Info("running", "generation", s.generation, "recovery", time.Since(start).Round(time.Millisecond),
			"records", recovery.records.Load(), "records_per_second", int64(rate))
		s.consume(ctx, h)
	}
	if err != nil {
		inc.fail(err)
	}
	s.end()
	if inc.failure() != nil {
		s.abort()
	}
	// After a clean end nothing is under way that could fail: what Cleanup
	// reports are callbacks that found the session over. After a failure it
	// repeats the cause.
	if err := cleanup(h, s); err != nil {
		inc.mu.Lock()
		inc.endErr = rootCause(err)
		inc.mu.Unlock()
	}
	s.noteHeld()
	for _, st := range s.stores {
		if err := st.Close(); err != nil {
			if errors.Is(err, errHangs) {
				inc.group.hangs.Store(true)
			}
			inc.fail(fmt.Errorf("closing local state: %w", err))
		}
	}
	inc.group.held.save()
	inc.group.state(Starting, nil)
	inc.group.metrics.disowned(inc.cfg.Group)
	if inc.group.hooks.Revoked != nil {
		for _, p := range told {
			inc.group.hooks.Revoked(p)
		}
	}
}

// admitted asks the group's owner whether the session may begin.
func (s *session) admitted(ctx context.Context) error {
	admit := s.inc.group.hooks.Admit
	if admit == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	if err := admit(s.ctx); err != nil && !s.over() {
		return fmt.Errorf("the Admit hook: %w", err)
	}
	return nil
}

// setup runs goka's recovery; a revoke or a shutdown cancels it.
func (s *session) setup(ctx context.Context, h sarama.ConsumerGroupHandler) error {
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	table := s.inc.group.table
	if table != "" {
		if err := s.inc.refreshTable(s.ctx); err != nil {
			if s.over() {
				return nil
			}
			return err
		}
	}
	telling, told := context.WithCancel(s.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.inc.group.recovering().tell(telling, progressEvery, s.inc.group.log, s.inc.group.metrics) })
	err := h.Setup(s)
	told()
	wg.Wait()
	s.inc.mu.Lock()
	s.stores, s.inc.stores = s.inc.stores, nil
	s.inc.mu.Unlock()
	if s.over() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	slices.SortFunc(s.stores, func(a, b *store) int { return int(a.partition - b.partition) })
	return nil
}

// cleanup: goka panics when Setup failed before all partitions were started.
func cleanup(h sarama.ConsumerGroupHandler, s *session) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return h.Cleanup(s)
}

// tellRecovered calls the Recovered hook; Revoked will be called for the same
// partitions, in any case.
func (s *session) tellRecovered() (told []int32, err error) {
	hook := s.inc.group.hooks.Recovered
	if s.inc.group.table == "" {
		return s.partitions(), nil
	}
	for _, st := range s.stores {
		told = append(told, st.partition)
		if hook == nil {
			continue
		}
		if err := hook(st.partition, st.each); err != nil {
			return told, fmt.Errorf("the Recovered hook of partition %d: %w", st.partition, err)
		}
	}
	return told, nil
}

func (s *session) consume(ctx context.Context, h sarama.ConsumerGroupHandler) {
	inc := s.inc
	if s.gate != nil {
		if err := s.begin(s.ctx); err != nil {
			if !s.over() {
				inc.fail(err)
			}
			return
		}
	}
	var wg sync.WaitGroup
	for _, c := range s.claims {
		c.store = storeOf(s.stores, c.partition)
		wg.Go(c.feed)
		wg.Go(func() {
			if err := h.ConsumeClaim(s, c); !s.over() && !s.draining.Load() {
				inc.fail(cmp.Or(c.untaken(), errors.Join(fmt.Errorf("%s/%d: %w", c.topic, c.partition, errEnded), err)))
			}
		})
	}
	s.consuming.Store(true)
	if s.gate != nil {
		s.gate.open()
	}
	if inc.failure() != nil {
		s.end()
	}
	wg.Go(s.poll)
	wg.Go(s.commitLoop)
	wg.Go(func() { s.upon(s.window.room, s.pump) })
	wg.Go(func() { s.upon(s.window.crowd, s.hurry) })
	wg.Go(s.watch)
	select {
	case <-ctx.Done():
		s.finish()
	case <-s.ctx.Done():
	}
	wg.Wait()
}
