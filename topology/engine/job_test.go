package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/engine"
)

// The job of these tests: the callback adds the record's number to the key's
// state and emits the running count. Neither is idempotent, and numbers come
// in order: a repeat, a loss or a swap shows.
const (
	jobGroup = "job"
	jobIn    = "job-in"
	jobOut   = "job-out"
	jobTable = "job-table"
	jobParts = 4
)

type jobState struct{ Count, Sum, Last, Bad int64 }

type jobCodec struct{}

func (jobCodec) Encode(v any) ([]byte, error) { return json.Marshal(v) }
func (jobCodec) Decode(b []byte) (any, error) {
	s := new(jobState)
	return s, json.Unmarshal(b, s)
}

func jobGraph(each func(goka.Context)) *goka.GroupGraph {
	return goka.DefineGroup(jobGroup,
		engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, msg any) {
			if each != nil {
				each(ctx)
			}
			seq, err := strconv.ParseInt(string(msg.([]byte)), 10, 64)
			if err != nil {
				ctx.Fail(err)
			}
			st, _ := ctx.Value().(*jobState)
			if st == nil {
				st = new(jobState)
			}
			if seq != st.Last+1 {
				st.Bad++
			}
			st.Count, st.Sum, st.Last = st.Count+1, st.Sum+seq, seq
			ctx.SetValue(st)
			ctx.Emit(jobOut, ctx.Key(), []byte(strconv.FormatInt(st.Count, 10)))
		}),
		goka.Output(jobOut, new(codec.Bytes)),
		goka.Persist(jobCodec{}))
}

func testLog() *slog.Logger {
	level := slog.LevelError + 1
	if v := os.Getenv("ENGINE_LOG"); v != "" {
		_ = level.UnmarshalText([]byte(v))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func jobConfig(addr, dir, instance string, more ...kgo.Opt) engine.Config {
	cfg := engine.DefaultConfig()
	cfg.Client = append([]kgo.Opt{kgo.SeedBrokers(addr)}, more...)
	cfg.Group, cfg.Instance, cfg.Dir = jobGroup, instance, filepath.Join(dir, instance)
	cfg.Transactional, cfg.NewHash = true, topology.NewHasher
	cfg.CommitInterval, cfg.SessionTimeout = 50*time.Millisecond, 6*time.Second
	cfg.CacheBytes, cfg.FlushInterval = 64<<10, time.Second
	return cfg
}

// startBroker has the topics and first offsets of the job.
func startBroker(t *testing.T, opts ...kafkatest.Option) *kafkatest.Broker {
	t.Helper()
	b := kafkatest.Start(t, append([]kafkatest.Option{
		kafkatest.WithTopics(jobParts, jobIn, jobOut),
		kafkatest.WithTopic(jobTable, jobParts, map[string]string{"cleanup.policy": "compact"})}, opts...)...)
	firstOffsets(t, b.Addr, jobGroup, jobIn)
	return b
}

func firstOffsets(t *testing.T, addr, group string, topics ...string) {
	t.Helper()
	client := []kgo.Opt{kgo.SeedBrokers(addr)}
	first, err := engine.StartOffsets(context.Background(), client, topics...)
	if err == nil {
		err = engine.CommitFirstOffsets(context.Background(), client, group, first)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// running is a group that runs in this process.
type running struct {
	*engine.Group
	stop func() error
}

func start(t *testing.T, cfg engine.Config, graph *goka.GroupGraph, hooks engine.Hooks) *running {
	t.Helper()
	g, err := engine.New(cfg, graph, engine.Deps{Log: testLog(), Registry: prometheus.NewRegistry()}, hooks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	r := &running{Group: g, stop: stopper(cancel, done)}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// patience is for what does not depend on how fast a machine is.
const patience = 4 * time.Minute

// stopper cancels once, and waits for Run's end.
func stopper(cancel func(), done <-chan error) func() error {
	return sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) // where everybody is
			return errors.New("Run does not end")
		}
	})
}

// receive waits for one value.
func receive[T any](t *testing.T, from <-chan T, what string) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(patience):
		t.Fatalf("after %v: %s", patience, what)
	}
	return value
}

func startJob(t *testing.T, b *kafkatest.Broker, dir, instance string) *running {
	t.Helper()
	return start(t, jobConfig(b.Addr, dir, instance), jobGraph(nil), engine.Hooks{})
}

