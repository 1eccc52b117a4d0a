package scaleout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// Run makes the run and the calm one, and tells on out what it does. The error is
// about a run that could not be finished; differences are in the report.
func Run(ctx context.Context, cfg Config, out io.Writer) (report Report, err error) {
	if err := cfg.Validate(); err != nil {
		return report, err
	}
	report = Report{Customers: cfg.Customers, Records: cfg.Customers, Standbys: cfg.Standbys, Steps: []Step{}}
	var moved map[string]string
	if cfg.Rate > 0 {
		if moved, err = scale(ctx, cfg, &report, out); err != nil {
			return report, err
		}
	}
	calm, err := calmly(ctx, cfg, &report)
	if err != nil {
		return report, err
	}
	report.Calm.print(out, cfg.Customers)
	if cfg.Rate > 0 {
		report.Differences = differences(moved, calm)
		fmt.Fprintf(out, "%d records, %d documents, %d differ from the calm run's\n", report.Records, report.Documents, report.Differences)
	}
	return report, nil
}

func differences(a, b map[string]string) (n int) {
	for key, doc := range a {
		if other, ok := b[key]; !ok || other != doc {
			n++
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			n++
		}
	}
	return n
}

// calmly gives one process all records at once, on a cluster of its own.
func calmly(ctx context.Context, cfg Config, report *Report) (docs map[string]string, err error) {
	m, err := start(ctx, cfg, filepath.Join(cfg.Dir, "calm"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.end()) }()
	w, err := newWriter(cfg, m.kafka)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if err := w.write(ctx, report.Records); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := m.run("calm"); err != nil {
		return nil, err
	}
	p := m.process("calm")
	if err := m.awaitOffsets(ctx); err != nil {
		return nil, errors.Join(err, p.alive())
	}
	if err := m.awaitQuiet(ctx); err != nil {
		return nil, errors.Join(err, p.alive())
	}
	report.Calm.Seconds = time.Since(began).Seconds()
	if report.Calm.TopicBytes, err = m.topicBytes(ctx); err != nil {
		return nil, err
	}
	if err := p.stop(); err != nil {
		return nil, err
	}
	report.Calm.Process = p.usage
	if report.Calm.StateBytes, err = p.stateBytes(); err != nil {
		return nil, err
	}
	if cfg.Rate == 0 { // there is nothing to compare them with
		err = m.node.EachDocument("customer360", func(_, _ []byte) error { report.Documents++; return nil })
		return nil, err
	}
	docs, err = m.documents()
	report.Documents = len(docs)
	return docs, err
}

// awaitOffsets waits until the groups are there: before that, nobody is behind.
func (m *machine) awaitOffsets(ctx context.Context) error {
	return poll(ctx, m.cfg.Patience, 500*time.Millisecond, func() (bool, string, error) {
		g, err := m.status(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // there is no generation yet
		}
		_, why := g.settled(m.cfg, len(m.processes))
		return why == "", why, nil
	})
}

// scale is the run in which processes come and go.
func scale(ctx context.Context, cfg Config, report *Report, out io.Writer) (docs map[string]string, err error) {
	m, err := start(ctx, cfg, filepath.Join(cfg.Dir, "scaled"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.end()) }()
	w, err := newWriter(cfg, m.kafka)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if err := w.write(ctx, cfg.Customers); err != nil {
		return nil, err
	}
	for _, name := range []string{"one", "two"} {
		if err := m.run(name); err != nil {
			return nil, err
		}
	}
	if err := m.awaitOffsets(ctx); err != nil {
		return nil, err
	}
	if err := m.awaitQuiet(ctx); err != nil {
		return nil, err
	}
	p, err := watch(m.kafka, m.graph.Settings.Documents())
	if err != nil {
		return nil, err
	}
	defer p.stop()
	flowing, cease := context.WithCancel(ctx)
	flowed := make(chan error, 1)
	go func() { flowed <- w.flow(flowing, cfg.Rate) }()
	err = m.steps(ctx, p, report, out)
	cease()
	if err = errors.Join(err, <-flowed); err != nil {
		return nil, err
	}
	report.Records = w.written
	if err := m.awaitQuiet(ctx); err != nil {
		return nil, err
	}
	return m.documents()
}
