package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/web"
	"customer360/topology/generation"
)

// Server runs one pipeline after the other in one process: a generation that
// is promoted takes the place of the former one without a restart. It is the
// process's readiness and metrics over all of them.
type Server struct {
	stages  []string
	create  bool
	process prometheus.Gatherer // the metrics that outlive pipelines

	mu       sync.Mutex
	current  *Pipeline            // nil: none yet
	registry *prometheus.Registry // of current
}

// NewServer makes a Server; stages and createTopics are as for New.
func NewServer(process prometheus.Gatherer, stages []string, createTopics bool) *Server {
	return &Server{stages: slices.Clone(stages), create: createTopics, process: process}
}

// Start makes the first pipeline. deps.Registry is the Server's own.
func (s *Server) Start(ctx context.Context, c config.Config, deps Deps) (*Pipeline, error) {
	for {
		registry := prometheus.NewRegistry()
		deps.Registry = registry
		p, err := New(ctx, c, deps, s.stages, s.create)
		if errors.Is(err, generation.ErrChanged) {
			continue // between two looks at the topic
		}
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.current, s.registry = p, registry
		s.mu.Unlock()
		return p, nil
	}
}

// Run runs the pipeline that Start has made, and those that follow it, until
// ctx ends (nil) or one fails for good. load is asked for the configuration
// anew each time: the next generation may have another one.
func (s *Server) Run(ctx context.Context, load func() (config.Config, error)) error {
	for p := s.Pipeline(); ; {
		err := p.Run(ctx)
		if !errors.Is(err, generation.ErrChanged) || ctx.Err() != nil {
			return unlessChanged(err)
		}
		p.deps.Log.Info("the generation has changed: starting over in this process", "why", err)
		c, err := load()
		if err != nil {
			return fmt.Errorf("the generation has changed, and reading the configuration for it failed: %w", err)
		}
		p.deps.Continued = true
		if p, err = s.Start(ctx, c, p.deps); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("the generation has changed: %w", err)
		}
	}
}

// unlessChanged: a change that came together with the end is no error.
func unlessChanged(err error) error {
	if errors.Is(err, generation.ErrChanged) {
		return nil
	}
	return err
}

// Pipeline is the one that runs now; nil before Start.
func (s *Server) Pipeline() *Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Parts is the readiness of each component, for /readyz.
func (s *Server) Parts() []web.Part {
	if p := s.Pipeline(); p != nil {
		return p.Parts()
	}
	return []web.Part{{Name: "pipeline", State: "starting"}}
}

// Gather implements prometheus.Gatherer: the process's metrics and those of the
// pipeline that runs now.
func (s *Server) Gather() ([]*dto.MetricFamily, error) {
	s.mu.Lock()
	gatherers := prometheus.Gatherers{s.process}
	if s.registry != nil {
		gatherers = append(gatherers, s.registry)
	}
	s.mu.Unlock()
	return gatherers.Gather()
}
