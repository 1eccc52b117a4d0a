package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"

	"customer360/codec"
	"customer360/topology"
)

// logged is a record in one of the world's logs.
type logged struct {
	topic     string
	partition int32
	offset    int64
	key       string
	value     []byte // nil: null
	headers   map[string][]byte
}

// world is a Kafka of slices: logs by topic and partition, tables as maps. It
// drives the callbacks of the graphs; whoever holds it decides in which order
// partitions are read.
type world struct {
	settings topology.Settings
	rekeyers map[string]*rekeyer // by raw topic
	merger   *merger
	registry *prometheus.Registry

	logs    map[string][][]logged
	read    map[string][]int // next index by topic and partition
	tables  map[string]map[string][]byte
	stores  int         // calls of SetValue and Delete
	journal []logged    // what groups emitted, in time
	stopped error       // what a callback failed with
	abort   func() bool // whether the transaction of the callback at hand is lost
}

// memoryPin is Pin without Kafka.
type memoryPin struct {
	forms map[string]string
	asked int
	err   error
}

func (p *memoryPin) KeyForm(_ context.Context, topic string) (string, error) {
	p.asked++
	return p.forms[topic], p.err
}

func (p *memoryPin) SetKeyForm(_ context.Context, topic, form string) (string, error) {
	if p.forms[topic] == "" {
		p.forms[topic] = form
	}
	return p.forms[topic], p.err
}

var errFatal = errors.New("fatal")

func markFatal(err error) error { return fmt.Errorf("%w: %w", errFatal, err) }

func newWorld(partitions int32, maxRecordBytes int, guard Guard, sources ...codec.Source) *world {
	w := &world{
		settings: topology.DefaultSettings(), rekeyers: map[string]*rekeyer{}, registry: prometheus.NewRegistry(),
		logs: map[string][][]logged{}, read: map[string][]int{}, tables: map[string]map[string][]byte{},
	}
	w.settings.Partitions = partitions
	m := NewMetrics(w.registry)
	for _, s := range sources {
		g := guard
		if s.Name != codec.HomeDelivery {
			g = Guard{}
		}
		w.rekeyers[s.Topic] = newRekeyer(RekeyConfig{Source: s, Settings: w.settings, Guard: g,
			MaxRecordBytes: maxRecordBytes, Fail: markFatal}, m)
	}
	w.merger = newMerger(MergeConfig{Settings: w.settings, Precedence: DefaultPrecedence(),
		MaxRecordBytes: maxRecordBytes, Fail: markFatal}, m)
	return w
}

// publish appends a raw record where its key belongs, or on the given partition.
func (w *world) publish(topic, key string, value []byte, headers map[string][]byte, partition ...int32) {
	p := topology.Partition([]byte(key), w.settings.Partitions)
	if len(partition) > 0 {
		p = partition[0]
	}
	w.append(logged{topic: topic, partition: p, key: key, value: value, headers: headers})
}

func (w *world) append(l logged) logged {
	if w.logs[l.topic] == nil {
		w.logs[l.topic] = make([][]logged, w.settings.Partitions)
		w.read[l.topic] = make([]int, w.settings.Partitions)
	}
	partition := &w.logs[l.topic][l.partition]
	l.offset = int64(len(*partition))
	*partition = append(*partition, l)
	return l
}

// next lets the group of the topic read one record of the partition; false
// where there is none, or the world has stopped.
func (w *world) next(topic string, partition int32) bool {
	if w.stopped != nil || w.logs[topic] == nil || w.read[topic][partition] == len(w.logs[topic][partition]) {
		return false
	}
	l := w.logs[topic][partition][w.read[topic][partition]]
	process, group := w.merger.process, w.settings.MergeGroup()
	if k := w.rekeyers[topic]; k != nil {
		process, group = k.process, w.settings.RekeyGroup(k.source.Name)
	}
	if w.tables[group] == nil {
		w.tables[group] = map[string][]byte{}
	}
	ctx := &callContext{world: w, logged: l, table: w.tables[group], staged: map[string][]byte{}}
	var message any
	if l.value != nil {
		message = l.value
	}
	process(ctx, message)
	if ctx.failed != nil {
		w.stopped = ctx.failed // the transaction is aborted: nothing of this record is seen
		return false
	}
	if w.abort != nil && w.abort() {
		return true
	}
	w.read[topic][partition]++
	w.stores += len(ctx.staged)
	for key, value := range ctx.staged {
		if w.tables[group][key] = value; value == nil {
			delete(w.tables[group], key)
		}
	}
	for _, e := range ctx.emits {
		w.journal = append(w.journal, w.append(e))
	}
	return true
}

