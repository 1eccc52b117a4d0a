package generation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Promotion makes the next generation the one that serves. Each of its steps
// may have been done before, by whoever was interrupted.
type Promotion struct {
	From, To         Generation
	fromGraph, graph topology.Graph

	opts []kgo.Opt
	log  *Log
	tell func(string) // what happens now, for people
}

// Promote begins with the point of no return: the state promoting. The next
// generation must be ready, or be promoting already. want is what the
// configuration asks for, for entries that hold no settings.
func (l *Log) Promote(ctx context.Context, want topology.Settings, tell func(string)) (*Promotion, error) {
	p := &Promotion{opts: l.opts, log: l, tell: tell}
	err := l.update(ctx, func(s State) ([]entry, error) {
		next, ok := s.Next()
		p.From, _ = s.Live()
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: no generation is being built: `customer360 rebuild --config FILE` begins one", ErrRefused)
		case next.State == Building:
			return nil, fmt.Errorf("%w: generation %d is still building: `customer360 rebuild` goes on with it until it is ready", ErrRefused, next.Number)
		case next.State == Promoting:
			p.To = next
			return nil, nil
		}
		p.To = next.in(Promoting)
		return entries(p.To)
	})
	if err != nil {
		return nil, err
	}
	if p.fromGraph, err = topology.New(p.From.Topology(want)); err == nil {
		p.graph, err = topology.New(p.To.Topology(want))
	}
	return p, err
}

// Run ends the promotion: the next generation serves when it returns nil. It
// waits for as long as somebody works on what it has to read; ctx ends that, and
// another Promote goes on.
func (p *Promotion) Run(ctx context.Context) error {
	cl, err := kgo.NewClient(append(p.opts[:len(p.opts):len(p.opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if err := p.await(ctx, func() (string, error) { return p.members(ctx, adm) }); err != nil {
		return err
	}
	if err := p.await(ctx, func() (string, error) { return p.open(ctx, adm) }); err != nil {
		return err
	}
	if err := p.hand(ctx); err != nil {
		return err
	}
	if err := p.firstOffsets(ctx); err != nil {
		return err
	}
	return p.log.update(ctx, func(s State) ([]entry, error) {
		switch to := s.Generations[p.To.Number]; to.State {
		case Serving:
			return nil, nil // another promoter was here
		case Promoting:
			return entries(to.in(Serving), s.Generations[p.From.Number].in(Retired))
		default:
			return nil, fmt.Errorf("%w: generation %d is %s", ErrRefused, to.Number, to.State)
		}
	})
}

const (
	promoteLook = 200 * time.Millisecond
	promoteTell = 5 * time.Second
	// promotePatience is for a Kafka that does not answer, in a row.
	promotePatience = 2 * time.Minute
)

// await looks until nothing is left to wait for, and says what it is that it
// waits for. A broker that is away is waited for, too.
func (p *Promotion) await(ctx context.Context, look func() (string, error)) error {
	var told time.Time
	answered := time.Now()
	for {
		left, err := look()
		switch {
		case err != nil && (time.Since(answered) > promotePatience || ctx.Err() != nil):
			return err
		case err != nil:
			left = fmt.Sprintf("Kafka: %v", err)
		case left == "":
			return nil
		default:
			answered = time.Now()
		}
		if time.Since(told) >= promoteTell {
			told = time.Now()
			p.tell("waiting for " + left)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", left, context.Cause(ctx))
		case <-time.After(promoteLook):
		}
	}
}

// members names those who still belong to a group that changes what the
// promotion reads or writes. Who is dead is thrown out by its session timeout.
func (p *Promotion) members(ctx context.Context, adm *kadm.Client) (string, error) {
	var groups []string
	for _, g := range slices.Concat(p.fromGraph.Groups, p.graph.Groups) {
		if slices.Contains([]string{"rekey", "merge", "restpoll"}, g.Stage) && !slices.Contains(groups, g.Name) {
			groups = append(groups, g.Name)
		}
	}
	described, err := adm.DescribeGroups(ctx, groups...)
	if err != nil {
		return "", fmt.Errorf("looking who belongs to the groups: %w", err)
	}
	var left []string
	for _, g := range described.Sorted() {
		if errors.Is(g.Err, kerr.GroupIDNotFound) {
			continue // it has never run: a poller whose count of partitions is new
		}
		if g.Err != nil {
			return "", fmt.Errorf("looking who belongs to group %s: %w", g.Group, g.Err)
		}
		for _, m := range g.Members {
			left = append(left, m.ClientID+" in "+g.Group)
		}
		if len(g.Members) == 0 && g.State != "Empty" && g.State != "Dead" {
			left = append(left, "group "+g.Group)
		}
	}
	if len(left) == 0 {
		return "", nil
	}
	return "members to end or to time out: " + strings.Join(left, ", "), nil
}

// open names a topic of documents with a transaction that is not decided yet:
// its owner has left the group, but its commit may be on its way.
func (p *Promotion) open(ctx context.Context, adm *kadm.Client) (string, error) {
	topics := []string{p.fromGraph.Settings.Documents(), p.graph.Settings.Documents()}
	if p.movesPoller() {
		topics = append(topics, p.poller(p.fromGraph).TableTopic())
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	stable := kadm.ListedOffsets{}
	if err == nil {
		if stable, err = adm.ListCommittedOffsets(ctx, topics...); err == nil {
			err = stable.Error()
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading the ends of %s: %w", strings.Join(topics, ", "), err)
	}
	left := ""
	ends.Each(func(o kadm.ListedOffset) {
		if s, ok := stable.Lookup(o.Topic, o.Partition); !ok || s.Offset < o.Offset {
			left = fmt.Sprintf("an open transaction in %s/%d to end or to time out", o.Topic, o.Partition)
		}
	})
	return left, nil
}

// firstOffsets commits where sink, staging and poller of the new generation
// begin: at the start of what it has made, and where its rekey began.
func (p *Promotion) firstOffsets(ctx context.Context) error {
	for _, g := range p.graph.Groups {
		if !slices.Contains([]string{"sink", "staging", "restpoll"}, g.Stage) {
			continue
		}
		first := map[string]map[int32]int64{}
		for _, topic := range g.Inputs {
			if topic != p.graph.Settings.Polls() {
				first[topic] = p.To.FirstOffsets[topic]
			} else if p.movesPoller() {
				first[topic] = map[int32]int64{}
				for partition := range p.graph.Settings.Partitions {
					first[topic][partition] = 0
				}
			}
		}
		if err := commitFirst(ctx, p.opts, topology.Group{Name: g.Name, Inputs: g.Inputs}, first); err != nil {
			return err
		}
	}
	return nil
}
