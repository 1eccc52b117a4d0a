package processors

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// RekeyConfig configures rekey of one source.
type RekeyConfig struct {
	Source   codec.Source
	Settings topology.Settings
	Guard    Guard
	// MaxRecordBytes bounds every record that is produced: key, value, headers
	// and what Kafka adds. 0: topology.MaxMessageBytes.
	MaxRecordBytes int
	// Fail makes an error end the group for good (engine.Fatal); nil: the error
	// as it is.
	Fail func(error) error
}

// Rekey is the graph between a source's raw topic and the records: per identity
// it keeps what was asserted last, and emits the differences under the document
// keys. Take one graph per process: it counts and caches what the guard saw.
func Rekey(cfg RekeyConfig, m *Metrics) *goka.GroupGraph {
	k := newRekeyer(cfg, m)
	return goka.DefineGroup(goka.Group(cfg.Settings.RekeyGroup(cfg.Source.Name)),
		engine.Input(goka.Stream(cfg.Source.Topic), rawBytes{}, k.process),
		goka.Output(k.records, rawBytes{}),
		goka.Output(topology.DeadLetterTopic, rawBytes{}),
		goka.Persist(rawBytes{}),
	)
}

func newRekeyer(cfg RekeyConfig, m *Metrics) *rekeyer {
	return &rekeyer{
		source: cfg.Source, records: goka.Stream(cfg.Settings.Records()), generation: cfg.Settings.Generation,
		emit: engine.Emit, limit: limitOf(cfg.MaxRecordBytes), fail: failer(cfg.Fail), metrics: m,
		placement: placement{partitions: cfg.Settings.PartitionsOf(cfg.Source.Topic)},
		forms:     forms{guard: cfg.Guard, topic: cfg.Source.Topic},

		differences: sync.Pool{New: func() any { return new(difference) }},
	}
}

type rekeyer struct {
	source     codec.Source
	records    goka.Stream
	generation int
	emit       func(ctx goka.Context, topic goka.Stream, key string, value []byte, headers ...engine.Header)
	limit      int
	fail       func(error) error
	metrics    *Metrics
	placement  placement
	forms      forms

	differences sync.Pool // of *difference: each partition's goroutine has one while it works
}

// Reasons of records that change nothing beside those of the decoders: one that
// names no identity, and one that Accept refuses.
const (
	ignoredNullKey = "null key"
	ignoredOld     = "older than what is known"
)

func (k *rekeyer) process(ctx goka.Context, message any) {
	raw := rawOf(ctx, message)
	if raw.Key != nil {
		misplaced, err := k.placement.check(raw.Topic, raw.Key, raw.Partition)
		if err != nil {
			ctx.Fail(k.fail(fmt.Errorf("rekey %s: %w", k.source.Name, err)))
			return
		}
		if misplaced != "" {
			k.refuse(ctx, misplaced, raw.Value)
			return
		}
	}
	change, err := k.source.Decoder.Decode(raw)
	switch {
	case errors.Is(err, codec.ErrHalt), errors.Is(err, codec.ErrLater):
		if errors.Is(err, codec.ErrHalt) {
			err = k.fail(err)
		}
		ctx.Fail(fmt.Errorf("rekey %s, partition %d, offset %d: %w", k.source.Name, raw.Partition, raw.Offset, err))
		return
	case err != nil:
		k.refuse(ctx, err.Error(), raw.Value)
		return
	case change.Ignored != "":
		k.metrics.ignored.WithLabelValues(k.source.Name, change.Ignored).Inc()
		return
	case raw.Key == nil:
		k.metrics.ignored.WithLabelValues(k.source.Name, ignoredNullKey).Inc()
		return
	}
	if err := k.forms.check(ctx.Context(), raw.Key); err != nil {
		if errors.Is(err, errKeyForm) {
			err = k.fail(err)
		}
		ctx.Fail(fmt.Errorf("rekey %s, partition %d, offset %d: %w", k.source.Name, raw.Partition, raw.Offset, err))
		return
	}
	k.advance(ctx, raw, &change)
}

