package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/stack"
	"customer360/internal/deadletters"
)

// errStackWrong: a document is not what the source systems say.
var errStackWrong = errors.New("what is in Couchbase is not what the table, the newest file and the store say")

// checkpoint lets everything run, waits until what was written has arrived, and
// compares all documents with what the source systems say. The sources must rest.
func (s *stackRun) checkpoint(ctx context.Context, name string) error {
	begun := time.Now()
	if err := s.startMachine(ctx); err != nil {
		return err
	}
	err := s.within(ctx, "the connector before checkpoint "+name, func(ctx context.Context) error {
		n, err := s.machine.AwaitConnector(ctx)
		s.report.Restarts += n
		return err
	})
	if err != nil {
		return err
	}
	if err := s.within(ctx, "the instances before checkpoint "+name, s.awaitInstances); err != nil {
		return err
	}
	if err := s.writer.Checkpoint(ctx, name); err != nil {
		return err
	}
	truth, err := stack.Query(ctx, s.db, s.loyalty.Members(), s.store)
	if err != nil {
		return err
	}
	// The poller never rests, so there is no moment when everything has arrived for
	// sure: what is right and rests counts, what does not become right is wrong.
	var found Findings
	err = s.within(ctx, "waiting for the documents of checkpoint "+name, func(ctx context.Context) error {
		for {
			// A task fails some time after it was said to run: Debezium's snapshot does
			// when a column is added meanwhile.
			if mended, err := s.machine.Mend(ctx); err == nil && mended {
				s.report.Restarts++
			}
			var err error
			if found, err = s.compare(truth); err == nil && found.Wrong() == 0 {
				return nil
			}
			select {
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err)
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	if err == nil {
		if err = s.within(ctx, "waiting for quiet at checkpoint "+name, s.awaitQuiet); err == nil {
			found, err = s.compare(truth)
		}
	}
	s.sum(truth, found)
	if found.Wrong() > 0 {
		return fmt.Errorf("checkpoint %s: %w: %d differ, %d too many, %d missing, such as %q; %w", name, errStackWrong,
			found.Differences, found.TooMany, found.Missing, found.First, errors.Join(err, s.machineState(ctx)))
	}
	if err != nil {
		return err
	}
	s.note("checkpoint %s: %d statements so far; %d rows, %d members, %d customers and orders, %d staged: all as the sources say, after %.1f s",
		name, s.writer.Statements.Done, truth.Rows, truth.Members, len(truth.Documents), len(truth.Staged), time.Since(begun).Seconds())
	return nil
}

// machineState says what an operator would look at first.
func (s *stackRun) machineState(ctx context.Context) error {
	state, err := s.machine.ConnectorState(ctx)
	return errors.Join(fmt.Errorf("the connector and its tasks: %s", state), err)
}

// compare reads the buckets whole.
func (s *stackRun) compare(truth stack.Truth) (Findings, error) {
	var found Findings
	documents, err := bucket(s.node, "customer360")
	if err != nil {
		return found, err
	}
	found.compare("customer360", documents, truth.Documents)
	staged := map[string][]byte{}
	if err := s.node.EachKey("staging", func(key []byte) { staged[string(bytes.Clone(key))] = nil }); err != nil {
		return found, err
	}
	want := map[string][]byte{}
	for key := range truth.Staged {
		want[key] = nil // the bodies are Debezium's
	}
	found.compare("staging", staged, want)
	return found, nil
}

func (s *stackRun) sum(truth stack.Truth, found Findings) {
	r := &s.report
	r.Checkpoints++
	r.Compared += len(truth.Documents) + len(truth.Staged)
	r.Documents, r.Staged, r.Rows, r.Members = len(truth.Documents), len(truth.Staged), truth.Rows, truth.Members
	r.Findings = found
	r.Statements, r.Files, r.Changes, r.Requests = s.writer.Statements, s.loyalty.Files(), s.store.Changes(), s.store.Requests()
}

// finish ends the instances in order and completes the report.
func (s *stackRun) finish(ctx context.Context) error {
	var errs []error
	for _, p := range s.processes[1:] {
		s.report.Exits += len(p.ended())
		errs = append(errs, p.end(s.cfg.Patience))
	}
	s.report.Faults = s.faults
	letters, err := deadletters.List(ctx, []kgo.Opt{kgo.SeedBrokers(s.machine.Broker())})
	s.report.Letters = map[string]int{}
	for _, l := range letters {
		s.report.Letters[l.Stage+": "+l.Reason]++
	}
	return errors.Join(append(errs, err)...)
}
