package up

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/screen"
	"customer360/codec"
	"customer360/internal/local/couchbase"
	"customer360/topology"
)

// counts are the documents in Couchbase.
type counts struct{ customers, orders, staged int64 }

// countDocuments looks through the bucket's keys.
func countDocuments(node *couchbase.Node) (counts, error) {
	var c counts
	err := node.EachKey(documentsBucket, func(key []byte) {
		if codec.IsOrderKey(string(key)) {
			c.orders++
		} else {
			c.customers++
		}
	})
	if err != nil {
		return c, err
	}
	staged, err := node.Count(stagingBucket)
	c.staged = int64(staged)
	return c, err
}

// letterCount follows the dead letters and counts their coordinates.
type letterCount struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

func (l *letterCount) get() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.seen))
}

// follow reads until ctx ends.
func (l *letterCount) follow(ctx context.Context, opts []kgo.Opt) error {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.ConsumeTopics(topology.DeadLetterTopic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableClientMetrics(),
		kgo.BrokerMaxReadBytes(8*topology.MaxMessageBytes))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		l.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) { l.seen[string(r.Key)] = struct{}{} })
		l.mu.Unlock()
	}
}

// figures come from the metrics that the components keep anyway.
type figures struct {
	in, lag map[string]float64 // by consumer group
}

func gather(g prometheus.Gatherer) (figures, error) {
	f := figures{in: map[string]float64{}, lag: map[string]float64{}}
	families, err := g.Gather()
	if err != nil {
		return f, err
	}
	for _, family := range families {
		into := map[string]map[string]float64{"customer360_engine_records_in_total": f.in, "customer360_engine_lag_records": f.lag}[family.GetName()]
		if into == nil {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "group" {
					into[label.GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return f, nil
}

// sampler takes the figures of the screen, about once a second.
type sampler struct {
	run     *run
	letters letterCount

	mu       sync.Mutex
	snapshot screen.Snapshot
	written  int64
	sampled  time.Time
	counted  time.Time
}

// sources of the screen, with the names that people know.
var sourceNames = []struct{ title, source string }{
	{"Home Delivery", codec.HomeDelivery}, {"Loyalty", codec.Loyalty}, {"Online Store", codec.OnlineStore},
}

func (s *sampler) get() screen.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := s.snapshot
	snapshot.Now = s.run.options.Now()
	return snapshot
}

// loop samples until ctx ends.
func (s *sampler) loop(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if err := s.sample(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *sampler) sample() error {
	r := s.run
	now := r.options.Now()
	f, err := gather(r.serve)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := &s.snapshot
	if s.recount(now) {
		c, err := countDocuments(r.servers.node)
		if err != nil {
			return errors.Join(errors.New("counting documents"), err)
		}
		snap.Customers, snap.Orders, snap.Staged = c.customers, c.orders, c.staged
	}
	snap.DeadLetters = s.letters.get()
	for i, n := range sourceNames {
		if len(snap.Sources) <= i {
			snap.Sources = append(snap.Sources, screen.Source{Name: n.title, Lag: -1})
		}
		group := r.serve.Pipeline().Graph().Settings.RekeyGroup(n.source)
		src := &snap.Sources[i]
		if in := int64(f.in[group]); in != src.Records {
			src.Records, src.Last = in, now
		}
		if lag, ok := f.lag[group]; ok {
			src.Lag = int64(lag)
		}
	}
	var written int64
	for _, sink := range r.serve.Pipeline().Sinks() {
		st := sink.Status()
		written += st.Written + st.Removed
	}
	if d := now.Sub(s.sampled).Seconds(); !s.sampled.IsZero() && d > 0 {
		snap.PerSecond = 0.5*snap.PerSecond + 0.5*float64(written-s.written)/d
		if snap.PerSecond < 0.5 {
			snap.PerSecond = 0
		}
	}
	s.written, s.sampled = written, now
	s.progress(snap)
	return nil
}

// recount says whether to look through the keys again: rarely when there are
// many of them.
func (s *sampler) recount(now time.Time) bool {
	every := time.Second
	if s.snapshot.Customers+s.snapshot.Orders > 50_000 {
		every = 10 * time.Second
	}
	if now.Sub(s.counted) < every {
		return false
	}
	s.counted = now
	return true
}

// progress shows the bars of the first load until all of it is there.
func (s *sampler) progress(snap *screen.Snapshot) {
	r := s.run
	p := r.serve.Pipeline()
	if p.Poller() == nil || p.Importer() == nil { // a generation is being promoted
		return
	}
	world, poller := r.world.Status(), p.Poller().Status()
	snap.Trouble = poller.LastError
	if poller.Circuit == "closed" && snap.Now.Sub(poller.LastErrorAt) > 10*time.Second {
		snap.Trouble = ""
	}
	if snap.State == "live" {
		return
	}
	importer := p.Importer().Status()
	member := screen.Progress{Name: "Loyalty", Total: 1}
	switch {
	case importer.Current != nil:
		member.Done, member.Total = int64(importer.Progress*1000), 1000
	case importer.Last != nil:
		member.Done, member.Total = importer.Last.Rows, importer.Last.Rows
	}
	snap.Load = []screen.Progress{
		{Name: "Home Delivery", Done: world.SnapshotRows, Total: world.SnapshotTotal},
		member,
		{Name: "Online Store", Done: int64(poller.Answered), Total: int64(poller.Wanted)},
	}
	behind := int64(0)
	for _, src := range snap.Sources {
		behind += max(src.Lag, 0)
	}
	if world.Loaded && importer.Last != nil && behind == 0 && snap.Customers > 0 && poller.Wanted >= int(snap.Customers) && poller.Waiting == 0 {
		snap.State, snap.Load = "live", nil
	}
}
