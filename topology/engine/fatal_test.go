package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// runToEnd expects Run to end by itself.
func runToEnd(t *testing.T, cfg engine.Config, graph *goka.GroupGraph) error {
	t.Helper()
	g, err := engine.New(cfg, graph, engine.Deps{Log: testLog()}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	err = g.Run(ctx)
	if err == nil || ctx.Err() != nil {
		t.Fatalf("Run ended with %v, context %v", err, ctx.Err())
	}
	if s := g.Status(); s.State != engine.Stopped || s.LastError == nil || g.Ready() {
		t.Errorf("status after a fatal error: %+v", s)
	}
	return err
}

func wants(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestMissingOffsetsAreFatal(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t, kafkatest.WithTopics(jobParts, jobIn, jobOut),
		kafkatest.WithTopic(jobTable, jobParts, map[string]string{"cleanup.policy": "compact"}))
	generate(t, b.Addr, 0, 10, 10, 0)
	err := runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil))
	wants(t, err, "group job", "no committed offset for job-in/0", "rebuild")

	// First offsets are committed where there is none, and only there.
	firstOffsets(t, b.Addr, jobGroup, jobIn)
	adm := kadm.NewClient(b.Client(t))
	moved := kadm.Offsets{}
	moved.AddOffset(jobIn, 1, 2, -1)
	if err := adm.CommitAllOffsets(context.Background(), jobGroup, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteOffsets(context.Background(), jobGroup, kadm.TopicsSet{jobIn: {2: {}}}); err != nil {
		t.Fatal(err)
	}
	wants(t, runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil)), "job-in/2")
	firstOffsets(t, b.Addr, jobGroup, jobIn)
	at, err := adm.FetchOffsets(context.Background(), jobGroup)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range []int64{0, 2, 0, 0} {
		if o, ok := at.Lookup(jobIn, int32(p)); !ok || o.At != want {
			t.Errorf("partition %d: committed %d, want %d", p, o.At, want)
		}
	}
}

func TestOffsetsThatTheLogHasLostAreFatal(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	generate(t, b.Addr, 0, 200, 50, 0)
	for p := range int32(jobParts) {
		if err := b.Cluster.DeleteRecords(jobIn, p, 5); err != nil {
			t.Fatal(err)
		}
	}
	err := runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil))
	wants(t, err, "gone from the log", "rebuild")
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("%v is not OffsetOutOfRange", err)
	}
}

func TestWrongTopicsAreFatal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		topics []kafkatest.Option
		says   string
	}{
		"no table": {[]kafkatest.Option{kafkatest.WithTopics(jobParts, jobIn, jobOut)}, "does not exist"},
		"no output": {[]kafkatest.Option{kafkatest.WithTopics(jobParts, jobIn),
			kafkatest.WithTopic(jobTable, jobParts, map[string]string{"cleanup.policy": "compact"})}, jobOut},
		"table not compacted": {[]kafkatest.Option{kafkatest.WithTopics(jobParts, jobIn, jobOut, jobTable)}, "compact"},
		"table too small": {[]kafkatest.Option{kafkatest.WithTopics(jobParts, jobIn, jobOut),
			kafkatest.WithTopic(jobTable, 2, map[string]string{"cleanup.policy": "compact"})}, "2 partitions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := kafkatest.Start(t, c.topics...)
			wants(t, runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil)), c.says)
		})
	}
}

func TestRefusedAccessIsFatal(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	wants(t, runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), jobGraph(nil)), "ACLs", "GROUP_AUTHORIZATION_FAILED")
}

func TestCallbacksEndTheGroup(t *testing.T) {
	t.Parallel()
	reason := errors.New("the key's form has changed")
	big := make([]byte, 1<<17)
	for name, c := range map[string]struct {
		callback goka.ProcessCallback
		want     error
	}{
		"fatal":     {func(ctx goka.Context, _ any) { ctx.Fail(engine.Fatal(reason)) }, reason},
		"big value": {func(ctx goka.Context, _ any) { ctx.SetValue(big) }, engine.ErrTooLarge},
		"big emit":  {func(ctx goka.Context, _ any) { ctx.Emit(jobOut, "k", big) }, engine.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			generate(t, b.Addr, 0, 20, 5, 0)
			cfg := jobConfig(b.Addr, t.TempDir(), "a")
			cfg.MaxRecordBytes = 1 << 17
			if cfg.Fits("k", len(big), 0) || !cfg.Fits("k", len(big)/2, 100) {
				t.Error("Fits is wrong")
			}
			err := runToEnd(t, cfg, goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), c.callback),
				goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))))
			if !errors.Is(err, c.want) {
				t.Errorf("Run ended with %v, want %v", err, c.want)
			}
		})
	}
}

