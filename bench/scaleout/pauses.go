package scaleout

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pauses measures how long each partition of the documents topic stands still, as
// a reader sees it that reads committed records only.
type pauses struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	last    map[int32]time.Time
	longest map[int32]time.Duration
	records int64
}

func watch(opts []kgo.Opt, topic string) (*pauses, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(50*time.Millisecond))...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pauses{client: cl, cancel: cancel, done: make(chan struct{}), last: map[int32]time.Time{}, longest: map[int32]time.Duration{}}
	go p.read(ctx)
	return p, nil
}

func (p *pauses) read(ctx context.Context) {
	defer close(p.done)
	for ctx.Err() == nil {
		fs := p.client.PollFetches(ctx)
		now := time.Now()
		p.mu.Lock()
		fs.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) == 0 {
				return
			}
			if last, ok := p.last[f.Partition]; ok {
				p.longest[f.Partition] = max(p.longest[f.Partition], now.Sub(last))
			}
			p.last[f.Partition] = now
			p.records += int64(len(f.Records))
		})
		p.mu.Unlock()
	}
}

func (p *pauses) stop() {
	p.cancel()
	<-p.done
	p.client.Close()
}

// since returns the longest pause of each partition since the last call, one that
// still lasts included.
func (p *pauses) since() map[int32]time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	result := p.longest
	for partition, at := range p.last {
		result[partition] = max(result[partition], time.Since(at))
	}
	p.longest = map[int32]time.Duration{}
	return result
}

// flows says whether each of n partitions has had a record after t.
func (p *pauses) flows(n int32, t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition := range n {
		if !p.last[partition].After(t) {
			return false
		}
	}
	return true
}
