package cli

import (
	"context"
	"errors"
	"fmt"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology/generation"
)

func (a *app) promote(ctx context.Context) error {
	c, deps, release, err := a.rebuilder()
	if err != nil {
		return err
	}
	defer release()
	log := generation.NewLog(deps.Kafka)
	state, err := log.Read(ctx)
	if err != nil {
		return err
	}
	next, ok := state.Next()
	switch {
	case !ok:
		return refused(errors.New("no generation is being built: `customer360 rebuild --config FILE` begins one"))
	case next.State == generation.Building:
		return refused(fmt.Errorf("generation %d is still building: `customer360 rebuild` goes on with it until it is ready", next.Number))
	case next.State == generation.Ready:
		if err := a.catchUp(ctx, c, deps); err != nil {
			return err
		}
	}
	tell := func(text string) { fmt.Fprintln(a.err, text) }
	p, err := log.Promote(ctx, pipeline.Settings(c), tell)
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("generation %d is being promoted: from here there is only forward, and `customer360 rebuild promote` goes on wherever this ends", p.To.Number))
	if err := p.Run(ctx); err != nil {
		return a.interrupted(ctx, err, "customer360 rebuild promote")
	}
	if a.output == "json" {
		return a.json(struct {
			Serving int `json:"serving"`
			Retired int `json:"retired"`
		}{p.To.Number, p.From.Number})
	}
	_, err = fmt.Fprintf(a.out, `generation %d serves, generation %d is retired
instances change over by themselves; those whose configuration is another one end with exit code 3 and say what differs
next: customer360 generations remove %d    delete the topics and groups of the former one
`, p.To.Number, p.From.Number, p.From.Number)
	return err
}

// catchUp brings the next generation up to the raw topics, in this process.
func (a *app) catchUp(ctx context.Context, c config.Config, deps pipeline.Deps) error {
	r, err := pipeline.NewRebuild(ctx, c, deps, generation.Replay{})
	if err != nil {
		return err
	}
	progress := newProgressLine(a.err)
	err = r.Run(ctx, progress.report)
	progress.end()
	if err != nil {
		return a.interrupted(ctx, err, "customer360 rebuild promote")
	}
	return nil
}

func (a *app) abandon(ctx context.Context) error {
	_, opts, err := a.kafka()
	if err != nil {
		return err
	}
	g, err := generation.NewLog(opts).Abandon(ctx)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(struct {
			Abandoned int `json:"abandoned"`
		}{g.Number})
	}
	_, err = fmt.Fprintf(a.out, "generation %d is abandoned; `customer360 generations remove %d` deletes its topics and groups\n", g.Number, g.Number)
	return err
}