// settle reads everything: partitions in the order that pick says among the
// topics and partitions that have something, until none has.
func (w *world) settle(pick func(n int) int) {
	for w.stopped == nil {
		ready := w.ready()
		if len(ready) == 0 {
			return
		}
		r := ready[pick(len(ready))]
		w.next(r.topic, r.partition)
	}
}

// ready are the topics and partitions that have something to be read.
func (w *world) ready() (ready []logged) {
	for _, topic := range slices.Sorted(maps.Keys(w.logs)) {
		if w.rekeyers[topic] == nil && topic != w.settings.Records() {
			continue
		}
		for p := range w.logs[topic] {
			if w.read[topic][p] < len(w.logs[topic][p]) {
				ready = append(ready, logged{topic: topic, partition: int32(p)})
			}
		}
	}
	return ready
}

func first(int) int { return 0 }

// all are a topic's records, partition by partition.
func (w *world) all(topic string) []logged {
	var all []logged
	for _, p := range w.logs[topic] {
		all = append(all, p...)
	}
	return all
}

// documents are the last ones per key: what Couchbase ends with.
func (w *world) documents(t testing.TB) map[string]string {
	docs, fences := map[string]string{}, map[string]int64{}
	for _, l := range w.all(w.settings.Documents()) {
		fence, err := strconv.ParseInt(string(l.headers[codec.HeaderFence]), 10, 64)
		if err != nil || fence <= fences[l.key] || string(l.headers[codec.HeaderGeneration]) != "1" {
			t.Fatalf("%s: fence %q after %d, generation %q", l.key, l.headers[codec.HeaderFence], fences[l.key], l.headers[codec.HeaderGeneration])
		}
		fences[l.key] = fence
		if l.value == nil {
			if _, ok := docs[l.key]; !ok {
				t.Fatalf("%s: removed, and was not there", l.key)
			}
			delete(docs, l.key)
			continue
		}
		if docs[l.key] == string(l.value) {
			t.Fatalf("%s: emitted again without a change", l.key)
		}
		docs[l.key] = string(l.value)
	}
	return docs
}

func (w *world) letters(t testing.TB) []codec.DeadLetter {
	var letters []codec.DeadLetter
	for _, l := range w.all(topology.DeadLetterTopic) {
		d, err := codec.ParseDeadLetter(l.headers, l.value)
		if err != nil || d.Coordinates() != l.key {
			t.Fatalf("dead letter %q: %v", l.key, err)
		}
		letters = append(letters, d)
	}
	return letters
}

// embedded keeps the interface's name from hiding its method Context.
type embedded = interface{ goka.Context }

// callContext is one call's goka.Context; what graphs do not use is not there.
type callContext struct {
	embedded
	world  *world
	logged logged
	table  map[string][]byte
	staged map[string][]byte // nil: deleted
	emits  []logged
	failed error
}

func (c *callContext) Topic() goka.Stream           { return goka.Stream(c.logged.topic) }
func (c *callContext) Key() string                  { return c.logged.key }
func (c *callContext) Partition() int32             { return c.logged.partition }
func (c *callContext) Offset() int64                { return c.logged.offset }
func (c *callContext) Headers() goka.Headers        { return c.logged.headers }
func (c *callContext) Timestamp() time.Time         { return time.Time{} }
func (c *callContext) Context() context.Context     { return context.Background() }
func (c *callContext) Fail(err error)               { c.failed = err }
func (c *callContext) Delete(...goka.ContextOption) { c.staged[c.logged.key] = nil }

func (c *callContext) Value() any {
	if b := c.table[c.logged.key]; b != nil {
		return slices.Clone(b)
	}
	return nil
}

func (c *callContext) SetValue(v any, _ ...goka.ContextOption) { c.staged[c.logged.key] = v.([]byte) }

func (c *callContext) Emit(topic goka.Stream, key string, v any, options ...goka.ContextOption) {
	l := logged{topic: string(topic), key: key, headers: emittedHeaders(options)}
	l.value, _ = v.([]byte)
	l.partition = topology.Partition([]byte(key), c.world.settings.Partitions)
	c.emits = append(c.emits, l)
}

// emittedHeaders reads what goka keeps to itself: the options' headers.
func emittedHeaders(options []goka.ContextOption) map[string][]byte {
	h := map[string][]byte{}
	for _, option := range options {
		v := reflect.New(reflect.TypeOf(option).In(0).Elem())
		reflect.ValueOf(option).Call([]reflect.Value{v})
		for it := v.Elem().FieldByName("emitHeaders").MapRange(); it.Next(); {
			h[it.Key().String()] = slices.Clone(it.Value().Bytes())
		}
	}
	return h
}
