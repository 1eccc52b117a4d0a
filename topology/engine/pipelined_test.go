package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology/engine"
)

// Callbacks go on while a transaction ends. What they write waits for the next
// one, and is thrown away with the rest where the transaction is refused.
func TestCallbacksGoOnDuringACommit(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"it commits": false, "it is refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n, keys = 400, 20
			b, dir := startBroker(t), t.TempDir()
			var armed atomic.Bool
			asked, answer := make(chan struct{}), make(chan struct{})
			b.Cluster.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				b.Cluster.KeepControl()
				if !armed.CompareAndSwap(true, false) {
					return nil, nil, false
				}
				close(asked)
				b.Cluster.SleepControl(func() { <-answer })
				if !refuse {
					return nil, nil, false
				}
				resp := r.ResponseKind().(*kmsg.EndTxnResponse)
				resp.ErrorCode = kerr.InvalidProducerEpoch.Code
				return resp, nil, true
			})
			written := func() (end int64) {
				ends, err := kadm.NewClient(b.Client(t)).ListEndOffsets(t.Context(), jobOut, jobTable)
				if err != nil {
					t.Fatal(err)
				}
				ends.Each(func(o kadm.ListedOffset) { end += o.Offset })
				return end
			}
			var called atomic.Int64
			r := start(t, jobConfig(b.Addr, dir, "a"), jobGraph(func(goka.Context) { called.Add(1) }), engine.Hooks{})
			armed.Store(true)
			generate(t, b.Addr, 0, n/2, keys, 0)
			select {
			case <-asked:
			case <-time.After(60 * time.Second):
				t.Fatal("no transaction ends")
			}
			before := written()
			generate(t, b.Addr, n/2, n/2, keys, 0)
			eventually(t, 60*time.Second, func() bool { return called.Load() == n }, func() string { return fmt.Sprintf("%d calls of %d", called.Load(), n) })
			time.Sleep(100 * time.Millisecond) // an output that is not held has time to come
			if after := written(); after != before {
				t.Errorf("%d records were written while the transaction ended", after-before)
			}
			close(answer)
			awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
			conclude(t, b, dir, n, keys, r)
			if rebuilt := r.Status().LastError != nil; rebuilt != refuse {
				t.Errorf("the last error is %v", r.Status().LastError)
			}
		})
	}
}
