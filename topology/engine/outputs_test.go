package engine_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology/engine"
)

// However much callbacks write at once, and while a transaction ends: no request
// holds more than the window, and the outputs of a key come in their order.
func TestOutputsWaitForRoom(t *testing.T) {
	t.Parallel()
	const (
		window = 4 << 20
		size   = 50 << 10
		burst  = 150 // of each message: 7.5 MB
		n      = 4
	)
	b := startBroker(t)
	var largest atomic.Int64
	b.Cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		bytes := int64(0)
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				bytes += int64(len(p.Records))
			}
		}
		for most := largest.Load(); bytes > most && !largest.CompareAndSwap(most, bytes); most = largest.Load() {
		}
		return nil, nil, false
	})
	cfg := jobConfig(b.Addr, t.TempDir(), "a")
	cfg.Compression, cfg.TransactionTimeout = "none", patience
	next := map[string]uint32{} // of one partition's goroutine
	r := start(t, cfg, goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, _ any) {
		for range burst {
			value := binary.BigEndian.AppendUint32(make([]byte, 0, size), next[ctx.Key()])
			next[ctx.Key()]++
			ctx.Emit(jobOut, ctx.Key(), value[:size])
		}
	}), goka.Output(jobOut, new(codec.Bytes))), engine.Hooks{})
	generate(t, b.Addr, 0, n, 1, 0)
	r.awaitEnd(t, b)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	records := b.Records(t, jobOut)
	if len(records) != n*burst {
		t.Errorf("%d outputs, want %d", len(records), n*burst)
	}
	last := int64(-1) // a transaction that a slow machine gives up leaves a gap: its messages come again
	for i, r := range records {
		got := int64(binary.BigEndian.Uint32(r.Value))
		if got <= last || got != last+1 && i%burst != 0 {
			t.Fatalf("output %d at %d, after %d", got, i, last)
		}
		last = got
	}
	if m := largest.Load(); m > window+2*size || m < window/8 {
		t.Errorf("a request of %d bytes", m)
	}
	t.Logf("largest request: %d bytes", largest.Load())
}
