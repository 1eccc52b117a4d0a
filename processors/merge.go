package processors

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/topology"
	"customer360/topology/engine"
)

// MergeConfig configures merge.
type MergeConfig struct {
	Settings   topology.Settings
	Precedence Precedence
	// Primary names the sources that make a customer: one exists while one of
	// them asserts it. nil: home_delivery and loyalty.
	Primary []string
	// MaxRecordBytes bounds every record that is produced: key, value, headers
	// and what Kafka adds. 0: topology.MaxMessageBytes.
	MaxRecordBytes int
	// Decode reads a record of the records topic; its error makes a dead letter. It
	// is called by several goroutines. nil: codec.DecodeRecord, which reads what
	// rekey writes. codec.DecodeJSONRecord reads records that others write.
	Decode func(key string, value []byte) (codec.Record, error)
	// Fail makes an error end the group for good (engine.Fatal); nil: the error
	// as it is.
	Fail func(error) error
}

// Merge is the graph between records and documents: per document key one
// register for each identity, folded into the document, which is emitted where
// its bytes changed.
func Merge(cfg MergeConfig, m *Metrics) *goka.GroupGraph {
	g := newMerger(cfg, m)
	return goka.DefineGroup(goka.Group(cfg.Settings.MergeGroup()),
		engine.Input(goka.Stream(cfg.Settings.Records()), rawBytes{}, g.process),
		goka.Output(g.documents, rawBytes{}),
		goka.Output(topology.DeadLetterTopic, rawBytes{}),
		goka.Persist(rawBytes{}),
	)
}

func newMerger(cfg MergeConfig, m *Metrics) *merger {
	if cfg.Primary == nil {
		cfg.Primary = []string{codec.HomeDelivery, codec.Loyalty}
	}
	if cfg.Decode == nil {
		cfg.Decode = codec.DecodeRecord
	}
	pl := newPlan(topology.Sources(), cfg.Primary, cfg.Precedence)
	return &merger{
		documents: goka.Stream(cfg.Settings.Documents()), generation: cfg.Settings.Generation,
		number: strconv.AppendInt(nil, int64(cfg.Settings.Generation), 10),
		decode: cfg.Decode, emit: engine.Emit,
		limit: limitOf(cfg.MaxRecordBytes), fail: failer(cfg.Fail), metrics: m,
		folders: sync.Pool{New: func() any { return &folder{plan: pl} }},
	}
}

func limitOf(maxRecordBytes int) int {
	if maxRecordBytes == 0 {
		return topology.MaxMessageBytes
	}
	return maxRecordBytes
}

func failer(fail func(error) error) func(error) error {
	if fail == nil {
		return func(err error) error { return err }
	}
	return fail
}

type merger struct {
	documents  goka.Stream
	generation int
	number     []byte // the generation as a header has it
	decode     func(key string, value []byte) (codec.Record, error)
	emit       func(ctx goka.Context, topic goka.Stream, key string, value []byte, headers ...engine.Header)
	limit      int
	fail       func(error) error
	metrics    *Metrics
	folders    sync.Pool // of *folder: each partition's goroutine has one while it works
}

var errEmptyRecord = errors.New("the record has no key or no value")

func (g *merger) process(ctx goka.Context, message any) {
	value, _ := message.([]byte)
	record, err := g.read(ctx.Key(), value)
	if errors.Is(err, codec.ErrNewer) {
		ctx.Fail(g.fail(fmt.Errorf("merge: the record at %s/%d offset %d: %w", ctx.Topic(), ctx.Partition(), ctx.Offset(), err)))
		return
	}
	if err != nil {
		g.refuse(ctx, "unknown", err.Error(), value)
		return
	}
	f := g.folders.Get().(*folder)
	defer g.folders.Put(f)
	step, err := f.step(tableValue(ctx), &record, g.limit)
	if err != nil {
		ctx.Fail(g.fail(fmt.Errorf("merge: partition %d, table value of the record at offset %d: %w", ctx.Partition(), ctx.Offset(), err)))
		return
	}
	if step.state != nil {
		ctx.SetValue(step.state)
	}
	switch step.effect {
	case written:
		g.metrics.documents.Inc()
		g.emit(ctx, g.documents, record.Key, step.document, f.headers(g.number, ctx.Offset())...)
	case removed:
		g.metrics.removals.Inc()
		g.emit(ctx, g.documents, record.Key, nil, f.headers(g.number, ctx.Offset())...)
	default:
		g.metrics.unchanged.Inc()
	}
	if step.quarantined {
		g.metrics.quarantined.Inc()
	}
	if step.reason != "" {
		g.refuse(ctx, record.Source, step.reason, value)
	}
}

