package restpoll

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// openPatience is how long a recovered partition waits for the results that
// lay in onlinestore.polls, at most.
const openPatience = 30 * time.Second

// open lets recovered partitions start once the results that a former owner
// wrote have been read: their emails would be asked for again.
func (p *Poller) open(ctx context.Context) error {
	admin := kadm.NewClient(p.publisher.kafka)
	for {
		all, unmarked := p.schedule.closed()
		if all == 0 {
			select {
			case <-p.recovery:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		if len(unmarked) > 0 {
			if err := p.mark(ctx, admin, unmarked); err != nil && ctx.Err() == nil {
				p.last.set(p.now(), err.Error())
			}
		}
		p.schedule.openOld(p.now().Add(-openPatience))
		select {
		case <-time.After(200 * time.Millisecond):
		case <-p.recovery:
		case <-ctx.Done():
			return nil
		}
	}
}

// mark finds out how far each partition has to read: to the end of
// onlinestore.polls, if the group has not committed that already.
func (p *Poller) mark(ctx context.Context, admin *kadm.Client, partitions []int32) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	group, polls := p.deps.Settings.PollerGroup(), p.deps.Settings.Polls()
	// The commit first: the end can only be later.
	commits, err := admin.FetchOffsetsForTopics(ctx, group, polls)
	if err != nil {
		return fmt.Errorf("fetching the commits of %s: %w", group, err)
	}
	starts, err := admin.ListStartOffsets(ctx, polls)
	if err != nil {
		return fmt.Errorf("listing the starts of %s: %w", polls, err)
	}
	ends, err := admin.ListEndOffsets(ctx, polls)
	if err != nil {
		return fmt.Errorf("listing the ends of %s: %w", polls, err)
	}
	for _, partition := range partitions {
		start, _ := starts.Lookup(polls, partition)
		end, ok := ends.Lookup(polls, partition)
		if !ok || end.Err != nil || start.Err != nil {
			continue // asked again
		}
		commit, _ := commits.Lookup(polls, partition)
		until := end.Offset
		if max(commit.At, start.Offset) >= until {
			until = 0
		}
		p.schedule.openAt(partition, until)
	}
	return nil
}
