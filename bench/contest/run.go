package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"customer360/bench/load"
	"customer360/bench/result"
)

// Run measures all rounds: in each, every contender in turn. Rows of runs that
// were complete come with an error, too; report is told of every run as it
// ends. After an error the folder is kept for its logs.
func Run(ctx context.Context, cfg Config, origin result.Row, report func(round int, c Contender, rows []result.Row)) (rows []result.Row, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Root, err = filepath.Abs(cfg.Root); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Root, "bench", "peers", "go.mod")); err != nil {
		return nil, fmt.Errorf("%s is not the repository: use --root, or run it there: %w", cfg.Root, err)
	}
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "customer360-bench-"); err != nil {
			return nil, fmt.Errorf("a folder for the contest: %w", err)
		}
		defer func() {
			if err == nil { // else the logs are of use
				err = os.RemoveAll(cfg.Dir)
			}
		}()
	}
	l, err := cfg.build(ctx)
	if err != nil {
		return nil, err
	}
	b, err := cfg.startBroker(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	s := &series{cfg: cfg, broker: b, launch: l.launch, origin: origin, places: map[load.Form]Place{}}
	return s.run(ctx, report)
}

// series is a contest under way.
type series struct {
	cfg    Config
	broker *broker
	launch func(context.Context, Contender, string, Place) (Measurement, error)
	origin result.Row
	places map[load.Form]Place

	documents outcome // of the first contender that merges
	records   outcome // of the copies: the input's
}

// outcome is what contenders must agree upon.
type outcome struct {
	of      Contender
	digest  string
	live    int
	records int
}

func (s *series) run(ctx context.Context, report func(int, Contender, []result.Row)) ([]result.Row, error) {
	if err := s.fill(ctx); err != nil {
		return nil, err
	}
	if err := s.warm(ctx); err != nil {
		return nil, err
	}
	var rows []result.Row
	for round := 1; round <= s.cfg.Rounds; round++ {
		for turn := range s.cfg.Contenders {
			// Each contender is as often first as any other.
			c := s.cfg.Contenders[(turn+round-1)%len(s.cfg.Contenders)]
			if round > 1 && slices.Contains(s.cfg.Once, c) {
				continue
			}
			measured, err := s.turn(ctx, round, c)
			if err != nil {
				return rows, fmt.Errorf("round %d, %s: %w", round, c, err)
			}
			rows = append(rows, measured...)
			report(round, c, measured)
		}
	}
	return rows, nil
}

// fill puts the records of each form that is read on the broker.
func (s *series) fill(ctx context.Context) error {
	g, err := load.New(s.cfg.Load)
	if err != nil {
		return err
	}
	for _, c := range s.cfg.Contenders {
		form := c.Form()
		if _, ok := s.places[form]; ok {
			continue
		}
		p, err := NewPlace(s.broker.bootstrap, form, s.cfg.Partitions)
		if err != nil {
			return err
		}
		if err := p.Fill(ctx, g.Encoded(form)); err != nil {
			return err
		}
		s.places[form] = p
	}
	return nil
}

// warm lets a broker that has just started compile its hot code, transactions
// among it; else the first contender would pay for it.
func (s *series) warm(ctx context.Context) error {
	p, ok := s.places[load.Binary]
	if !ok || s.cfg.Broker != Kafka {
		return nil
	}
	if err := p.Fresh(ctx); err != nil {
		return err
	}
	if _, err := s.launch(ctx, RawTxn, s.broker.bootstrap, p); err != nil {
		return fmt.Errorf("warming the broker: %w", err)
	}
	return nil
}

// turn is one run of one contender.
func (s *series) turn(ctx context.Context, round int, c Contender) ([]result.Row, error) {
	p := s.places[c.Form()]
	if err := p.Fresh(ctx); err != nil {
		return nil, err
	}
	before, err := s.brokerCPU()
	if err != nil {
		return nil, err
	}
	m, err := s.launch(ctx, c, s.broker.bootstrap, p)
	if err != nil {
		return nil, err
	}
	after, err := s.brokerCPU()
	if err != nil {
		return nil, err
	}
	written, err := p.Written(ctx)
	if err != nil {
		return nil, err
	}
	o, err := s.judge(ctx, c, p)
	if err != nil {
		return nil, err
	}
	origin := s.origin
	origin.Benchmark, origin.Contender, origin.Round, origin.Time = result.Merge, string(c), int32(round), m.Start.UnixMicro()
	if origin.Settings, err = s.cfg.settings(m); err != nil {
		return nil, err
	}
	rows := m.rows(origin)
	add := func(metric string, value float64, unit string) {
		origin.Metric, origin.Value, origin.Unit = metric, value, unit
		rows = append(rows, origin)
	}
	if s.broker.cpu != nil {
		add(result.BrokerCPU, (after-before).Seconds()*1e6/float64(s.cfg.Load.Records), "us/record")
	}
	add(result.Wire, float64(written)/(1<<20), "MiB")
	add(result.Documents, float64(o.live), "documents")
	add(result.Output, float64(o.records), "records")
	return rows, nil
}

func (s *series) brokerCPU() (time.Duration, error) {
	if s.broker.cpu == nil {
		return 0, nil
	}
	return s.broker.cpu()
}

// judge reads what the run left and compares it with what the others left:
// documents with those of the first contender that merges, copies with the input.
func (s *series) judge(ctx context.Context, c Contender, p Place) (outcome, error) {
	out, err := p.output(ctx, c.Merges())
	if err != nil {
		return outcome{}, err
	}
	want, normalise := &s.documents, normalJSON
	if !c.Merges() {
		want, normalise = &s.records, asItIs
		if want.of == "" {
			if *want, err = s.input(ctx, p); err != nil {
				return outcome{}, err
			}
		}
	}
	digest, err := out.digest(normalise)
	if err != nil {
		return outcome{}, err
	}
	have := outcome{c, digest, len(out.live), out.records}
	if want.of == "" {
		*want = have
	}
	if have.digest != want.digest || have.live != want.live || have.records != want.records {
		return have, fmt.Errorf("%w: %s left %d values by %d records (digest %s), and %s %d by %d (%s)", ErrVoid,
			c, have.live, have.records, have.digest, want.of, want.live, want.records, want.digest)
	}
	return have, nil
}

// input is what a copy of the records has to be.
func (s *series) input(ctx context.Context, p Place) (outcome, error) {
	in, err := p.read(ctx, p.Records(), false)
	if err != nil {
		return outcome{}, err
	}
	digest, err := in.digest(asItIs)
	return outcome{"the input", digest, len(in.live), in.records}, err
}
