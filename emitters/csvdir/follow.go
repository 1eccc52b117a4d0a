package csvdir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/topology"
)

// follower keeps a ledger up to date with loyalty.files, which all instances
// and commands write: also that is how an acceptance arrives.
type follower struct {
	client *kgo.Client
	log    *slog.Logger

	mu      sync.Mutex
	ledger  *ledger
	next    int64
	failed  error
	moved   chan struct{} // closed and replaced with every step
	changed chan struct{} // of capacity 1: something was learned
}

func newFollower(client []kgo.Opt, log *slog.Logger) (*follower, error) {
	opts := append(client[:len(client):len(client)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topology.FilesTopic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(time.Second), kgo.FetchMaxBytes(1<<20))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", topology.FilesTopic, err)
	}
	return &follower{client: cl, log: log, ledger: newLedger(), moved: make(chan struct{}), changed: make(chan struct{}, 1)}, nil
}

// require looks for the topics, and which loyalty.members there is: entries
// about another one of that name count otherwise.
func (f *follower) require(ctx context.Context) error {
	id, err := requireTopics(ctx, f.client)
	if err == nil {
		f.with(func(l *ledger) { l.topic = id })
	}
	return err
}

// members is the id of loyalty.members.
func (f *follower) members() (id string) {
	f.with(func(l *ledger) { id = l.topic })
	return id
}

// run follows until ctx ends or reading fails for good.
func (f *follower) run(ctx context.Context) error {
	for {
		fetches := f.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			if !kerr.IsRetriable(e.Err) || errors.Is(e.Err, kerr.UnknownTopicOrPartition) {
				err := fmt.Errorf("following %s: %w", topology.FilesTopic, e.Err)
				f.step(func() { f.failed = err })
				return err
			}
		}
		f.step(func() { fetches.EachRecord(f.learn) })
	}
}

func (f *follower) learn(r *kgo.Record) {
	f.next = r.Offset + 1
	switch {
	case r.Attrs.IsControl():
	case r.Value == nil:
		f.ledger.remove(string(r.Key))
	default:
		file, err := decodeFile(r.Key, r.Value)
		if errors.Is(err, codec.ErrNewer) {
			f.failed = fmt.Errorf("%s, offset %d: %w", r.Topic, r.Offset, err) // nothing may be decided without it
			return
		}
		if err != nil {
			f.log.Warn("ignoring a record that is no entry of a file", "topic", r.Topic, "offset", r.Offset, "error", err)
			return
		}
		f.ledger.put(file, time.Now())
	}
}

func (f *follower) step(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.moved)
	f.moved = make(chan struct{})
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// with shows the ledger to fn, which must not keep it.
func (f *follower) with(fn func(*ledger)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f.ledger)
}

// stable waits until all is read that is committed now.
func (f *follower) stable(ctx context.Context) error {
	ends, err := kadm.NewClient(f.client).ListCommittedOffsets(ctx, topology.FilesTopic)
	return f.reach(ctx, ends, err)
}

// end waits until all is read that is in the log now. With the fence held,
// nothing of ours is open there.
func (f *follower) end(ctx context.Context) error {
	ends, err := kadm.NewClient(f.client).ListEndOffsets(ctx, topology.FilesTopic)
	return f.reach(ctx, ends, err)
}

func (f *follower) reach(ctx context.Context, ends kadm.ListedOffsets, err error) error {
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("the end of %s: %w", topology.FilesTopic, err)
	}
	end, _ := ends.Lookup(topology.FilesTopic, 0)
	for {
		f.mu.Lock()
		next, failed, moved := f.next, f.failed, f.moved
		f.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case next >= end.Offset:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

func (f *follower) close() { f.client.Close() }

// mark returns a copy of the ledger's watermark, nil before the first import.
func (f *follower) mark() (mark *File) {
	f.with(func(l *ledger) {
		if m := l.watermark(); m != nil {
			copied := *m
			mark = &copied
		}
	})
	return mark
}
