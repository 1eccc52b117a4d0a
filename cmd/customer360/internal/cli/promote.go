package cli

import (
	"context"
	"fmt"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology/generation"
)

func (a *app) promote(ctx context.Context) error {
	c, deps, release, err := a.rebuilder()
	if err != nil {
		return err
	}
	defer release()
	progress := newProgressLine(a.err)
	p, err := pipeline.Promote(ctx, c, deps, progress.report, func(text string) {
		progress.end()
		fmt.Fprintln(a.err, text)
	})
	progress.end()
	if err != nil {
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
