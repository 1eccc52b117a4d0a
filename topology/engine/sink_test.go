package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

const sinkGroup = "sink"

func sinkConfig(addr, instance string, more ...kgo.Opt) engine.Config {
	cfg := jobConfig(addr, "/nowhere", instance, more...)
	cfg.Group, cfg.Dir, cfg.Transactional = sinkGroup, "", false
	cfg.DrainTimeout = time.Second
	return cfg
}

func sinkGraph(cb func(ctx goka.Context)) *goka.GroupGraph {
	return goka.DefineGroup(sinkGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, _ any) { cb(ctx) }),
		goka.Output(jobOut, new(codec.Bytes)))
}

// downstream stands for Couchbase: it takes work from callbacks and finishes
// it in any order, fails, or is away. It knows what is done.
type downstream struct {
	t     *testing.T
	fail  atomic.Bool
	away  atomic.Bool
	wg    sync.WaitGroup
	slots chan struct{}

	mu    sync.Mutex
	done  map[int32]map[int64]bool
	tries int
	most  int // under way at once
	now   int
}

func newDownstream(t *testing.T) *downstream {
	return &downstream{t: t, done: map[int32]map[int64]bool{}, slots: make(chan struct{}, 1024)}
}

func (d *downstream) callback(ctx goka.Context) {
	delivery, done := engine.DeliveryOf(ctx), ctx.DeferCommit()
	if ctx.Offset()%7 == 0 {
		ctx.Emit(jobOut, ctx.Key(), []byte("dead letter"))
	}
	d.mu.Lock()
	d.now++
	d.most = max(d.most, d.now)
	d.mu.Unlock()
	d.wg.Go(func() {
		defer func() { d.mu.Lock(); d.now--; d.mu.Unlock() }()
		for d.away.Load() {
			select {
			case <-delivery.Session().Done():
				done(delivery.Session().Err())
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
		if d.fail.Swap(false) {
			done(errors.New("the downstream fails one"))
			return
		}
		if !delivery.Live() {
			done(errors.New("lapsed"))
			return
		}
		d.mu.Lock()
		if d.done[delivery.Partition()] == nil {
			d.done[delivery.Partition()] = map[int64]bool{}
		}
		d.done[delivery.Partition()][delivery.Offset()] = true
		d.tries++
		d.mu.Unlock()
		done(nil)
	})
}

// check: no offset is committed past work that is not done.
func (d *downstream) check(adm *kadm.Client) (committed int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	at, err := adm.FetchOffsets(ctx, sinkGroup)
	if err != nil {
		d.t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at.Each(func(o kadm.OffsetResponse) {
		committed += o.At
		for offset := range o.At {
			if !d.done[o.Partition][offset] {
				d.t.Errorf("partition %d is committed at %d, but %d is not done", o.Partition, o.At, offset)
				return
			}
		}
	})
	return committed
}

func startSinkBroker(t *testing.T) (*kafkatest.Broker, *kadm.Client) {
	b := kafkatest.Start(t, kafkatest.WithTopics(jobParts, jobIn, jobOut))
	firstOffsets(t, b.Addr, sinkGroup, jobIn)
	return b, kadm.NewClient(b.Client(t))
}

func TestSinkCommitsOnlyBehindDoneWork(t *testing.T) {
	t.Parallel()
	b, adm := startSinkBroker(t)
	d := newDownstream(t)
	const n = 8000
	generate(t, b.Addr, 0, n, 100, 0)
	nets := []*network{newNetwork(), newNetwork()}
	config := func(i int) engine.Config {
		cfg := sinkConfig(b.Addr, []string{"a", "b"}[i], nets[i].option())
		cfg.MaxInFlight = 60
		return cfg
	}
	a := start(t, config(0), sinkGraph(d.callback), engine.Hooks{})
	bb := start(t, config(1), sinkGraph(d.callback), engine.Hooks{})
	checks := 0
	eventually(t, 90*time.Second, func() bool {
		committed := d.check(adm)
		switch checks++; {
		case checks%16 == 3 && checks < 80:
			d.fail.Store(true)
		case checks%16 == 9 && checks < 80:
			nets[rand.IntN(2)].cut()
		case checks == 80:
			_ = bb.stop()
		case checks == 120:
			bb = start(t, config(1), sinkGraph(d.callback), engine.Hooks{})
		}
		return committed == n || t.Failed()
	}, func() string { return fmt.Sprintf("%d of %d are committed", d.check(adm), n) })
	for _, r := range []*running{a, bb} {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	d.wg.Wait()
	d.check(adm)
	t.Logf("%d tries for %d messages, %d checks", d.tries, n, checks)
}

// The downstream is away for longer than the session timeout: the members
// stay, what is under way is bounded, a rebalance is quick, and it goes on.
func TestSinkWithTheDownstreamAway(t *testing.T) {
	t.Parallel()
	b, adm := startSinkBroker(t)
	d := newDownstream(t)
	d.away.Store(true)
	const n = 6000
	generate(t, b.Addr, 0, n, 100, 0)
	config := func(name string) engine.Config {
		cfg := sinkConfig(b.Addr, name)
		cfg.MaxInFlight, cfg.QueueBytes = 200, 1<<18
		return cfg
	}
	var revoked, again atomic.Int32
	a := start(t, config("a"), sinkGraph(d.callback), engine.Hooks{Revoked: func(int32) { revoked.Add(1) }})
	eventually(t, 10*time.Second, func() bool { return a.Status().State == engine.Running }, func() string { return "not running" })
	time.Sleep(8 * time.Second)
	if err := a.Status().LastError; err != nil {
		t.Errorf("the membership did not survive: %v", err)
	}
	begin := time.Now()
	bb := start(t, config("b"), sinkGraph(d.callback), engine.Hooks{Revoked: func(int32) { again.Add(1) }})
	eventually(t, 10*time.Second, func() bool {
		return a.Status().State == engine.Running && bb.Status().State == engine.Running && len(a.Status().Partitions) == 2
	}, func() string { return fmt.Sprintf("no rebalance: %+v, %+v", a.Status(), bb.Status()) })
	if took := time.Since(begin); took > 30*time.Second { // heartbeat 1 s, drain 1 s; goka alone would stall for 60 s
		t.Errorf("the rebalance took %v", took)
	}
	if revoked.Load() != jobParts {
		t.Errorf("%d partitions were revoked, want %d", revoked.Load(), jobParts)
	}
	if committed := d.check(adm); committed != 0 {
		t.Errorf("%d messages are committed", committed)
	}
	d.away.Store(false)
	eventually(t, 60*time.Second, func() bool { return d.check(adm) == n }, func() string { return fmt.Sprintf("%d of %d are committed", d.check(adm), n) })
	for _, r := range []*running{a, bb} {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	d.wg.Wait()
	if d.most > 2*200+2 { // two instances
		t.Errorf("%d messages were under way at once", d.most)
	}
}

// A callback asks for its record to be fetched anew; a session whose
// heartbeats are not answered is not live, and ends.
func TestSinkRefetchesAndLapses(t *testing.T) {
	t.Parallel()
	b, _ := startSinkBroker(t)
	var stalled atomic.Bool
	answer := make(chan struct{})
	t.Cleanup(func() { close(answer) })
	b.Cluster.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		if stalled.Load() {
			b.Cluster.SleepControl(func() { <-answer })
		}
		return nil, nil, false
	})
	var calls atomic.Int32
	deliveries := make(chan engine.Delivery, 100)
	cfg := sinkConfig(b.Addr, "a")
	r := start(t, cfg, sinkGraph(func(ctx goka.Context) {
		if calls.Add(1) == 1 {
			ctx.Fail(fmt.Errorf("too old: %w", engine.ErrRefetch))
		}
		deliveries <- engine.DeliveryOf(ctx)
	}), engine.Hooks{})
	begin := time.Now()
	generate(t, b.Addr, 0, 1, 1, 0)
	d := receive(t, deliveries, "nothing is delivered")
	if age := d.Age(); age > time.Since(begin)+3*time.Second || age < 0 || d.FetchedAt().After(time.Now()) {
		t.Errorf("age %v, fetched at %v, begun at %v", age, d.FetchedAt(), begin)
	}
	if !d.Live() || d.Session().Err() != nil || d.Topic() != jobIn {
		t.Errorf("not live, or strange: %+v", d)
	}
	stalled.Store(true)
	eventually(t, 10*time.Second, func() bool { return !d.Live() }, func() string { return "live without heartbeats" })
	eventually(t, 10*time.Second, func() bool { return d.Session().Err() != nil }, func() string { return "the session does not end" })
	stalled.Store(false)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// A queue that is drained between the fetch that fills it and the pause that this
// brings about is not left paused.
func TestAFastSinkIsNotLeftPaused(t *testing.T) {
	t.Parallel()
	b, _ := startSinkBroker(t)
	g := start(t, sinkConfig(b.Addr, "a"), sinkGraph(func(ctx goka.Context) { ctx.DeferCommit()(nil) }), engine.Hooks{})
	eventually(t, 30*time.Second, func() bool { return g.Status().State == engine.Running }, func() string { return "not running" })
	cl := b.Client(t, kgo.DefaultProduceTopic(jobIn), kgo.MaxBufferedRecords(1<<20), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	value := make([]byte, 300)
	var failed kgo.FirstErrPromise
	for i := range 300_000 {
		cl.Produce(t.Context(), &kgo.Record{Key: []byte("customer-" + strconv.Itoa(i%10_000) + "@example.com"), Value: value}, failed.Promise())
	}
	if err := failed.Err(); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, b.Addr, sinkGroup, 15*time.Second, jobIn)
}