// generate writes n records over keys, at a rate a second (0: at once).
func generate(t *testing.T, addr string, from, n, keys, rate int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerLinger(2*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(n)*time.Second/time.Duration(max(rate, 1000)))
	defer cancel()
	begin := time.Now()
	for i := from; i < from+n; i++ {
		if rate > 0 {
			if d := time.Until(begin.Add(time.Duration(i-from) * time.Second / time.Duration(rate))); d > time.Millisecond {
				time.Sleep(d)
			}
		}
		cl.Produce(ctx, &kgo.Record{Topic: jobIn, Key: []byte("key-" + strconv.Itoa(i%keys)), Value: []byte(strconv.Itoa(i/keys + 1))}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("generating: %v", err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Errorf("generating: %v", err) // perhaps not of the test's own goroutine
	}
}

// awaitEnd waits until the group has committed the ends of its inputs.
func awaitEnd(t *testing.T, addr, group string, limit time.Duration, topics ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var lag int64
	eventually(t, limit, func() bool {
		lag, err = groupLag(kadm.NewClient(cl), group, topics...)
		return err == nil && lag == 0
	}, func() string { return fmt.Sprintf("lag of %s is %d: %v", group, lag, err) })
}

// awaitStable waits until no transaction is open. What a zombie has opened when it
// woke up and did not end before it was stopped hides what others wrote after it,
// until the coordinator aborts it.
func awaitStable(t *testing.T, addr string, topics ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	first := true
	hidden := func() (differ string) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		ends, err := adm.ListEndOffsets(ctx, topics...)
		stable, err2 := adm.ListCommittedOffsets(ctx, topics...)
		if err := errors.Join(err, err2, ends.Error(), stable.Error()); err != nil {
			return err.Error()
		}
		ends.Each(func(end kadm.ListedOffset) {
			if s, _ := stable.Lookup(end.Topic, end.Partition); s.Offset != end.Offset {
				differ += fmt.Sprintf("%s/%d is stable to %d of %d; ", end.Topic, end.Partition, s.Offset, end.Offset)
			}
		})
		if differ != "" && first {
			first = false
			open, err := adm.ListTransactions(ctx, nil, []string{"Ongoing"})
			t.Logf("open when all had stopped: %+v %v", open, err)
		}
		return differ
	}
	var differ string
	eventually(t, 30*time.Second, func() bool { differ = hidden(); return differ == "" }, func() string { return differ })
}

func groupLag(adm *kadm.Client, group string, topics ...string) (lag int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return 0, err
	}
	at, err := adm.FetchOffsets(ctx, group)
	ends.Each(func(o kadm.ListedOffset) {
		c, _ := at.Lookup(o.Topic, o.Partition)
		lag += o.Offset - c.At
	})
	return lag, err
}

// The limit is what it takes on an idle machine, generously; a busy one gets
// four times as long.
func eventually(t *testing.T, limit time.Duration, ok func() bool, what func() string) {
	t.Helper()
	limit *= 4
	for end := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			if f := os.Getenv("ENGINE_DUMP"); f != "" { // where everybody is
				if w, err := os.Create(f); err == nil {
					_ = pprof.Lookup("goroutine").WriteTo(w, 1)
					_ = w.Close()
				}
			}
			t.Fatalf("after %v: %s", limit, what())
		}
	}
}

// verify reads committed data only: every state is the exact fold in order,
// outputs per key are 1..n, and each local folder equals the changelog at its
// own offset. No group may run.
func verify(t *testing.T, addr, dir string, n, keys int) {
	t.Helper()
	awaitStable(t, addr, jobTable, jobOut)
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	client := []kgo.Opt{kgo.SeedBrokers(addr)}
	var changelog []*kgo.Record
	states := map[string][]byte{}
	if err := engine.ReadToEnd(ctx, client, jobTable, func(r *kgo.Record) error {
		changelog = append(changelog, r)
		states[string(r.Key)] = r.Value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for k := range keys {
		count := int64(n / keys)
		if k < n%keys {
			count++
		}
		var got jobState
		_ = json.Unmarshal(states["key-"+strconv.Itoa(k)], &got)
		if want := (jobState{count, count * (count + 1) / 2, count, 0}); got != want {
			if wrong++; wrong <= 3 {
				t.Errorf("key-%d is %+v, want %+v", k, got, want)
			}
		}
	}
	last, outputs, bad := map[string]int{}, 0, 0
	if err := engine.ReadToEnd(ctx, client, jobOut, func(r *kgo.Record) error {
		c, _ := strconv.Atoi(string(r.Value))
		if c != last[string(r.Key)]+1 {
			bad++
		}
		last[string(r.Key)] = c
		outputs++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if wrong > 0 || bad > 0 || outputs != n {
		t.Errorf("%d of %d keys are wrong, %d outputs follow no predecessor, %d outputs of %d", wrong, keys, bad, outputs, n)
	}
	for folder, problem := range engine.CompareFolders(filepath.Join(dir, "*", jobGroup), jobTable, changelog) {
		if problem != "" {
			t.Errorf("%s: %s", folder, problem)
		}
	}
}
