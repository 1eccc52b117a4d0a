package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology/generation"
)

func (a *app) generationsCommand() *cobra.Command {
	c := &cobra.Command{Use: "generations", Short: "List the generations, remove those that serve no more",
		Example: "  customer360 generations list\n  customer360 generations remove 1"}
	c.AddCommand(&cobra.Command{
		Use: "list", Short: "Number, state and difference of each generation",
		Long: `Number, state and difference of each generation. BEHIND is what the next one still has to read and merge; BYTES is
what the topics of a generation take on all brokers, where they tell it.`,
		Example: "  customer360 generations list --output json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listGenerations(cmd.Context()) },
	}, &cobra.Command{
		Use: "remove NUMBER", Short: "Delete groups, topics and local state of a retired or abandoned generation",
		Long: `Delete the groups and topics of a retired or abandoned generation, and its local state below state_dir. Other machines
drop theirs at their next start. The number is not used again.`,
		Example: "  customer360 generations remove 1", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := strconv.Atoi(args[0])
			if err != nil || number < 1 {
				return usage(fmt.Errorf("%q is no number of a generation", args[0]))
			}
			return a.removeGeneration(cmd.Context(), number)
		},
	})
	return c
}

func (a *app) listGenerations(ctx context.Context) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	state, err := generation.NewLog(opts).Read(ctx)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return usage(err)
	}
	defer cl.Close()
	list, err := state.List(ctx, cl, pipeline.Settings(c))
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(append([]generation.Summary{}, list...))
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.out, "there is no generation yet: the first start of `customer360 run` makes it")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tSTATE\tSINCE\tPARTITIONS\tBEHIND\tBYTES\tDIFFERENCE")
	for _, g := range list {
		since, behind, bytes, partitions := "-", "-", "-", "-"
		if !g.Since.IsZero() {
			since = g.Since.Format(time.RFC3339)
		}
		if g.Behind != nil {
			behind = strconv.FormatInt(*g.Behind, 10)
		}
		if g.Bytes != nil {
			bytes = strconv.FormatInt(*g.Bytes, 10)
		}
		if g.Partitions > 0 {
			partitions = strconv.Itoa(int(g.Partitions))
		}
		difference := slices.Clone(g.Differences)
		if g.Replay != "" {
			difference = append(difference, "partial: "+g.Replay)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Number, g.State, since, partitions, behind, bytes, strings.Join(difference, "; "))
	}
	return w.Flush()
}

func (a *app) removeGeneration(ctx context.Context, number int) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	log := generation.NewLog(opts)
	groups, topics, err := log.Remove(ctx, number, pipeline.Settings(c))
	if err != nil {
		return err
	}
	state, err := log.Read(ctx)
	if err != nil {
		return err
	}
	locks, err := filepath.Glob(filepath.Join(c.StateDir, "*", "lock")) // each slot has one
	if err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	folders := []string{}
	for _, lock := range locks {
		dropped, err := pipeline.DropFolders(filepath.Dir(lock), state, pipeline.Settings(c))
		folders = append(folders, dropped...)
		if err != nil {
			return err
		}
	}
	if a.output == "json" {
		return a.json(struct {
			Removed int      `json:"removed"`
			Groups  []string `json:"groups"`
			Topics  []string `json:"topics"`
			Folders []string `json:"folders"`
		}{number, append([]string{}, groups...), append([]string{}, topics...), folders})
	}
	for _, name := range slices.Concat(groups, topics, folders) {
		fmt.Fprintln(a.out, "removed", name)
	}
	_, err = fmt.Fprintf(a.out, "generation %d is removed\n", number)
	return err
}
