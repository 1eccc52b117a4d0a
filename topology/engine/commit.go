package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/txn"
)

// earlyPart of the interval is the least time between two commits of a session
// that keeps up with its inputs. Before the next one there is also a rest of
// earlyRest times what the last one took, so that a slow broker gets no more.
const (
	earlyPart = 4
	earlyRest = 2
)

// commitLoop commits once per interval while there is more to do than is done,
// since each commit costs the same, however much it holds. A session that keeps
// up spends that on latency instead: it commits four times as often. A sink's
// commit shows nobody anything, so it is never early.
func (s *session) commitLoop() {
	interval := s.inc.cfg.CommitInterval
	tick := interval
	if s.gate != nil {
		tick = max(interval/earlyPart, time.Millisecond)
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	due := time.Now().Add(interval)
	early := due
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-t.C:
			if now.Before(due) && (now.Before(early) || !s.keepsUp()) {
				continue
			}
		case <-s.kick:
		}
		s.commitMu.Lock()
		began := time.Now()
		if !s.over() {
			if err := s.commit(false); err != nil {
				s.inc.fail(fmt.Errorf("commit: %w", err))
			}
		}
		ended := time.Now()
		due = began.Add(interval - tick/2) // a tick comes a little early or late
		early = ended.Add(earlyRest * ended.Sub(began))
		s.commitMu.Unlock()
	}
}

// keepsUp: little of what was fetched waits for its callbacks. A session that
// does not keep up has a queue that is full, or nearly.
func (s *session) keepsUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued <= s.inc.cfg.QueueBytes/earlyPart
}

// finish is the last commit of the session, within a revoke or a shutdown.
func (s *session) finish() {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if !s.over() && s.consuming.Load() {
		s.draining.Store(true)
		if s.gate == nil {
			s.drainSink()
		}
		if !s.over() {
			if err := s.commit(true); err != nil {
				s.inc.fail(fmt.Errorf("last commit: %w", err))
			}
		}
	}
	s.end()
}

// moved are the positions of all claims, and whether any is not committed, or was so
// long ago.
func (s *session) moved() (positions map[string]map[int32]kgo.EpochOffset, any bool) {
	positions = map[string]map[int32]kgo.EpochOffset{}
	for k, c := range s.claims {
		position, committed := c.at()
		if position.Offset < 0 {
			continue
		}
		any = any || position.Offset != committed
		if positions[k.topic] == nil {
			positions[k.topic] = map[int32]kgo.EpochOffset{}
		}
		positions[k.topic][k.partition] = position
	}
	age := s.inc.cfg.now().Sub(s.dated)
	return positions, any || len(positions) > 0 && (age > dateEvery || age < 0)
}

var errUnderWay = errors.New("messages are still under way: a callback or DeferCommit outlasts the transaction timeout, or the broker is away")

// commit makes durable what has been done since the last one, as one Kafka
// transaction where there is output. Callbacks stand still only until positions,
// state and outputs are those of the same messages, unless it is the last: what
// they write while the transaction ends is held, for the next one. After an
// error the fate of the transaction is unknown: the caller fails the incarnation.
func (s *session) commit(last bool) error {
	inc := s.inc
	if s.gate == nil {
		return s.commitSink(s.ctx)
	}
	if _, any := s.moved(); !any && inc.producedRecords.Load() == 0 && !last {
		inc.group.metrics.settled()
		s.gate.open() // it may be full
		return nil
	}
	// s.ctx ends after the last commit, or by a failure: then the fate of this one
	// is unknown in any case, and waiting for a dead broker is vain.
	ctx, cancel := context.WithTimeoutCause(s.ctx, inc.cfg.TransactionTimeout*2/3, errUnderWay)
	defer cancel()
	if full := s.gate.close(); full > 0 {
		inc.group.metrics.fullPause.Observe(full.Seconds())
	}
	if err := s.gate.drain(ctx); err != nil {
		return err
	}
	if err := inc.failure(); err != nil {
		return err
	}
	positions, any := s.moved()
	s.output = inc.producedRecords.Swap(0) > 0
	inc.producedBytes.Store(0)
	for _, st := range s.stores {
		st.seal()
	}
	pause := s.gate.pause()
	if !last {
		for _, o := range s.outputs {
			o.hold()
		}
		s.gate.open()
	}
	worked := any || s.output
	if worked {
		inc.group.metrics.commitPause.Observe(pause.Seconds())
		if err := s.flushed(ctx); err != nil {
			return err
		}
		if err := s.conclude(positions); err != nil {
			return err
		}
	}
	if !last {
		for _, o := range s.outputs {
			o.release(s)
		}
	}
	if worked {
		for _, st := range s.stores { // the next outputs are on their way meanwhile
			if err := st.committed(); err != nil {
				return fmt.Errorf("local state: %w", err)
			}
		}
	}
	if last && !inc.lease.lapsed() {
		for _, st := range s.stores {
			st.current()
		}
	}
	return nil
}

