package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Ways for an instance to leave without a word.
const (
	dead      = "dead"      // SIGKILL; only others can take over
	restarted = "restarted" // SIGKILL, and started again at once
	stopped   = "stopped"   // SIGSTOP; only others can take over
)

// Takeover sums up how long partitions stood still, in milliseconds.
type Takeover struct {
	Count  int   `json:"n"`
	Median int64 `json:"p50"`
	Max    int64 `json:"max"`
}

// takeovers measures, with no other fault at the time but under load: from when an
// instance left until each of its groups is stable without the member it was, and
// has committed everything that lay in its inputs by then. So it contains the
// session timeout, where one has to pass, recovery, and catching up.
func (r *run) takeovers(ctx context.Context) error {
	g, err := graph()
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(address(0, r.ports.kafka)), kgo.DisableClientMetrics())
	if err != nil {
		return err
	}
	defer cl.Close()
	groups := map[string]topology.Group{}
	for _, group := range g.Groups {
		groups[group.Name] = group
	}
	dice := rand.New(rand.NewPCG(r.cfg.Seed, 720))
	for range 1 + int(r.cfg.Length/(3*time.Minute)) {
		for _, way := range []string{dead, restarted, stopped} {
			p := r.processes[1+dice.IntN(len(runs))]
			var took time.Duration
			err := r.within(ctx, "the takeover of "+p.name+", "+way, func(ctx context.Context) (err error) {
				if err = r.awaitReady(ctx, 0, 1, 2, 3); err == nil {
					took, err = takeover(ctx, kadm.NewClient(cl), groups, p, way)
				}
				return err
			})
			if err != nil {
				return err
			}
			r.note("%s, %s: taken over after %v", p.name, way, took.Round(time.Millisecond))
			r.took[way] = append(r.took[way], took)
		}
	}
	return nil
}

// takeover makes and measures one.
func takeover(ctx context.Context, adm *kadm.Client, groups map[string]topology.Group, p *process, way string) (time.Duration, error) {
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	described, err := adm.DescribeGroups(ctx, names...)
	if err != nil {
		return 0, err
	}
	former := map[string][]string{} // member ids by group
	for name, g := range described {
		for _, m := range g.Members {
			if m.ClientID == p.name {
				former[name] = append(former[name], m.MemberID)
			}
		}
	}
	if len(former) == 0 {
		return 0, fmt.Errorf("%s is in no group", p.name)
	}
	begun := time.Now()
	switch way {
	case stopped:
		err = p.signal(pause)
		defer func() { _ = p.signal(resume) }() // gone: then the next wait says so
	case dead:
		err = p.kill(time.Hour)
		defer p.hurry()
	default:
		err = p.kill(0)
	}
	if err != nil {
		return 0, err
	}
	goals := map[string]kadm.ListedOffsets{} // of groups that are stable again
	for {
		for name, members := range former {
			if takenOver(ctx, adm, groups[name], members, goals) {
				delete(former, name)
			}
		}
		if len(former) == 0 {
			return time.Since(begun), nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w; still open: %v", ctx.Err(), former)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// takenOver says whether one group has been.
func takenOver(ctx context.Context, adm *kadm.Client, g topology.Group, members []string, goals map[string]kadm.ListedOffsets) bool {
	goal, ok := goals[g.Name]
	if !ok {
		described, err := adm.DescribeGroups(ctx, g.Name)
		if err != nil || described[g.Name].State != "Stable" || slices.ContainsFunc(described[g.Name].Members,
			func(m kadm.DescribedGroupMember) bool { return slices.Contains(members, m.MemberID) }) {
			return false
		}
		if goal, err = adm.ListCommittedOffsets(ctx, g.Inputs...); err != nil || goal.Error() != nil {
			return false
		}
		goals[g.Name] = goal
	}
	committed, err := adm.FetchOffsets(ctx, g.Name)
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

// sum of measurements.
func sum(took map[string][]time.Duration) map[string]Takeover {
	sums := map[string]Takeover{}
	for way, list := range took {
		slices.Sort(list)
		sums[way] = Takeover{len(list), list[(len(list)-1)/2].Milliseconds(), list[len(list)-1].Milliseconds()}
	}
	return sums
}
