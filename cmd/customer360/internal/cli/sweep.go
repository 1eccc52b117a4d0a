package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/sweep"
	"customer360/cmd/customer360/internal/verify"
	"customer360/codec"
	"customer360/codec/debezium"
)

func (a *app) sweepCommand() *cobra.Command {
	cfg := sweep.DefaultConfig()
	share := ""
	c := &cobra.Command{
		Use: "sweep", Short: "Withdraw rows that Debezium's newest snapshot no longer holds",
		Long: `Withdraw rows of Home Delivery that Debezium's newest snapshot no longer holds: nobody wrote a delete for them. For
each a null goes into the raw topic, so that rebuilds know of it; headers say who wrote it and why. Rows that came or
changed after the snapshot are not touched. It may run beside the pipeline and the connector.

Refused, with exit code 3: where the topic holds no snapshot, or the newest one is not complete (its last row is not
there, or is not marked); where more rows would be withdrawn than loyalty.hold_share and loyalty.hold_minimum allow.`,
		Example: "  customer360 sweep --dry-run\n  customer360 sweep\n  customer360 sweep --max-share 30%",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.sweep(cmd.Context(), cfg, share) },
	}
	flags := c.Flags()
	flags.BoolVar(&cfg.DryRun, "dry-run", false, "only say what would be withdrawn")
	flags.BoolVar(&cfg.Accept, "accept", false, "withdraw however many there are")
	flags.StringVar(&share, "max-share", "", "refuse to withdraw more than this share of the rows (default: loyalty.hold_share)")
	flags.IntVar(&cfg.Samples, "show", cfg.Samples, "tell at most this many keys")
	flags.StringVar(&cfg.Temp, "temp", "", "folder for a temporary database (default: the system's)")
	return c
}

func (a *app) sweep(ctx context.Context, cfg sweep.Config, share string) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	sources, err := pipeline.Sources(c)
	if err != nil {
		return usage(err)
	}
	deps := sweep.Deps{Kafka: opts, Log: a.reporter()}
	for _, s := range sources {
		if s.Name == codec.HomeDelivery {
			decoder, ok := s.Decoder.(*debezium.Decoder)
			if !ok {
				return fmt.Errorf("the decoder of %s knows no snapshots", s.Name)
			}
			deps.Decoder, cfg.Topic = decoder, s.Topic
		}
	}
	cfg.MaxShare, cfg.Minimum = c.Loyalty.HoldShare, c.Loyalty.HoldMin
	if share != "" {
		s, err := verify.ParseShare(share)
		if err != nil {
			return usage(fmt.Errorf("--max-share %s: %w", share, err))
		}
		cfg.MaxShare, cfg.Minimum = float64(s), 0
	}
	if host, err := os.Hostname(); err == nil {
		cfg.By = "customer360 sweep on " + host
	}
	if err := cfg.Validate(); err != nil {
		return usage(err)
	}
	r, err := sweep.Run(ctx, cfg, deps)
	for _, no := range []error{sweep.ErrNoSnapshot, sweep.ErrIncomplete, sweep.ErrTooMany, sweep.ErrRowsReturn} {
		if errors.Is(err, no) {
			return refused(err)
		}
	}
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(r)
	}
	return a.printSwept(r)
}

func (a *app) printSwept(r *sweep.Result) error {
	fmt.Fprintf(a.out, "snapshot at %s, complete since %s (%s/%d/%d)\n", r.Snapshot.Place, r.Snapshot.At.Format(time.RFC3339), r.Topic, r.Snapshot.Partition, r.Snapshot.Offset)
	switch {
	case r.Swept == 0:
		fmt.Fprintf(a.out, "%d rows, nothing to withdraw\n", r.Rows)
	case r.DryRun:
		fmt.Fprintf(a.out, "%d of %d rows (%.1f%%) would be withdrawn\n", r.Swept, r.Rows, 100*r.Share)
	default:
		fmt.Fprintf(a.out, "%d of %d rows (%.1f%%) withdrawn\n", r.Swept, r.Rows, 100*r.Share)
	}
	for _, key := range r.Keys {
		fmt.Fprintf(a.out, "  %s\n", printable(key))
	}
	if told := len(r.Keys); told < r.Swept && told > 0 {
		fmt.Fprintf(a.out, "  and more (--show)\n")
	}
	return nil
}
