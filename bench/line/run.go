package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"customer360/bench/load"
	"customer360/bench/plant"
	"customer360/bench/result"
	"customer360/codec"
	"customer360/topology"
)

// mostUpdates bounds what the loads can ask for.
const mostUpdates = 1 << 28

// Run measures; report gets each round's rows as they come. The first error ends
// it.
func Run(ctx context.Context, cfg Config, origin result.Row, report func([]result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for round := 1; round <= cfg.Rounds; round++ {
		some, err := turn(ctx, cfg, origin, round, report)
		rows = append(rows, some...)
		if err != nil {
			return rows, fmt.Errorf("line, round %d: %w", round, err)
		}
	}
	return rows, nil
}

// course is one run.
type course struct {
	Config
	*plant.Plant
	product, node *plant.Process
	feeder        *plant.Feeder
	graph         topology.Graph // of what Home Delivery's records pass
}

func turn(ctx context.Context, cfg Config, origin result.Row, round int, report func([]result.Row)) (rows []result.Row, err error) {
	p, err := plant.New(ctx, cfg.Plant)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.End()) }()
	c := course{Config: cfg, Plant: p, graph: passed(p.Graph)}
	generator, err := load.New(load.Config{Records: cfg.Keys + mostUpdates, Keys: cfg.Keys, Distribution: load.Uniform, Seed: cfg.Seed})
	if err != nil {
		return nil, err
	}
	if c.feeder, err = p.Feed(topology.HomeDeliveryTopic, generator.Envelopes()); err != nil {
		return nil, err
	}
	defer c.feeder.Close()
	if c.node, err = p.Node(ctx); err != nil {
		return nil, err
	}
	store := httptest.NewServer(http.NotFoundHandler())
	defer store.Close()
	if err := c.feeder.Write(ctx, cfg.Records); err != nil {
		return nil, err
	}
	measured := func(settings map[string]any) plant.Measured {
		settings["keys"], settings["partitions"] = cfg.Keys, cfg.Plant.Partitions
		text, _ := json.Marshal(settings) // texts and numbers only
		origin.Time = time.Now().UnixMicro()
		return plant.Measured{Origin: origin, Benchmark: result.Line, Contender: result.Customer360, Round: round, Settings: string(text)}
	}
	some, highest, err := c.highest(ctx, measured(map[string]any{"records": cfg.Records}), store.URL)
	if err != nil {
		return nil, err
	}
	report(some)
	rows = append(rows, some...)
	for _, load := range cfg.Loads {
		some, err := c.load(ctx, measured(map[string]any{"load": load, "seconds": cfg.Lasts.Seconds()}), max(int(highest*float64(load)/100), 1))
		if err != nil {
			return rows, fmt.Errorf("%d%% of the highest rate: %w", load, err)
		}
		report(some)
		rows = append(rows, some...)
	}
	return rows, c.verify(ctx)
}

// passed are the groups that Home Delivery's records pass, and their topics. The
// poller has work of its own without an end.
func passed(g topology.Graph) topology.Graph {
	s := g.Settings
	groups := []string{s.RekeyGroup(codec.HomeDelivery), s.MergeGroup(), s.SinkGroup(), s.StagingGroup(codec.HomeDelivery)}
	topics := []string{topology.HomeDeliveryTopic, s.Records(), s.Documents()}
	all := g
	g.Groups, g.Topics = nil, nil
	for _, group := range all.Groups {
		if !slices.Contains(groups, group.Name) {
			continue
		}
		var inputs []string
		for _, in := range group.Inputs {
			if slices.Contains(topics, in) {
				inputs = append(inputs, in)
			}
		}
		group.Inputs = inputs
		g.Groups = append(g.Groups, group)
	}
	for _, t := range all.Topics {
		if slices.Contains(topics, t.Name) {
			g.Topics = append(g.Topics, t)
		}
	}
	return g
}

// verify lets the product compare Couchbase with its log, and counts.
func (c *course) verify(ctx context.Context) error {
	out, err := c.Command(ctx, "verify", "--output", "json")
	if err != nil {
		return fmt.Errorf("%w: %w: %s", plant.ErrVoid, err, out)
	}
	var found struct{ Documents, Equal, Live int }
	if err := json.Unmarshal(out, &found); err != nil {
		return fmt.Errorf("the result of verify: %w", err)
	}
	if found.Documents != c.Keys || found.Equal != c.Keys {
		return fmt.Errorf("%w: %d documents, %d of them right, of %d customers", plant.ErrVoid, found.Documents, found.Equal, c.Keys)
	}
	return nil
}