// conclude ends the transaction and begins the next one.
func (s *session) conclude(positions map[string]map[int32]kgo.EpochOffset) error {
	inc := s.inc
	ctx, cancel := context.WithTimeout(s.ctx, inc.cfg.TransactionTimeout)
	defer cancel()
	if s.output {
		if err := s.commitInTransaction(ctx, positions); err != nil {
			return fmt.Errorf("offsets of the transaction: %w", err)
		}
		if err := inc.open.Commit(ctx); err != nil {
			return fmt.Errorf("the end of the transaction: %w", err)
		}
		inc.open = nil
		inc.group.metrics.transaction.Observe(time.Since(s.began).Seconds())
		inc.group.metrics.committed.Inc()
	} else {
		// Nothing was produced: kgo's EndTransaction would do nothing, and a
		// plain commit is one atomic action with the same check of the generation.
		if err := s.commitPlain(ctx, positions); err != nil {
			return fmt.Errorf("offsets: %w", err)
		}
	}
	s.output = false
	s.noteCommitted(positions)
	inc.group.metrics.settled()
	for _, st := range s.stores {
		st.acknowledged()
	}
	return s.begin(ctx)
}

func (s *session) begin(ctx context.Context) error {
	inc := s.inc
	if inc.open != nil { // by the session before, which ended with a commit
		s.began = time.Now()
		return nil
	}
	open, err := txn.Begin(ctx, inc.client)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	inc.open, s.began = open, time.Now()
	return nil
}

func (s *session) noteCommitted(positions map[string]map[int32]kgo.EpochOffset) {
	s.dated = s.inc.cfg.now()
	for topic, ps := range positions {
		for p, o := range ps {
			if s.claims[topicPartition{topic, p}].setCommitted(o.Offset) {
				s.inc.progressed.Store(true)
			}
		}
	}
}

// abort ends what a failed incarnation has open, as well as it can: where it
// cannot, the next InitProducerID of this id or a fence will. It also fails
// what is buffered, so that goka's promises end.
func (s *session) abort() {
	inc := s.inc
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := inc.client.AbortBufferedRecords(ctx); err != nil {
		inc.client.UnsafeAbortBufferedRecords()
	}
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if s.gate == nil {
		// What is done is done, also when something else has failed.
		if !errors.Is(inc.failure(), errLost) {
			_ = s.commitSink(ctx)
		}
		return
	}
	open := inc.open
	if open == nil {
		return
	}
	inc.open = nil
	if s.output || inc.producedRecords.Load() > 0 {
		inc.group.metrics.aborted.Inc()
	}
	var err error
	if inc.facts.features.transactions2 {
		err = open.Abort(ctx)
	} else {
		err = inc.group.takeOver(ctx, inc.cfg.transactionalID())
	}
	if err != nil {
		inc.group.log.Debug("abort", "error", err)
	}
}
