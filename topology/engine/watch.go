package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	lookEvery      = 250 * time.Millisecond
	lagEvery       = 5 * time.Second
	lagEveryBehind = time.Second // until caught up
)

// watch ends the session when its lease has run out, and keeps the status.
func (s *session) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	var looked time.Time
	for {
		if s.inc.lease.lapsed() {
			s.inc.fail(errLapsed)
			return
		}
		every := lagEvery
		if !s.inc.group.Status().CaughtUp {
			every = lagEveryBehind
		}
		if time.Since(looked) >= every {
			s.look()
			looked = time.Now()
		}
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look measures lag and local state.
func (s *session) look() {
	g := s.inc.group
	var bytes int64
	for _, st := range s.stores {
		bytes += st.size()
	}
	g.metrics.state.Set(float64(bytes))

	ctx, cancel := context.WithTimeout(s.ctx, 3*time.Second)
	defer cancel()
	if err := s.inc.unchanged(ctx); err != nil {
		s.inc.fail(err)
		return
	}
	lag, behind := int64(0), false
	if len(s.claims) > 0 {
		ends, err := listed(kadm.NewClient(g.admin).ListCommittedOffsets(ctx, g.inputs...))
		if err != nil {
			return // the broker is away: no news
		}
		for k, c := range s.claims {
			end, ok := ends.Lookup(k.topic, k.partition)
			_, committed := c.at()
			if !ok || committed < 0 {
				behind = true // not known yet
				continue
			}
			n := end.Offset - committed
			if n <= 0 || s.onlyInvisible(ctx, k, committed, end.Offset) {
				n = 0
			}
			lag += n
			// What came after the first look does not count: under steady load there is
			// always something.
			goal, seen := s.goals[k]
			if !seen {
				goal = end.Offset
				s.goals[k] = goal
			}
			behind = behind || n > 0 && committed < goal
			if !s.over() {
				g.metrics.partitionLag.WithLabelValues(g.cfg.Group, k.topic, strconv.Itoa(int(k.partition))).Set(float64(n))
			}
		}
	}
	g.mu.Lock()
	g.status.Lag = lag
	if !behind && !g.caughtUp {
		g.caughtUp = true
		g.log.Info("caught up")
	}
	ready := g.ready()
	g.mu.Unlock()
	g.metrics.lag.Set(float64(lag))
	g.metrics.ready.Set(truth(ready))
}

// onlyInvisible says whether there is no data record from the commit to the end.
func (s *session) onlyInvisible(ctx context.Context, k topicPartition, from, end int64) bool {
	return OnlyInvisible(ctx, s.inc.group.admin, k.topic, k.partition, from, end)
}

// OnlyInvisible says whether there is no data record between two offsets of a
// partition: aborted ones, markers, or what compaction has left. It looks into
// short stretches only, and says no where it cannot tell.
func OnlyInvisible(ctx context.Context, client *kgo.Client, topic string, partition int32, from, end int64) bool {
	if end-from > 100 {
		return false
	}
	f := newFetcher(client, topic, partition, 64<<10)
	f.maxWait = time.Millisecond
	for from < end {
		answer, err := f.fetch(ctx, from)
		if err != nil || answer.next == from || len(answer.records) > 0 && answer.records[0].Offset < end {
			return false
		}
		from = answer.next
	}
	return true
}
