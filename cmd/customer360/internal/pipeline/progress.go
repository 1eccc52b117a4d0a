package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
)

// Progress of a rebuild. Counts are of offsets, and so of records but for
// those that are compacted and the marks of transactions.
type Progress struct {
	Read, ReadTotal     int64 // of the raw topics, by rekey
	Merged, MergedTotal int64 // of the records, by merge
	PerSecond           float64
	Left                time.Duration // estimated; 0: nothing to tell it from yet
}

// String is one line for people; the end is by now's clock.
func (p Progress) String(now time.Time) string {
	percent := 100.0
	if p.ReadTotal > 0 {
		percent = 100 * float64(p.Read) / float64(p.ReadTotal)
	}
	s := fmt.Sprintf("raw topics %d of %d (%.0f%%), merged %d of %d", p.Read, p.ReadTotal, percent, p.Merged, p.MergedTotal)
	if p.Left > 0 {
		s += fmt.Sprintf(", %.0f a second, ends about %s (in %s)", p.PerSecond, now.Add(p.Left).Format(time.TimeOnly), p.Left.Round(time.Second))
	}
	return s
}

// rateOver is the time over which the rate is taken.
const rateOver = 15 * time.Second

// work looks how far a rebuild is.
type work struct {
	cl    *kgo.Client
	graph topology.Graph
	first engine.Offsets // where the groups began
	marks []mark         // of the last rateOver, oldest first
}

type mark struct {
	at   time.Time
	done int64
}

func (w *work) look(ctx context.Context) (Progress, error) {
	var p Progress
	s := w.graph.Settings
	for _, source := range topology.Sources() {
		done, total, err := w.of(ctx, s.RekeyGroup(source), s.RawTopic(source))
		if err != nil {
			return p, err
		}
		p.Read, p.ReadTotal = p.Read+done, p.ReadTotal+total
	}
	var err error
	if p.Merged, p.MergedTotal, err = w.of(ctx, s.MergeGroup(), s.Records()); err != nil {
		return p, err
	}
	w.estimate(&p, time.Now())
	return p, nil
}

// of is how much of an input a group has done, and how much there is.
func (w *work) of(ctx context.Context, group, topic string) (done, total int64, err error) {
	ends, err := engine.StableEnds(ctx, w.cl, topic)
	if err != nil {
		return 0, 0, err
	}
	left, err := engine.Behind(ctx, w.cl, group, ends)
	if err != nil {
		return 0, 0, err
	}
	for p, end := range ends[topic] {
		total += max(end-w.first[topic][p], 0)
	}
	return max(total-left, 0), total, nil
}

// estimate tells the end from what the raw records read so far became.
func (w *work) estimate(p *Progress, now time.Time) {
	done := p.Read + p.Merged
	w.marks = append(w.marks, mark{now, done})
	for len(w.marks) > 2 && now.Sub(w.marks[1].at) > rateOver {
		w.marks = w.marks[1:]
	}
	oldest := w.marks[0]
	seconds := now.Sub(oldest.at).Seconds()
	if seconds < 1 || done <= oldest.done {
		return
	}
	p.PerSecond = float64(done-oldest.done) / seconds
	left := float64(p.ReadTotal - p.Read + p.MergedTotal - p.Merged)
	if p.Read > 0 { // each raw record still to be read becomes some to be merged
		left += float64(p.ReadTotal-p.Read) * float64(p.MergedTotal) / float64(p.Read)
	}
	p.Left = time.Duration(left / p.PerSecond * float64(time.Second))
}
