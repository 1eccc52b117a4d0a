package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/gendiff"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
	"customer360/topology/generation"
)

// diffOptions are the flags of `rebuild diff`.
type diffOptions struct {
	from, to int
	exitCode bool
	samples  int
	temp     string
}

func (a *app) rebuildDiffCommand() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use: "diff", Short: "Compare the documents of the generation that is being built with those that serve",
		Long: `Compare the documents of the generation that is being built, or is ready, with those of the one that serves: how many are
added, removed and changed, in which fields, with samples. Passwords are never shown, only that they differ. Nothing is
changed. It says where the new generation has not caught up yet: then documents may only be late.`,
		Example: "  customer360 rebuild diff\n  customer360 rebuild diff --output json --show 100",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.rebuildDiff(cmd.Context(), o) },
	}
	flags := c.Flags()
	flags.IntVar(&o.from, "from", 0, "generation to compare with (default: the one that serves)")
	flags.IntVar(&o.to, "to", 0, "generation to look at (default: the one that is being built or ready)")
	flags.IntVar(&o.samples, "show", 3, "tell at most this many documents of each kind of difference")
	flags.BoolVar(&o.exitCode, "exit-code", false, "exit with 1 where there are differences, or the new one has not caught up")
	flags.StringVar(&o.temp, "temp", "", "folder for a temporary database as large as both generations' documents (default: the system's)")
	return c
}

func (a *app) rebuildDiff(ctx context.Context, o diffOptions) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	live, state, err := serving(ctx, c, opts)
	if err != nil {
		return err
	}
	cfg := gendiff.Config{From: live, Samples: o.samples, Temp: o.temp}
	if o.from != 0 {
		if cfg.From, err = known(state, o.from, pipeline.Settings(c)); err != nil {
			return err
		}
	}
	next, ok := state.Next()
	switch {
	case o.to == 0 && !ok:
		return errors.New("no generation is being built or ready: `customer360 rebuild` makes one, --to names another one")
	case o.to == 0:
		o.to = next.Number
	}
	if cfg.To, err = known(state, o.to, pipeline.Settings(c)); err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return usage(err)
	}
	r, err := gendiff.Run(ctx, cfg, gendiff.Deps{Kafka: opts, Log: a.reporter()})
	if err != nil {
		return err
	}
	r.State = state.Generations[o.to].State
	if a.output == "json" {
		err = a.json(r)
	} else {
		err = a.printDiff(r)
	}
	switch {
	case err != nil:
		return err
	case o.exitCode && !r.CaughtUp:
		return fmt.Errorf("generation %d has not caught up: %d records remain", r.To, r.Behind)
	case o.exitCode && !r.IsEqual():
		return errDifferent
	}
	return nil
}

// known are the settings of a generation whose topics are there.
func known(state generation.State, number int, want topology.Settings) (topology.Settings, error) {
	g, ok := state.Generations[number]
	if !ok || g.State == generation.Removed {
		return want, fmt.Errorf("there is no generation %d, or its topics were removed", number)
	}
	return g.Topology(want), nil
}

func (a *app) printDiff(r *gendiff.Result) error {
	fmt.Fprintf(a.out, "generation %d (%s) against %d\n", r.To, r.State, r.From)
	if !r.CaughtUp {
		fmt.Fprintf(a.out, "generation %d has not caught up: %d records remain, so documents may only be late\n", r.To, r.Behind)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tin %d\tin %d\tequal\tadded\tremoved\tchanged\t\n", r.From, r.To)
	for _, k := range []struct {
		name string
		gendiff.Kind
	}{{"customers", r.Customers}, {"orders", r.Orders}} {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", k.name, k.From, k.To, k.Equal, k.Added, k.Removed, k.Changed)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if q := r.Quarantined; q.Both+q.Before+q.Now > 0 {
		fmt.Fprintf(a.out, "quarantined keys: %d in both, %d in %d only, %d in %d only\n", q.Both, q.Before, r.From, q.Now, r.To)
	}
	if len(r.Fields) > 0 {
		fmt.Fprintln(a.out, "\nchanged documents by field")
		w = tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		for _, f := range r.Fields {
			fmt.Fprintf(w, "  %s\t%d\n", printable(f.Field), f.Documents)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if len(r.Samples) > 0 {
		fmt.Fprintln(a.out, "\nsamples")
	}
	for _, s := range r.Samples {
		fmt.Fprintf(a.out, "  %s  %s\n", printable(s.Key), s.What)
		for _, f := range s.Fields {
			fmt.Fprintf(a.out, "    %s: %s -> %s\n", printable(f.Field), orNothing(f.Before), orNothing(f.After))
		}
	}
	_, err := fmt.Fprintf(a.out, "time %v\n", time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond))
	return err
}

func orNothing(value string) string {
	if value == "" {
		return "(nothing)"
	}
	return printable(value)
}
