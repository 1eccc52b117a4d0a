package chaos

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"customer360/topology"
)

// takeovers measures how long groups stand still when an instance is killed or
// stopped for longer than its session.
type takeovers struct {
	adm    *kadm.Client
	groups map[string]topology.Group

	mu        sync.Mutex
	broken    int // counts what struck the broker itself
	disturbed int // takeovers during which that happened
	took      []time.Duration
}

// standing is what a process was before its fault: its member ids by group.
type standing struct {
	members map[string][]string
	broken  int
}

// before looks which groups the instance is in.
func (t *takeovers) before(ctx context.Context, instance string) standing {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	t.mu.Lock()
	s := standing{members: map[string][]string{}, broken: t.broken}
	t.mu.Unlock()
	described, err := t.adm.DescribeGroups(ctx, t.names()...)
	if err != nil {
		return s // the broker is away: nothing to measure
	}
	for name, g := range described {
		for _, m := range g.Members {
			if m.ClientID == instance {
				s.members[name] = append(s.members[name], m.MemberID)
			}
		}
	}
	return s
}

func (t *takeovers) names() []string {
	var names []string
	for name := range t.groups {
		names = append(names, name)
	}
	return names
}

// disturb notes that the broker itself was struck.
func (t *takeovers) disturb() {
	t.mu.Lock()
	t.broken++
	t.mu.Unlock()
}

// lookEvery is the measurement's grain.
const lookEvery = 50 * time.Millisecond

// measure waits until each of the instance's groups is stable without those
// members and has committed all that had come in by then, in every partition.
func (t *takeovers) measure(ctx context.Context, former standing, at time.Time) {
	if len(former.members) == 0 {
		return
	}
	goals := map[string]kadm.ListedOffsets{} // of groups that are stable again
	for len(former.members) > 0 {
		select {
		case <-ctx.Done():
			return // nobody has taken over yet: settling shows whether somebody does
		case <-time.After(lookEvery):
		}
		for name, members := range former.members {
			if t.over(ctx, name, members, goals) {
				delete(former.members, name)
			}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken != former.broken {
		t.disturbed++
		return
	}
	t.took = append(t.took, time.Since(at))
}

// over says whether one group has been taken over.
func (t *takeovers) over(ctx context.Context, name string, members []string, goals map[string]kadm.ListedOffsets) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	goal, ok := goals[name]
	if !ok {
		described, err := t.adm.DescribeGroups(ctx, name)
		if err != nil || described[name].State != "Stable" || slices.ContainsFunc(described[name].Members,
			func(m kadm.DescribedGroupMember) bool { return slices.Contains(members, m.MemberID) }) {
			return false
		}
		if goal, err = t.adm.ListCommittedOffsets(ctx, t.groups[name].Inputs...); err != nil || goal.Error() != nil {
			return false
		}
		goals[name] = goal
	}
	committed, err := t.adm.FetchOffsets(ctx, name)
	if err != nil {
		return false
	}
	done := true
	goal.Each(func(o kadm.ListedOffset) {
		c, ok := committed.Lookup(o.Topic, o.Partition)
		done = done && ok && c.At >= o.Offset
	})
	return done
}

// Takeovers are the measurements, in milliseconds.
type Takeovers struct {
	Count     int   `json:"n"`
	Median    int64 `json:"p50"`
	Max       int64 `json:"max"`
	Disturbed int   `json:"disturbed"` // broker killed or stopped meanwhile: not among them
}

func (t *takeovers) result() Takeovers {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Takeovers{Count: len(t.took), Disturbed: t.disturbed}
	if len(t.took) > 0 {
		slices.Sort(t.took)
		r.Median, r.Max = t.took[(len(t.took)-1)/2].Milliseconds(), t.took[len(t.took)-1].Milliseconds()
	}
	return r
}
