package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/screen"
	"customer360/cmd/customer360/internal/status"
)

// watchEvery is how often --watch looks.
const watchEvery = 2 * time.Second

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use: "status", Short: "Show all instances: groups, members, partitions, lag, recovery, standby copies",
		Long: `Show all instances: groups, members, partitions, lag, recovery, standby copies, dead letters. What Kafka knows comes
from there, the rest from each member's /status; one that does not answer is named, and is no error.

LAG is records that the group has not committed; transaction markers do not count. PARTITIONS are those that a member
owns, STANDBY those of which it keeps a copy. Exit code 1 where a group has no members, or Kafka is away.`,
		Example: "  customer360 status\n  customer360 status --watch\n  customer360 status --output json | jq '.groups[] | {group, lag}'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), watch) },
	}
	c.Flags().BoolVar(&watch, "watch", false, "look again every 2 seconds, until Ctrl-C")
	return c
}

func (a *app) status(ctx context.Context, watch bool) error {
	conf, opts, err := a.kafka()
	if err != nil {
		return err
	}
	collector, err := status.New(opts, conf.Kafka.Brokers, pipeline.Settings(conf))
	if err != nil {
		return usage(err)
	}
	defer collector.Close()
	if watch {
		return a.watchStatus(ctx, collector)
	}
	r, err := collector.Collect(ctx)
	if err != nil {
		return err
	}
	if err := a.printStatus(r); err != nil {
		return err
	}
	return lacking(r)
}

// lacking is the error of a report in which groups have no members.
func lacking(r status.Report) error {
	missing := r.Missing()
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, g := range missing {
		names = append(names, g.Name)
	}
	return fmt.Errorf("%d of %d groups have no members (%s): start `customer360 run --only %s` somewhere, or without --only",
		len(missing), len(r.Groups), strings.Join(names, ", "), strings.Join(status.Stages(missing), ","))
}

func (a *app) printStatus(r status.Report) error {
	if a.output == "json" {
		return a.json(r)
	}
	_, err := fmt.Fprint(a.out, r.Text(0))
	return err
}

// watchStatus goes on while Kafka is away, and says so.
func (a *app) watchStatus(ctx context.Context, collector *status.Collector) error {
	last := ""
	page := func(width int) string {
		r, err := collector.Collect(ctx)
		switch {
		case ctx.Err() != nil: // the last page stays
		case err != nil:
			last = status.Wrap(fmt.Sprintf("%s UTC   ! %v", time.Now().UTC().Format(time.TimeOnly), err), width) + "\n"
		default:
			last = r.Text(width)
		}
		return last
	}
	if a.output == "text" && screen.IsTerminal(a.out) {
		return screen.Repaint(ctx, a.out, watchEvery, page)
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		var err error
		if a.output == "json" {
			err = a.watchedJSON(ctx, collector)
		} else {
			_, err = fmt.Fprintln(a.out, page(0))
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// watchedJSON is one line: the report, or why there is none.
func (a *app) watchedJSON(ctx context.Context, collector *status.Collector) error {
	r, err := collector.Collect(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return a.json(map[string]string{"at": time.Now().UTC().Format(time.RFC3339), "error": err.Error()})
	}
	return a.json(r)
}
