package engine

import (
	"slices"
	"time"
)

// State of a group on this instance.
type State string

const (
	Starting   State = "starting" // no partitions assigned yet
	Recovering State = "recovering"
	Running    State = "running"
	Stopped    State = "stopped"
)

// Status is what a person may want to know.
type Status struct {
	Group         string
	State         State
	Partitions    []int32
	Lag           int64 // records between the commits and the stable ends, of owned partitions
	CaughtUp      bool  // once, since the start
	Recovered     int64 // changelog records read by the recovery under way or the last one
	RecoveryTotal int64 // offsets that it has to cover
	RecoveryLeft  int64 // of them, those that are still to be read
	Standbys      []Standby
	LastCommit    time.Time // when all that was done was last seen committed; zero: never yet
	LastError     error
	LastErrorAt   time.Time
}

// Standby is a copy that this instance keeps of a partition which another owns.
type Standby struct {
	Partition int32
	Offset    int64 // of the changelog, up to where the copy goes; -1: nothing yet
	Lag       int64 // offsets behind the stable end; -1: not known
	Current   bool  // it has reached the end once since it began
}

// Status as of now; Lag as of the last look, at most 5 s ago.
func (g *Group) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.status
	s.Partitions = slices.Clone(s.Partitions)
	s.Group, s.CaughtUp = g.cfg.Group, g.caughtUp
	if at := g.metrics.settledAt.Load(); at != 0 {
		s.LastCommit = time.UnixMilli(at)
	}
	if g.running && g.followers != nil {
		for _, f := range g.followers.all() {
			s.Standbys = append(s.Standbys, Standby{f.partition, f.offset.Load(), f.lag.Load(), f.current.Load()})
		}
	}
	if p := g.recovery; p != nil {
		s.Recovered, s.RecoveryTotal, s.RecoveryLeft = p.records.Load(), p.total.Load(), p.remaining()
	}
	if s.State == "" {
		s.State = Stopped
	}
	return s
}

// Ready: partitions are assigned and recovered, and since Run began there was
// a moment without a record between the commits and the stable ends. An
// instance that owns no partitions is ready.
func (g *Group) Ready() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready()
}

func (g *Group) ready() bool { return g.status.State == Running && g.caughtUp }

// recovering is the progress of the recovery under way.
func (g *Group) recovering() *progress {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.recovery
}
