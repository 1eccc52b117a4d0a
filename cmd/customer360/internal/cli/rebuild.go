package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/screen"
	"customer360/codec"
	"customer360/internal/instance"
	"customer360/internal/memorylimit"
	"customer360/topology/generation"
)

func (a *app) rebuildCommand() *cobra.Command {
	var source, offsets, since string
	c := &cobra.Command{
		Use: "rebuild", Short: "Build the next generation beside the one that serves; compare, promote or abandon it",
		Long: `Build the next generation of all documents from the raw topics, with this configuration, beside the generation that
serves, which goes on untouched: nothing is written to Couchbase, and the store is not asked. It ends when the next
generation has caught up. Interrupted at any moment, it goes on when it is run again. Several processes share the work.

A rebuild replays all sources from the start of their raw topics. --from-offset or --from-time leave out what one
source's topic (--source, Home Delivery unless told otherwise) has before that: rows that were only written before
are not in the documents then.`,
		Example: "  customer360 rebuild --config new.yaml\n  customer360 rebuild promote --config new.yaml\n" +
			"  customer360 rebuild --source home_delivery --from-time 2026-11-26T02:00:00Z",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			replay, err := parseReplay(source, offsets, since)
			if err != nil {
				return usage(err)
			}
			return a.rebuild(cmd.Context(), replay)
		},
	}
	f := c.Flags()
	f.StringVar(&source, "source", "", "whose raw topic --from-offset or --from-time is about: home_delivery, loyalty, online_store")
	f.StringVar(&offsets, "from-offset", "", "first offsets by partition, PARTITION=OFFSET,...; partitions not named: from their start")
	f.StringVar(&since, "from-time", "", "replay records of this time and later, as in 2026-11-26T02:00:00Z")
	c.AddCommand(a.rebuildDiffCommand(), &cobra.Command{
		Use: "promote", Short: "Let the next generation serve in the place of the former one",
		Long: `Let the next generation, which must be ready, serve in the place of the former one: it catches up, all instances end
rekey, merge and poller of the former one, what only the former one had is removed, and the instances change over.
Documents go on being served all the while. Interrupted at any moment, it goes on when it is run again. Put the new
configuration on all instances before: they read it again when they change over.`,
		Example: "  customer360 rebuild promote --config new.yaml", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.promote(cmd.Context()) },
	}, &cobra.Command{
		Use: "abandon", Short: "Give up the next generation",
		Long:    "Give up the next generation, which may be building or ready. Its number is not used again; `generations remove` deletes its topics.",
		Example: "  customer360 rebuild abandon", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.abandon(cmd.Context()) },
	})
	return c
}

func parseReplay(source, offsets, since string) (r generation.Replay, err error) {
	switch {
	case offsets == "" && since == "" && source != "":
		return r, errors.New("--source alone: a rebuild always replays all sources, since a document is made of all of them; " +
			"--from-offset or --from-time limit what is read of this one")
	case offsets == "" && since == "":
		return r, nil
	case offsets != "" && since != "":
		return r, errors.New("--from-offset and --from-time: use one of them")
	}
	r.Source = source
	switch source {
	case "":
		r.Source = codec.HomeDelivery
	case codec.HomeDelivery, codec.Loyalty, codec.OnlineStore:
	default:
		return r, fmt.Errorf("--source %q: use %s, %s or %s", source, codec.HomeDelivery, codec.Loyalty, codec.OnlineStore)
	}
	if since != "" {
		if r.Time, err = time.Parse(time.RFC3339, since); err != nil {
			return r, fmt.Errorf("--from-time %q: use RFC 3339, as in 2026-11-26T02:00:00Z", since)
		}
		if r.Time.UnixMilli() < 0 {
			return r, fmt.Errorf("--from-time %q: records have times from 1970", since)
		}
		return r, nil
	}
	if r.Offsets, err = generation.ParseOffsets(offsets); err != nil {
		return r, fmt.Errorf("--from-offset: %w", err)
	}
	return r, nil
}

// rebuilder is what building in this process takes. release ends it.
func (a *app) rebuilder() (c config.Config, deps pipeline.Deps, release func(), err error) {
	c, opts, err := a.kafka()
	if err != nil {
		return c, deps, nil, err
	}
	name := c.Instance
	if name != "" {
		name += "-rebuild" // beside the instance of that name
	}
	slot, err := instance.Claim(c.StateDir, name)
	if err != nil {
		return c, deps, nil, refused(err)
	}
	if c.Log.Level == "info" {
		c.Log.Level = "warn" // the progress says what goes well
	}
	log := a.logger(c.Log)
	memorylimit.Set(log, 0)
	return c, pipeline.Deps{Log: log, Registry: prometheus.NewRegistry(), Kafka: opts, Instance: slot.Name, Dir: slot.Dir},
		func() { _ = slot.Release() }, nil
}

func (a *app) rebuild(ctx context.Context, replay generation.Replay) error {
	c, deps, release, err := a.rebuilder()
	if err != nil {
		return err
	}
	defer release()
	r, err := pipeline.NewRebuild(ctx, c, deps, replay)
	if err != nil {
		return err
	}
	g := r.Generation()
	fmt.Fprintf(a.err, "generation %d is %s; the one that serves goes on\n", g.Number, g.State)
	if g.Replay != "" {
		fmt.Fprintf(a.err, "partial: the replay is of %s; what was only written before is not in its documents\n", g.Replay)
	}
	progress := newProgressLine(a.err)
	err = r.Run(ctx, progress.report)
	progress.end()
	if err != nil {
		return a.interrupted(ctx, err, "customer360 rebuild")
	}
	if a.output == "json" {
		return a.json(struct {
			Generation int    `json:"generation"`
			State      string `json:"state"`
		}{g.Number, generation.Ready})
	}
	_, err = fmt.Fprintf(a.out, `generation %d is ready
next: customer360 rebuild diff       what would change in the documents
      customer360 rebuild promote    let it serve
      customer360 rebuild abandon    give it up
`, g.Number)
	return err
}

// interrupted gives the end of a rebuild that did not come far its exit code
// and says how to go on.
func (a *app) interrupted(ctx context.Context, err error, again string) error {
	switch {
	case errors.Is(err, generation.ErrChanged):
		return refused(fmt.Errorf("ended: %w", err))
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; `%s` goes on where it was", again)
	}
	return err
}

// progressLine shows how far it is: one line that is painted over on a
// terminal, else one line every few seconds.
type progressLine struct {
	w     io.Writer
	paint bool
	every time.Duration
	last  time.Time
	now   pipeline.Progress
}

func newProgressLine(w io.Writer) *progressLine {
	if screen.IsTerminal(w) {
		return &progressLine{w: w, paint: true, every: 250 * time.Millisecond}
	}
	return &progressLine{w: w, every: 5 * time.Second}
}

func (l *progressLine) report(p pipeline.Progress) {
	l.now = p
	if now := time.Now(); now.Sub(l.last) >= l.every {
		l.last = now
		l.show(p, now)
	}
}

func (l *progressLine) show(p pipeline.Progress, now time.Time) {
	if l.paint {
		fmt.Fprintf(l.w, "\r\x1b[K%s", p.String(now))
		return
	}
	fmt.Fprintln(l.w, p.String(now))
}

func (l *progressLine) end() {
	if l.last.IsZero() {
		return
	}
	l.last = time.Time{}
	l.show(l.now, time.Now())
	if l.paint {
		fmt.Fprintln(l.w)
	}
}
