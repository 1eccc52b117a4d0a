package contest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lookEvery is fine enough for windows of a second, and costs under 1% of a core.
const lookEvery = 5 * time.Millisecond

// instant is what the process has done and used until then.
type instant struct {
	at      time.Time
	cpu     time.Duration // user and system time of the whole process
	records int64
}

func now(records int64) (instant, error) {
	cpu, err := cpuTime()
	if err != nil {
		return instant{}, err
	}
	return instant{at: time.Now(), cpu: cpu, records: records}, nil
}

// window is the measured part of a run.
type window struct {
	start    time.Time
	records  int64
	duration time.Duration
	cpu      time.Duration
}

func (w window) throughput() float64 { return float64(w.records) / w.duration.Seconds() }

// cpuPerRecord is in microseconds.
func (w window) cpuPerRecord() float64 {
	return float64(w.cpu.Nanoseconds()) / 1e3 / float64(w.records)
}

// meter follows a contender from outside.
type meter struct {
	done            func() (int64, error) // records worked on so far, perhaps not committed yet
	committed       func(context.Context) (bool, error)
	warmup, records int64
}

// measure returns when all records are committed.
func (m meter) measure(ctx context.Context) (window, error) {
	begin, err := m.await(ctx, m.warmup)
	if err != nil {
		return window{}, err
	}
	if _, err := m.await(ctx, m.records); err != nil {
		return window{}, err
	}
	for {
		all, err := m.committed(ctx)
		if err != nil {
			return window{}, err
		}
		if all {
			break
		}
		if err := pause(ctx); err != nil {
			return window{}, err
		}
	}
	end, err := now(m.records)
	if err != nil {
		return window{}, err
	}
	if begin.records >= m.records {
		return window{}, errors.New("all records were done at the end of the warm-up: use more records, or a warm-up of 0")
	}
	return window{start: begin.at, records: end.records - begin.records, duration: end.at.Sub(begin.at), cpu: end.cpu - begin.cpu}, nil
}

// await returns the first look at which that many records were done.
func (m meter) await(ctx context.Context, records int64) (instant, error) {
	for {
		done, err := m.done()
		if err != nil {
			return instant{}, err
		}
		if done >= records {
			return now(done)
		}
		if err := pause(ctx); err != nil {
			return instant{}, fmt.Errorf("%d of %d records done: %w", done, records, err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(lookEvery):
		return nil
	}
}

// caughtUp says whether the group has committed all of the topic.
func (b *broker) caughtUp(group, topic string) (func(context.Context) (bool, error), func(), error) {
	cl, err := kgo.NewClient(b.client...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	adm := kadm.NewClient(cl)
	return func(ctx context.Context) (bool, error) {
		commits, err := adm.FetchOffsets(ctx, group)
		if err != nil {
			return false, fmt.Errorf("the commits of %s: %w", group, err)
		}
		ends, err := adm.ListEndOffsets(ctx, topic)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return false, fmt.Errorf("the end of %s: %w", topic, err)
		}
		all := true
		ends.Each(func(end kadm.ListedOffset) {
			commit, ok := commits.Lookup(end.Topic, end.Partition)
			all = all && ok && commit.At >= end.Offset
		})
		return all, nil
	}, cl.Close, nil
}
