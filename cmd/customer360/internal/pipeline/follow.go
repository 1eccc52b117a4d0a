package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"customer360/topology/engine"
	"customer360/topology/generation"
)

// deriving are the stages that end when the next generation is being promoted.
func deriving() []string { return []string{"rekey", "merge", "restpoll"} }

// take decides what this process does with the generation, and returns the
// stages that it does. While the next one is being promoted, those that would
// change what the promoter reads stand still.
func (p *Pipeline) take(s generation.State, stages []string) ([]string, error) {
	number := p.graph.Settings.Generation
	p.role = generation.Deliver
	if slices.ContainsFunc(stages, func(stage string) bool { return slices.Contains(deriving(), stage) }) {
		p.role = generation.Derive
	}
	err := s.Allowed(number, p.role)
	if err == nil || p.role == generation.Deliver || s.Allowed(number, generation.Deliver) != nil {
		return stages, err
	}
	next, _ := s.Next()
	p.role = generation.Deliver
	p.wait = fmt.Sprintf("rekey, merge and poller stand still while generation %d is being promoted; "+
		"where no `customer360 rebuild promote` runs, it was interrupted: run it again", next.Number)
	p.deps.Log.Warn("a generation is being promoted", "number", next.Number, "what", p.wait)
	return slices.DeleteFunc(slices.Clone(stages), func(stage string) bool { return slices.Contains(deriving(), stage) }), nil
}

// admit is the engine's hook of all groups that derive something.
func (p *Pipeline) admit(ctx context.Context) error {
	err := p.log.Admit(ctx, p.graph.Settings.Generation, p.role)
	if errors.Is(err, generation.ErrChanged) {
		return engine.Fatal(err)
	}
	return err
}

// follow ends with an error that matches generation.ErrChanged when this
// process may not go on with the generation as it does.
func (p *Pipeline) follow(ctx context.Context) error {
	report := func(err error) { p.deps.Log.Warn("the generations cannot be followed", "error", err) }
	return p.log.Follow(ctx, report, func(s generation.State) error {
		return s.Allowed(p.graph.Settings.Generation, p.role)
	})
}
