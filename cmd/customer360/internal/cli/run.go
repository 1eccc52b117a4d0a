package cli

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/web"
	"customer360/internal/instance"
	"customer360/internal/memorylimit"
)

func (a *app) runCommand() *cobra.Command {
	var only string
	c := &cobra.Command{
		Use: "run", Short: "Run the pipeline, or parts of it, against any Kafka and Couchbase",
		Long: `Run the pipeline, or parts of it, against any Kafka and Couchbase. Several processes with the same configuration
share the work: partitions move between them. The parts of --only are csvdir, restpoll, rekey, merge, staging, sink.`,
		Example: "  customer360 run --config customer360.yaml\n  customer360 run --config .customer360/customer360.yaml --only merge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stages, err := pipeline.ParseStages(only)
			if err != nil {
				return usage(fmt.Errorf("--only: %w", err))
			}
			return a.runPipeline(cmd.Context(), stages)
		},
	}
	c.Flags().StringVar(&only, "only", "", "parts to run, separated by commas (default: all)")
	return c
}

func (a *app) runPipeline(ctx context.Context, stages []string) error {
	c, opts, err := a.kafka()
	if err != nil {
		return err
	}
	if err := checkComponents(c, opts); err != nil {
		return usage(err)
	}
	log := a.logger(c.Log)
	memorylimit.Set(log, 0)
	slot, err := instance.Claim(c.StateDir, c.Instance)
	if err != nil {
		return refused(err)
	}
	defer slot.Release() //nolint:errcheck // the lock ends with the process at the latest
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	serve := pipeline.NewServer(registry, stages, false)
	server := web.New(c.HTTP.Listen, c.HTTP.Pprof, serve, serve.Parts)
	if err := server.Listen(); err != nil {
		return err // a port may become free: whoever supervises this process tries again
	}
	server.ServeStatus(serve.Status)
	log.Info("starting", "instance", slot.Name, "state_dir", slot.Dir, "stages", stages, "http", server.Addr())
	asked := ctx
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx) }) // from before Kafka is asked for anything
	g.Go(func() error {
		_, err := serve.Start(ctx, c, pipeline.Deps{Log: log, Kafka: opts, Instance: slot.Name, Dir: slot.Dir,
			HTTP: server.Advertised(c.HTTP.Advertised)})
		switch {
		case err != nil && asked.Err() != nil:
			return nil // told to end while it began
		case err != nil:
			return err
		}
		return serve.Run(ctx, a.loadChecked)
	})
	err = g.Wait()
	if err == nil {
		log.Info("ended in order")
	}
	return err
}

// loadChecked is the configuration as the file has it now.
func (a *app) loadChecked() (config.Config, error) {
	c, opts, err := a.kafka()
	if err != nil {
		return c, err
	}
	return c, usage(checkComponents(c, opts))
}

// logger writes to stderr as the configuration says.
func (a *app) logger(c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused everything else
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}