// goka's own Input would see one message of a whole batch.
func TestInputsOfGokaItselfAreRefused(t *testing.T) {
	for name, callback := range map[string]goka.ProcessCallback{
		"that reads":    func(ctx goka.Context, _ any) { ctx.Value() },
		"that does not": func(goka.Context, any) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			generate(t, b.Addr, 0, 20, 5, 0)
			err := runToEnd(t, jobConfig(b.Addr, t.TempDir(), "a"), goka.DefineGroup(jobGroup, goka.Input(jobIn, new(codec.Bytes), callback),
				goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))))
			if err == nil || !strings.Contains(err.Error(), "use engine.Input") {
				t.Errorf("Run ended with %v", err)
			}
		})
	}
}

// A record on a partition that its key does not hash to reaches the callback,
// which may do with it what it likes, but not write the table.
func TestMisplacedRecords(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	cl := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for p := range int32(jobParts) {
		if err := cl.ProduceSync(context.Background(), on(jobIn, p, "one", "1")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	misplaced := map[int32]bool{}
	r := start(t, jobConfig(b.Addr, t.TempDir(), "a"), goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, _ any) {
		mu.Lock()
		misplaced[ctx.Partition()] = engine.DeliveryOf(ctx).Misplaced()
		mu.Unlock()
	}), goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))), engine.Hooks{})
	awaitEnd(t, b.Addr, jobGroup, 10*time.Second, jobIn)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	right := 0
	for p, m := range misplaced {
		if !m {
			right++
			t.Logf("the key belongs to partition %d", p)
		}
	}
	if right != 1 || len(misplaced) != jobParts {
		t.Errorf("misplaced by partition: %v", misplaced)
	}
	firstTime := jobConfig(b.Addr, t.TempDir(), "b")
	adm := kadm.NewClient(cl)
	again := kadm.Offsets{}
	for p := range int32(jobParts) {
		again.AddOffset(jobIn, p, 0, -1)
	}
	if err := adm.CommitAllOffsets(context.Background(), jobGroup, again); err != nil {
		t.Fatal(err)
	}
	wants(t, runToEnd(t, firstTime, jobGraph(nil)), "hashes to another partition")
}

func TestNewRefuses(t *testing.T) {
	good := jobConfig("127.0.0.1:1", t.TempDir(), "a")
	for name, change := range map[string]func(*engine.Config){
		"no broker":   func(c *engine.Config) { c.Client = nil },
		"no group":    func(c *engine.Config) { c.Group = "" },
		"other group": func(c *engine.Config) { c.Group = "other" },
		"no instance": func(c *engine.Config) { c.Instance = "" },
		"no dir":      func(c *engine.Config) { c.Dir = "" },
		"no hash":     func(c *engine.Config) { c.NewHash = nil },
		"compression": func(c *engine.Config) { c.Compression = "brotli" },
		"interval":    func(c *engine.Config) { c.CommitInterval = time.Hour },
		"drain":       func(c *engine.Config) { c.DrainTimeout = time.Hour },
		"record":      func(c *engine.Config) { c.MaxRecordBytes = 0 },
		"in flight":   func(c *engine.Config) { c.MaxInFlight = 0 },
		"sink table":  func(c *engine.Config) { c.Transactional = false },
	} {
		cfg := good
		change(&cfg)
		if _, err := engine.New(cfg, jobGraph(nil), engine.Deps{}, engine.Hooks{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r := prometheus.NewRegistry() // groups of one process share it
	for range 2 {
		if _, err := engine.New(good, jobGraph(nil), engine.Deps{Registry: r}, engine.Hooks{}); err != nil {
			t.Error(err)
		}
	}
	joins := goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(goka.Context, any) {}),
		goka.Persist(new(codec.Bytes)), goka.Join("other", new(codec.Bytes)))
	if _, err := engine.New(good, joins, engine.Deps{}, engine.Hooks{}); err == nil {
		t.Error("a join is not refused")
	}
}
