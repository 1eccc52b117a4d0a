package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// followers are the standby copies that this instance keeps for a group. They
// outlive sessions and incarnations: only an assignment begins or ends one.
type followers struct {
	group  *Group
	ctx    context.Context
	client *kgo.Client // their own: fetches on one connection wait for each other

	mu      sync.Mutex
	running map[int32]*follower
	wg      sync.WaitGroup
}

// booksEvery is how often metrics and the file of held state are brought up to date.
const booksEvery = 5 * time.Second

func newFollowers(ctx context.Context, g *Group) (*followers, error) {
	f := &followers{group: g, ctx: ctx, running: map[int32]*follower{}}
	if g.table == "" {
		return f, nil
	}
	var err error
	if f.client, err = kgo.NewClient(g.cfg.admin()...); err != nil {
		return nil, fmt.Errorf("the Kafka client: %w", err)
	}
	f.wg.Go(f.keepBooks)
	return f, nil
}

// end waits for all of them; their context has ended.
func (f *followers) end() {
	f.wg.Wait()
	if f.client == nil {
		return
	}
	f.books()
	f.group.held.save()
	f.mu.Lock()
	f.running = map[int32]*follower{}
	f.mu.Unlock()
	f.group.metrics.standbys.Set(0)
	f.group.metrics.standbyLag.Set(0)
	f.client.Close()
}

// bytes of memory for one copy: all of them have a quarter of what owned stores have.
func (f *followers) bytes() int { return f.group.cfg.StoreBytes / 4 / f.count() }

func (f *followers) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(len(f.running), 1)
}

// keep ends the copies that are not in the list, and returns when their folders
// are closed: their new owner may be this instance.
func (f *followers) keep(partitions []int32) {
	var ending []*follower
	f.mu.Lock()
	for p, r := range f.running {
		if !slices.Contains(partitions, p) {
			r.cancel()
			ending = append(ending, r)
		}
	}
	f.mu.Unlock()
	for _, r := range ending {
		<-r.done
		f.group.held.reached(r.partition, r.holds())
	}
	f.mu.Lock()
	for _, r := range ending {
		delete(f.running, r.partition)
	}
	f.mu.Unlock()
}

// begin starts those of the list that do not run.
func (f *followers) begin(partitions []int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range partitions {
		if f.running[p] != nil || f.ctx.Err() != nil {
			continue
		}
		ctx, cancel := context.WithCancel(f.ctx)
		r := newFollower(f, p, cancel)
		f.running[p] = r
		f.wg.Go(func() { defer cancel(); r.run(ctx) })
	}
}

func (f *followers) all() []*follower {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.running), func(a, b *follower) int { return int(a.partition - b.partition) })
}

func (f *followers) keepBooks() {
	t := time.NewTicker(booksEvery)
	defer t.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-t.C:
		}
		f.books()
		f.group.held.save()
	}
}

// books brings the metrics and what is known of the state up to date.
func (f *followers) books() {
	if f.client == nil {
		return
	}
	all, lag := f.all(), int64(0)
	for _, r := range all {
		if o := r.holds(); o >= 0 {
			f.group.held.reached(r.partition, o)
		}
		lag += max(r.lag.Load(), 0)
	}
	f.group.metrics.standbys.Set(float64(len(all)))
	f.group.metrics.standbyLag.Set(float64(lag))
}

// folders says who uses the folder of a partition. Two would be a mistake of the
// engine, which leveldb's lock would tell only as a file in use.
type folders struct {
	mu   sync.Mutex
	held map[int32]string
}

// hold is for one user; free gives the folder back.
func (f *folders) hold(partition int32, user string) (free func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other, ok := f.held[partition]; ok {
		return nil, fmt.Errorf("the folder of partition %d is held by %s, and %s cannot open it", partition, other, user)
	}
	if f.held == nil {
		f.held = map[int32]string{}
	}
	f.held[partition] = user
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.held, partition)
	}), nil
}
