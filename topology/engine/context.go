package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A delivery is the context of its callback: what goka's own does, with the
// record, the store and the producer at hand.
var _ goka.Context = (*delivery)(nil)

var errStateless = errors.New("the group has no table: its graph has no Persist")

func (d *delivery) Topic() goka.Stream       { return goka.Stream(d.claim.topic) }
func (d *delivery) Partition() int32         { return d.claim.partition }
func (d *delivery) Offset() int64            { return d.offset }
func (d *delivery) Group() goka.Group        { return d.claim.session.inc.group.graph.Group() }
func (d *delivery) Key() string              { return d.key }
func (d *delivery) Timestamp() time.Time     { return d.record.Timestamp }
func (d *delivery) Context() context.Context { return d.claim.goka.Context() }

func (d *delivery) Headers() goka.Headers {
	headers := make(goka.Headers, len(d.record.Headers))
	for _, h := range d.record.Headers {
		headers[h.Key] = h.Value
	}
	return headers
}

func (d *delivery) Value() any {
	if d.claim.store == nil {
		d.Fail(errStateless)
	}
	data, err := d.claim.store.Get(d.key)
	if err != nil {
		d.Fail(err)
	}
	if data == nil {
		return nil
	}
	value, err := d.claim.session.inc.group.edges.tableCodec.Decode(data)
	if err != nil {
		d.Fail(fmt.Errorf("decoding the table's value: %w", err))
	}
	return value
}

func (d *delivery) SetValue(value any, options ...goka.ContextOption) {
	d.mayWrite(options)
	if value == nil {
		d.Fail(errors.New("nil is no value of a table: use Delete"))
	}
	data, err := d.claim.session.inc.group.edges.tableCodec.Encode(value)
	if err != nil {
		d.Fail(fmt.Errorf("encoding the table's value: %w", err))
	}
	if err := d.claim.store.Set(d.key, data); err != nil {
		d.Fail(err)
	}
	d.logChange(data)
}

func (d *delivery) Delete(options ...goka.ContextOption) {
	d.mayWrite(options)
	if err := d.claim.store.Delete(d.key); err != nil {
		d.Fail(err)
	}
	d.logChange(nil)
}

// logChange writes the changelog.
func (d *delivery) logChange(data []byte) {
	r := d.claim.newRecord()
	r.Topic, r.Key, r.Value = d.claim.session.inc.group.edges.table, d.keyBytes(d.key), data
	d.produce(r, d.claim.logged)
}

func (d *delivery) mayWrite(options []goka.ContextOption) {
	d.refuse(options)
	if d.claim.store == nil {
		d.Fail(errStateless)
	}
	if d.misplaced {
		d.Fail(fatalf("the callback writes the table for a record whose key hashes to another partition: produced with another partitioner"))
	}
}

func (d *delivery) Emit(topic goka.Stream, key string, value any, options ...goka.ContextOption) {
	var data []byte
	codec := d.output(topic)
	d.refuse(options)
	if value != nil {
		var err error
		if data, err = codec.Encode(value); err != nil {
			d.Fail(fmt.Errorf("encoding a message for %s: %w", topic, err))
		}
	}
	d.emit(string(topic), key, data, nil)
}

// output is the codec of a topic that the graph may write to.
func (d *delivery) output(topic goka.Stream) goka.Codec {
	edges := &d.claim.session.inc.group.edges
	codec, ok := edges.outputs[topic]
	switch {
	case ok && codec != nil:
		return codec
	case topic == "":
		d.Fail(errors.New("emitting to a topic without a name"))
	case string(topic) == edges.loop:
		d.Fail(fmt.Errorf("emitting to the loop topic %s: use Loopback", topic))
	case string(topic) == edges.table:
		d.Fail(fmt.Errorf("emitting to the table's topic %s: use SetValue", topic))
	}
	d.Fail(fmt.Errorf("emitting to %s, which is no output of the graph with a codec", topic))
	return nil
}

func (d *delivery) Loopback(key string, value any, options ...goka.ContextOption) {
	edges := &d.claim.session.inc.group.edges
	if edges.loop == "" {
		d.Fail(errors.New("the graph has no loop topic"))
	}
	d.refuse(options)
	data, err := edges.loopCodec.Encode(value)
	if err != nil {
		d.Fail(fmt.Errorf("encoding a message for %s: %w", edges.loop, err))
	}
	d.emit(edges.loop, key, data, nil)
}

func (d *delivery) Join(table goka.Table) any {
	d.Fail(fmt.Errorf("the graph does not join %s", table))
	return nil
}

func (d *delivery) Lookup(table goka.Table, _ string) any {
	d.Fail(fmt.Errorf("the graph does not look up %s", table))
	return nil
}

// Fail ends the incarnation, and never returns.
func (d *delivery) Fail(err error) {
	d.failed(err)
	panic(err)
}

// refuse: what goka's options hold is goka's own to read.
func (d *delivery) refuse(options []goka.ContextOption) {
	if len(options) > 0 {
		d.Fail(errors.New("goka's options of a context are not supported: for headers, use engine.Emit"))
	}
}

// Header is a header of a record.
type Header = kgo.RecordHeader

// Headers are those of a map, in the order of their names.
func Headers(of map[string][]byte) []Header {
	all := make([]Header, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, Header{Key: name, Value: of[name]})
	}
	return all
}

// Emit is ctx.Emit for a value that is bytes as they go to Kafka (nil: a
// tombstone) and for headers without the maps and functions of goka's options.
// Neither value nor headers may be changed afterwards.
func Emit(ctx goka.Context, topic goka.Stream, key string, value []byte, headers ...Header) {
	if d, ok := ctx.(*delivery); ok {
		_ = d.output(topic)
		d.emit(string(topic), key, value, headers)
		return
	}
	var v any // nil: a tombstone
	if value != nil {
		v = value
	}
	all := make(goka.Headers, len(headers))
	for _, h := range headers {
		all[h.Key] = h.Value
	}
	ctx.Emit(topic, key, v, goka.WithCtxEmitHeaders(all))
}
