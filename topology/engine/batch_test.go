package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/engine"
)

// Callbacks that panic, fail, or find a message that the codec refuses, in the
// middle of a batch and with commits all the time: nothing of theirs is
// committed, and nothing is lost behind them.
func TestTroubleInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	const n, keys, troubles = 20_000, 50, 6
	b, dir := startBroker(t), t.TempDir()
	generate(t, b.Addr, 0, n, keys, 0)
	var last, met atomic.Int64
	last.Store(time.Now().UnixNano())
	cfg := jobConfig(b.Addr, dir, "a")
	cfg.CommitInterval = 2 * time.Millisecond
	trouble := func(ctx goka.Context) {
		time.Sleep(200 * time.Microsecond) // so that there are commits between two troubles
		was, now := last.Load(), time.Now().UnixNano()
		if now-was < int64(200*time.Millisecond) || met.Load() == troubles || !last.CompareAndSwap(was, now) {
			return
		}
		// What was written before the trouble must not stay.
		ctx.SetValue(&jobState{Bad: 1})
		ctx.Emit(jobOut, ctx.Key(), []byte("-1"))
		if met.Add(1)%2 == 0 {
			panic("a bug in a callback")
		}
		ctx.Fail(errors.New("a callback fails"))
	}
	r := start(t, cfg, jobGraph(trouble), engine.Hooks{})
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	if met.Load() < troubles {
		t.Errorf("%d troubles, want %d", met.Load(), troubles)
	}
	conclude(t, b, dir, n, keys, r)
}

// refusing is a codec that fails for one value, for a while.
type refusing struct {
	*codec.Bytes
	armed *atomic.Bool
}

func (r refusing) Decode(b []byte) (any, error) {
	if string(b) == "refused" && r.armed.Load() {
		return nil, errors.New("the codec refuses")
	}
	return b, nil
}

// What goka's contexts offer and refuse, ours do.
func TestContext(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	at := time.UnixMilli(1_700_000_000_000)
	produce := func(value string) {
		cl := b.Client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: jobIn, Key: []byte("k"), Value: []byte(value), Timestamp: at,
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var seen, armed atomic.Bool
	graph := goka.DefineGroup(jobGroup,
		engine.Input(jobIn, refusing{new(codec.Bytes), &armed}, func(ctx goka.Context, m any) {
			if ctx.Key() != "k" || string(ctx.Headers()["h"]) != "1" || !ctx.Timestamp().Equal(at) || ctx.Topic() != jobIn || ctx.Group() != jobGroup || ctx.Context() == nil {
				t.Errorf("key %q, headers %v, timestamp %v, topic %s, group %s", ctx.Key(), ctx.Headers(), ctx.Timestamp(), ctx.Topic(), ctx.Group())
			}
			value := string(m.([]byte))
			if value != "write" && value != "read" && !armed.Load() {
				return
			}
			switch value {
			case "write":
				ctx.SetValue([]byte("v"))
				ctx.Emit(jobOut, "other", []byte("o"))
				engine.Emit(ctx, jobOut, "k", nil, engine.Headers(map[string][]byte{"two": []byte("2"), "one": []byte("1")})...)
			case "read":
				v, _ := ctx.Value().([]byte)
				if string(v) != "v" {
					t.Errorf("the table has %q", v)
				}
				ctx.Delete()
				if ctx.Value() != nil {
					t.Error("a deleted value is there")
				}
				seen.Store(true)
			case "no output":
				ctx.Emit("elsewhere", "k", nil)
			case "the table's":
				ctx.Emit(jobTable, "k", nil)
			case "no value":
				ctx.SetValue(nil)
			case "no loop":
				ctx.Loopback("k", nil)
			case "no options":
				ctx.Emit(jobOut, "k", nil, goka.WithCtxEmitHeaders(goka.Headers{"h": nil}))
			case "no join":
				ctx.Join("x")
			}
		}),
		goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes)))
	r := start(t, jobConfig(b.Addr, t.TempDir(), "a"), graph, engine.Hooks{})
	produce("write")
	produce("read")
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	if !seen.Load() {
		t.Error("not delivered")
	}
	texts := map[string]int{}
	for _, topic := range []string{jobOut, jobTable} {
		for _, rec := range b.Records(t, topic) {
			text := fmt.Sprintf("%s %s=%q", topic, rec.Key, rec.Value)
			for _, h := range rec.Headers {
				text += " " + h.Key + string(h.Value)
			}
			texts[text]++
		}
	}
	for _, want := range []string{`job-table k="v"`, `job-out other="o"`, `job-out k="" one1 two2`, `job-table k=""`} {
		if texts[want] != 1 {
			t.Errorf("%q is not among %v", want, texts)
		}
	}
	for value, says := range map[string]string{"no output": "no output of the graph", "the table's": "use SetValue", "no value": "use Delete",
		"no loop": "no loop topic", "no join": "does not join", "no options": "use engine.Emit", "refused": "decoding the message"} {
		armed.Store(true)
		produce(value)
		eventually(t, 30*time.Second, func() bool { err := r.Status().LastError; return err != nil && strings.Contains(err.Error(), says) },
			func() string { return fmt.Sprintf("%s: %v", value, r.Status().LastError) })
		armed.Store(false)
		awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	}
}
