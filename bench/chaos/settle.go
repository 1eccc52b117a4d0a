package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/quiet"
	"customer360/topology"
)

// settle lets the world freeze and everything arrive, with all processes alive,
// and ends them in order.
func (r *run) settle(ctx context.Context) error {
	up := r.processes[0]
	if err := up.end(r.cfg.Patience); err != nil {
		return err
	}
	up.args = r.upArgs(true)
	up.start()
	if err := r.within(ctx, "waiting for every process to be ready again", func(ctx context.Context) error {
		return r.awaitReady(ctx, 0, 1, 2, 3)
	}); err != nil {
		return err
	}
	if err := r.within(ctx, "waiting for quiet", r.awaitQuiet); err != nil {
		return err
	}
	r.note("quiet with all processes alive")
	var errs []error
	for _, p := range r.processes[1:] {
		errs = append(errs, p.end(r.cfg.Patience))
	}
	if err := errors.Join(append(errs, up.end(r.cfg.Patience))...); err != nil {
		return err
	}
	return r.within(ctx, "up --once at the end", r.once)
}

// within bounds a wait and says which it was.
func (r *run) within(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Patience)
	defer cancel()
	if err := f(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// graph is the topology up makes.
func graph() (topology.Graph, error) { return topology.New(topology.DefaultSettings()) }

// steady is the graph without the poller, which asks a frozen store again for
// ever; the answers it writes do end.
func steady(g topology.Graph) topology.Graph {
	g.Groups = slices.Clone(g.Groups)
	polling := map[string]bool{topology.PollsTopic: true}
	g.Groups = slices.DeleteFunc(g.Groups, func(group topology.Group) bool {
		if group.Name != topology.RestpollGroup {
			return false
		}
		polling[group.TableTopic()] = true
		return true
	})
	g.Topics = slices.DeleteFunc(slices.Clone(g.Topics), func(t topology.Topic) bool { return polling[t.Name] })
	return g
}

func (r *run) awaitQuiet(ctx context.Context) error {
	g, err := graph()
	if err != nil {
		return err
	}
	s, err := quiet.New([]kgo.Opt{kgo.SeedBrokers(address(0, r.ports.kafka))}, steady(g))
	if err != nil {
		return err
	}
	defer s.Close()
	var last quiet.Sweep
	for {
		seen, err := s.Sweep(ctx)
		if err == nil && seen.Quiet(last) {
			return nil
		}
		last = seen
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("it did not get quiet; at last: %q", last.Behind), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// once lets the poller finish too: up alone, with everything it finds.
func (r *run) once(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, r.cfg.Binary, append(r.worldArgs(), "--once")...)
	var out bytes.Buffer
	log, err := os.OpenFile(r.folder("up.log"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &out, log, dieWithUs()
	if err := errors.Join(cmd.Run(), log.Close()); err != nil {
		return err
	}
	r.note("up --once: %s", bytes.TrimSpace(out.Bytes()))
	return nil
}
