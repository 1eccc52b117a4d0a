package engine_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// Two inputs of a partition write one key in turn, while a transaction ends: their
// outputs, and the table's, come in the order of the callbacks.
func TestInputsOfAPartitionKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const other, n = "job-in-2", 40
	b := startBroker(t, kafkatest.WithTopics(jobParts, other))
	firstOffsets(t, b.Addr, jobGroup, other)
	var armed atomic.Bool
	asked, answer := make(chan struct{}), make(chan struct{})
	b.Cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		if armed.CompareAndSwap(true, false) {
			close(asked)
			b.Cluster.SleepControl(func() { <-answer })
		}
		return nil, nil, false
	})
	var called atomic.Int64
	each := func(ctx goka.Context, _ any) {
		next := strconv.AppendInt(nil, called.Load(), 10)
		ctx.SetValue(next)
		ctx.Emit(jobOut, ctx.Key(), next)
		called.Add(1)
	}
	start(t, jobConfig(b.Addr, t.TempDir(), "a"), goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), each),
		engine.Input(other, new(codec.Bytes), each), goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))), engine.Hooks{})
	cl := b.Client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	send := func(i int) {
		topic := []string{jobIn, other}[i%2]
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 60*time.Second, func() bool { return called.Load() > int64(i) }, func() string { return fmt.Sprintf("%d calls of %d", called.Load(), i+1) })
	}
	armed.Store(true)
	send(0)
	receive(t, asked, "no transaction ends")
	for i := 1; i < n; i++ {
		send(i)
	}
	close(answer)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn, other)
	for _, topic := range []string{jobOut, jobTable} {
		var got []string
		for _, r := range b.Records(t, topic) {
			got = append(got, string(r.Value))
		}
		if len(got) != n {
			t.Errorf("%s has %d records, want %d", topic, len(got), n)
		}
		first := -1 // not 0 where a machine is so slow that the held transaction is given up, and all comes again
		for i, value := range got {
			v, err := strconv.Atoi(value)
			if first < 0 {
				first = v
			}
			if v != first+i || err != nil {
				t.Errorf("%s has %s at %d: %v", topic, value, i, got)
				break
			}
		}
	}
}