func rawOf(ctx goka.Context, message any) *codec.Raw {
	raw := &codec.Raw{Topic: string(ctx.Topic()), Partition: ctx.Partition(), Offset: ctx.Offset(),
		Timestamp: ctx.Timestamp(), Headers: ctx.Headers()}
	raw.Value, _ = message.([]byte)
	if key := ctx.Key(); key != "" {
		raw.Key = []byte(key)
	}
	return raw
}

func (k *rekeyer) advance(ctx goka.Context, raw *codec.Raw, change *codec.Change) {
	table := tableValue(ctx)
	d := k.differences.Get().(*difference)
	defer k.differences.Put(d)
	step, err := rekey(d, &k.source, table, raw, change, k.limit)
	if err != nil {
		ctx.Fail(k.fail(fmt.Errorf("rekey %s: partition %d, table value of the record at offset %d: %w",
			k.source.Name, raw.Partition, raw.Offset, err)))
		return
	}
	for _, r := range step.records {
		k.emit(ctx, k.records, r.key, r.value)
	}
	k.metrics.records.Add(float64(len(step.records)))
	if step.old {
		k.metrics.ignored.WithLabelValues(k.source.Name, ignoredOld).Inc()
	}
	switch {
	case bytes.Equal(step.table, table):
	case step.table == nil:
		ctx.Delete()
	default:
		ctx.SetValue(step.table)
	}
	if step.problem != nil {
		k.refuse(ctx, step.problem.Error(), raw.Value)
	}
}

func (k *rekeyer) refuse(ctx goka.Context, reason string, value []byte) {
	k.metrics.deadLetters.WithLabelValues(k.source.Name).Inc()
	emitLetter(ctx, k.limit, letter(ctx, k.generation, "rekey", k.source.Name, reason, value))
}

// rekeyStep is all that one decoded raw record does.
type rekeyStep struct {
	records []keyed // asserts, then withdrawals, each in the order of document keys
	table   []byte  // the table's value from now on; nil: none
	problem error   // the reason of a dead letter, nil without one
	old     bool    // the record was not accepted
}

// rekey decides what a change does. The asserts come first, so that a reader of
// one partition that holds both documents of a move never sees the customer in
// none. An error means a table value that is none of ours. The step's records are
// in d until it is used again.
func rekey(d *difference, source *codec.Source, table []byte, raw *codec.Raw, change *codec.Change, limit int) (rekeyStep, error) {
	state, entries, err := cutAsserted(table)
	if err != nil {
		return rekeyStep{}, err
	}
	state, accepted := source.Decoder.Accept(state, change)
	if !accepted {
		return rekeyStep{table: joinAsserted(state, entries), old: true}, nil
	}
	d.begin(codec.Record{Source: source.Name, Identity: raw.Key, Version: raw.Offset})
	now := change.Assertions
	if change.Problem != nil {
		now = nil
	}
	if err := d.compare(entries, now); err != nil {
		return rekeyStep{table: table, problem: err}, nil // entries have been checked
	}
	d.asserts = append(d.asserts, d.withdraws...)
	step := rekeyStep{records: d.asserts, table: joinAsserted(state, d.entries), problem: change.Problem}
	if err := step.fit(raw.Key, limit); err != nil {
		return rekeyStep{table: table, problem: err}, nil
	}
	return step, nil
}

// fit refuses the whole step where a part of it is too large: a half of it
// would be a state that the source never had.
func (s *rekeyStep) fit(identity []byte, limit int) error {
	if !fits(limit, len(identity), len(s.table), 0) {
		return fmt.Errorf("the record asserts so many documents that rekey's table value would have %d bytes, which is more than a record may have", len(s.table))
	}
	for _, r := range s.records {
		if !fits(limit, len(r.key), len(r.value), 0) {
			return fmt.Errorf("the record asserts a document of which the record would have %d bytes, which is more than a record may have", len(r.value))
		}
	}
	return nil
}
