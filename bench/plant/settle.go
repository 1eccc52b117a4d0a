package plant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// groups is what `customer360 status --output json` says, as far as it is used.
type groups []struct {
	Group      string
	Unassigned int
	Members    []struct {
		Instance string
		Standby  []int32
		Says     *struct {
			State    string
			Standbys []struct{ Current bool }
		}
	}
}

// AwaitShared waits until so many instances share all of a group's partitions,
// and their standby copies are current.
func (p *Plant) AwaitShared(ctx context.Context, group string, instances int) error {
	return p.Await(ctx, 50*time.Millisecond, func() (bool, string, error) {
		for _, q := range p.processes {
			if err := q.Alive(); err != nil {
				return false, "", err
			}
		}
		out, err := p.Command(ctx, "status", "--output", "json")
		var report struct{ Groups groups }
		if json.Unmarshal(out, &report) != nil { // exit code 1 where other groups have no members
			return false, fmt.Sprintf("no status: %v", err), nil
		}
		why := report.Groups.shared(group, instances)
		return why == "", why, nil
	})
}

func (g groups) shared(name string, instances int) (why string) {
	for _, group := range g {
		if group.Group != name {
			continue
		}
		if len(group.Members) != instances || group.Unassigned > 0 {
			return fmt.Sprintf("%s has %d members and %d partitions without one", name, len(group.Members), group.Unassigned)
		}
		for _, m := range group.Members {
			if m.Says == nil || m.Says.State != "running" {
				return m.Instance + " does not run yet"
			}
			current := 0
			for _, c := range m.Says.Standbys {
				if c.Current {
					current++
				}
			}
			if current != len(m.Standby) {
				return fmt.Sprintf("%s has %d of %d copies", m.Instance, current, len(m.Standby))
			}
		}
		return ""
	}
	return "there is no group " + name
}
