package processors

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/topology"
	"customer360/topology/engine"
)

// benchContext is a goka.Context that takes what a callback gives it and keeps
// nothing: what is measured is the callback alone.
type benchContext struct {
	embedded
	topic         goka.Stream
	key           string
	offset        int64
	value         any // of the table
	stores, emits int
	failed        error
}

func (c *benchContext) Topic() goka.Stream                  { return c.topic }
func (c *benchContext) Key() string                         { return c.key }
func (c *benchContext) Partition() int32                    { return 0 }
func (c *benchContext) Offset() int64                       { return c.offset }
func (c *benchContext) Headers() goka.Headers               { return nil }
func (c *benchContext) Timestamp() time.Time                { return time.Time{} }
func (c *benchContext) Context() context.Context            { return context.Background() }
func (c *benchContext) Value() any                          { return c.value }
func (c *benchContext) Fail(err error)                      { c.failed = err }
func (c *benchContext) SetValue(any, ...goka.ContextOption) { c.stores++ }
func (c *benchContext) Delete(...goka.ContextOption)        { c.stores++ }
func (c *benchContext) Emit(goka.Stream, string, any, ...goka.ContextOption) {
	c.emits++
}

// benchRegisters is a state of n registers: homes at first, then one of each
// other source, then more homes.
func benchRegisters(b *testing.B, n int) []byte {
	b.Helper()
	all := groves()
	records := all[:min(n, 3)]
	for i := 3; i < n; i++ {
		r := all[0]
		r.Identity = fmt.Appendf(nil, `{"id":%d}`, 2000+i)
		records = append(records, r)
	}
	state, document := mergeAll(b, records...)
	if document == "" {
		b.Fatal("no document")
	}
	return state
}

// BenchmarkMergeProcess is merge's whole callback on one record, by the registers
// under its key and what the record does.
func BenchmarkMergeProcess(b *testing.B) {
	home := groves()[0]
	changed := home
	changed.Fields = fieldsOf("id", "1029", "name", "Matthew Groves", "address1", "601 Sporer Curve", "address2", "Suite 528",
		"city", "West Evertchester", "state", "NH", "zipcode", "04006", "phone", "811.128.4320 x4808", "email", home.Key, "pass", "5owhiy1j.isq")
	changed.Version = 5000
	same := home
	same.Version = 5000
	old := home
	removal := withdraw(home.Key, codec.HomeDelivery, string(home.Identity), 5000)
	for _, registers := range []int{1, 3, 10} {
		for _, c := range []struct {
			name          string
			record        *codec.Record
			stores, emits int
		}{
			{"accepted", &changed, 1, 1}, {"unchanged", &same, 1, 0}, {"refused", &old, 0, 0}, {"withdrawn", &removal, 1, 1},
		} {
			asJSON, err := c.record.AppendJSON(nil)
			if err != nil {
				b.Fatal(err)
			}
			for _, form := range []struct {
				name   string
				value  []byte
				decode func(string, []byte) (codec.Record, error)
			}{{"binary", c.record.AppendValue(nil), nil}, {"json", asJSON, codec.DecodeJSONRecord}} {
				b.Run(fmt.Sprintf("registers=%d/%s/%s", registers, c.name, form.name), func(b *testing.B) {
					m := newMerger(MergeConfig{Settings: topology.DefaultSettings(), Precedence: DefaultPrecedence(), Decode: form.decode}, NewMetrics(nil))
					m.emit = func(ctx goka.Context, _ goka.Stream, _ string, _ []byte, _ ...engine.Header) {
						ctx.(*benchContext).emits++
					}
					ctx := &benchContext{topic: "customer360.records.g1", key: c.record.Key, offset: 123456, value: benchRegisters(b, registers)}
					var message any = form.value
					b.ReportAllocs()
					n := 0
					for b.Loop() {
						m.process(ctx, message)
						n++
					}
					if ctx.failed != nil || ctx.stores != n*c.stores || ctx.emits != n*c.emits {
						b.Fatalf("%v, %d records: %d stores, %d emits", ctx.failed, n, ctx.stores, ctx.emits)
					}
				})
			}
		}
	}
}

// BenchmarkRekeyProcess is rekey's whole callback on one raw record of each
// source, by what the record does.
func BenchmarkRekeyProcess(b *testing.B) {
	for _, c := range []struct {
		name, before, line string
		emits              int
	}{
		{"home_delivery/first", "", "hd id=1029 op=c email=matthew.groves@couchbase.com name=Matthew pass=x city=Columbus pos=3/100", 1},
		{"home_delivery/changed", "hd id=1029 op=c email=matthew.groves@couchbase.com name=Matt pass=x city=Columbus pos=3/100",
			"hd id=1029 op=u email=matthew.groves@couchbase.com name=Matthew pass=x city=Columbus pos=3/200", 1},
		{"home_delivery/unchanged", "hd id=1029 op=c email=matthew.groves@couchbase.com name=Matthew pass=x city=Columbus pos=3/100",
			"hd id=1029 op=u email=matthew.groves@couchbase.com name=Matthew pass=x city=Columbus pos=3/200", 0},
		{"home_delivery/moved", "hd id=1029 op=c email=m@couchbase.com name=Matthew pass=x city=Columbus pos=3/100",
			"hd id=1029 op=u email=matthew.groves@couchbase.com name=Matthew pass=x city=Columbus pos=3/200", 2},
		{"loyalty/changed", "loyalty id=27 email=matthew.groves@couchbase.com first=Matthew last=Groves points=46 pass=x file=1a row=1",
			"loyalty id=27 email=matthew.groves@couchbase.com first=Matthew last=Groves points=47 pass=x file=2a row=1", 1},
		{"online_store/changed", `store matthew.groves@couchbase.com id=1 name="Matthew Groves" pass=x orders=1:1207.6,2:439.48`,
			`store matthew.groves@couchbase.com id=1 name="Matthew Groves" pass=x orders=1:1207.6,2:439.48,3:1.0`, 2},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(1, 0, Guard{Form: debezium.KeyForm}, realSources(b)...)
			if c.before != "" {
				w.play(script(b, c.before), func() {})
			}
			r, err := parseRaw(c.line)
			if err != nil {
				b.Fatal(err)
			}
			k := w.rekeyers[r.topic]
			k.emit = func(ctx goka.Context, _ goka.Stream, _ string, _ []byte, _ ...engine.Header) {
				ctx.(*headedContext).emits++
			}
			ctx := &benchContext{topic: goka.Stream(r.topic), key: r.key, offset: 123456}
			if table := w.tables[w.settings.RekeyGroup(k.source.Name)][r.key]; table != nil {
				ctx.value = table
			}
			headers := goka.Headers(r.headers)
			bench := &headedContext{ctx, headers}
			var message any = r.value
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				k.process(bench, message)
				n++
			}
			if ctx.failed != nil || ctx.emits != n*c.emits {
				b.Fatalf("%v, %d records: %d emits", ctx.failed, n, ctx.emits)
			}
		})
	}
}

// headedContext is a benchContext of a record with headers.
type headedContext struct {
	*benchContext
	headers goka.Headers
}

func (c *headedContext) Headers() goka.Headers { return c.headers }
