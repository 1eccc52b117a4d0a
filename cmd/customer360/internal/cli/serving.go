package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
	"customer360/topology/generation"
)

var errNothingServes = errors.New("no generation serves on this cluster yet: start the pipeline once with `customer360 run`")

// serving is the topology of the generation that serves, and all generations.
func serving(ctx context.Context, c config.Config, opts []kgo.Opt) (topology.Settings, generation.State, error) {
	s := pipeline.Settings(c)
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics(), kgo.RetryTimeout(30*time.Second))...)
	if err != nil {
		return s, generation.State{}, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	state, err := generation.NewLog(opts).Read(ctx)
	if err != nil {
		return s, state, err
	}
	if _, ok := state.Live(); !ok {
		return s, state, errNothingServes
	}
	s, err = state.Resolve(ctx, cl, s)
	return s, state, err
}

// reporter tells people on stderr where a long command is.
func (a *app) reporter() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
		if len(groups) == 0 && (attr.Key == slog.LevelKey || attr.Key == slog.TimeKey) {
			return slog.Attr{}
		}
		return attr
	}}))
}