// read refuses what must not come into the table.
func (g *merger) read(key string, value []byte) (codec.Record, error) {
	if key == "" || value == nil {
		return codec.Record{}, errEmptyRecord
	}
	record, err := g.decode(key, value)
	if err != nil || record.Kind != codec.Assert {
		return record, err
	}
	return record, codec.CheckFields(record.Fields)
}

// headers are the document's fence: equal for equal records, and growing along
// the partition. generation is its number as text.
func (f *folder) headers(generation []byte, offset int64) []engine.Header {
	const headers, digits = 2, 20
	if len(f.spare) < headers {
		f.spare = make([]engine.Header, 32*headers)
	}
	h := f.spare[:headers:headers]
	f.spare = f.spare[headers:]
	var fence [digits]byte
	h[0] = engine.Header{Key: codec.HeaderGeneration, Value: generation}
	h[1] = engine.Header{Key: codec.HeaderFence, Value: f.kept.keep(strconv.AppendInt(fence[:0], offset+1, 10))}
	return h
}

func (g *merger) refuse(ctx goka.Context, source, reason string, value []byte) {
	g.metrics.deadLetters.WithLabelValues(source).Inc()
	emitLetter(ctx, g.limit, letter(ctx, g.generation, "merge", source, reason, value))
}

type effect int

const (
	unchanged effect = iota
	written
	removed
)

// mergeStep is all that one record does.
type mergeStep struct {
	state       []byte // the table's next value; nil: as it was
	effect      effect
	document    []byte // of written
	quarantined bool   // just now
	reason      string // of a dead letter, "" without one
}

// headerRoom is more than a document's headers take.
const headerRoom = 128

// step applies the record and folds. Its slices are the caller's; an error means
// a table value that is none of ours.
func (f *folder) step(state []byte, record *codec.Record, limit int) (mergeStep, error) {
	if quarantined, err := checkRegisters(state); err != nil || quarantined {
		return mergeStep{}, err
	}
	next, count, err := apply(f.next[:0], state, record)
	if next != nil {
		f.next = next
	}
	switch {
	case err != nil || next == nil:
		return mergeStep{}, err
	case count > maxRegisters:
		return quarantine(state, fmt.Sprintf("quarantined: %d identities have said something about this key, at most %d may; its document is removed until a rebuild",
			count, maxRegisters)), nil
	case !fits(limit, len(record.Key), len(next), 0):
		return quarantine(state, fmt.Sprintf("quarantined: %d identities under this key need a table value of %d bytes, which is more than a record may have; its document is removed until a rebuild",
			count, len(next))), nil
	}
	document, err := f.fold(record.Key, next)
	if err != nil {
		return mergeStep{}, err
	}
	var step mergeStep
	oversized := document != nil && !fits(limit, len(record.Key), len(document), headerRoom)
	if setOversized(next, oversized) {
		step.reason = fmt.Sprintf("the document would have %d bytes, which is more than a record may have: it is removed until it is smaller", len(document))
	}
	if document == nil || oversized {
		if hasDocument(next) {
			step.effect = removed
		}
		setDocument(next, nil)
		step.state = f.kept.keep(next)
		return step, nil
	}
	hash := codec.HashOf(document)
	if !isDocument(next, &hash) {
		step.effect, step.document = written, f.kept.keep(document)
		setDocument(next, &hash)
	}
	step.state = f.kept.keep(next)
	return step, nil
}

func quarantine(state []byte, reason string) mergeStep {
	step := mergeStep{state: slices.Clone(quarantinedRegisters), quarantined: true, reason: reason}
	if hasDocument(state) {
		step.effect = removed
	}
	return step
}
