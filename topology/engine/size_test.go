package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

const (
	sizeEnv     = "ENGINE_SIZE_CHILD" // "job" or "sink"
	burstValue  = 50 << 10
	burstCount  = 2000 // 100 MB
	burstTxn    = 4 << 20
	burstInTxn  = 60 // records
	burstFanout = 2  // table and output
)

func sizeConfig(addr, dir, kind string) engine.Config {
	cfg := jobConfig(addr, dir, "a")
	cfg.CommitInterval, cfg.Compression = 4*time.Second, "none"
	cfg.MaxTransactionBytes, cfg.QueueBytes, cfg.MaxInFlightBytes = burstTxn, 2<<20, 4<<20
	cfg.StoreBytes, cfg.MaxRecordBytes = 8<<20, 1<<20
	if kind == "sink" {
		cfg.Group, cfg.Dir, cfg.Transactional = sinkGroup, "", false
	}
	return cfg
}

func burstGraph() *goka.GroupGraph {
	return goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, msg any) {
		ctx.SetValue(msg)
		ctx.Emit(jobOut, ctx.Key(), msg)
	}), goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes)))
}

// sizeChild is the process whose memory is measured. The sink does nothing
// until SIGUSR1.
func sizeChild() {
	kind := os.Getenv(sizeEnv)
	graph := burstGraph()
	if kind == "sink" {
		open := make(chan os.Signal, 1)
		signal.Notify(open, sigUser)
		opened := make(chan struct{})
		go func() { <-open; close(opened) }()
		graph = sinkGraph(func(ctx goka.Context) {
			done := ctx.DeferCommit()
			go func() { <-opened; done(nil) }()
		})
	}
	g, err := engine.New(sizeConfig(os.Getenv("ENGINE_TEST_ADDR"), os.Getenv("ENGINE_TEST_DIR"), kind), graph, engine.Deps{Log: testLog()}, engine.Hooks{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		var most uint64
		for ctx.Err() == nil {
			metrics.Read(live)
			most = max(most, live[0].Value.Uint64())
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(most)
	}()
	if err := g.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	time.Sleep(100 * time.Millisecond) // the figure is printed
}

// largestTransaction watches what the broker is sent.
func largestTransaction(b *kafkatest.Broker) (bytes, records *atomic.Int64) {
	bytes, records = new(atomic.Int64), new(atomic.Int64)
	var open, count int64 // of the cluster's goroutine
	b.Cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		open, count = 0, 0
		return nil, nil, false
	})
	b.Cluster.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		if r := kreq.(*kmsg.ProduceRequest); r.TransactionID != nil {
			for _, t := range r.Topics {
				for _, p := range t.Partitions {
					open += int64(len(p.Records))
					var batch kmsg.RecordBatch
					if batch.ReadFrom(p.Records) == nil {
						count += int64(batch.NumRecords)
					}
				}
			}
			bytes.Store(max(bytes.Load(), open))
			records.Store(max(records.Load(), count))
		}
		return nil, nil, false
	})
	return bytes, records
}

// startSize starts a child; end returns the most that was live in its heap.
func startSize(t *testing.T, b *kafkatest.Broker, kind string) (cmd *exec.Cmd, end func() int) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sizeEnv+"="+kind, "ENGINE_TEST_ADDR="+b.Addr, "ENGINE_TEST_DIR="+t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, func() int {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child ended with %v", err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(out.String()))
		if err != nil {
			t.Errorf("the child said %q", out.String())
		}
		return n
	}
}

func burst(t *testing.T, b *kafkatest.Broker) {
	t.Helper()
	cl := b.Client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := make([]byte, burstValue)
	for i := range burstCount {
		cl.Produce(context.Background(), &kgo.Record{Topic: jobIn, Key: strconv.AppendInt(nil, int64(i%50), 10), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A burst of 100 MB, 24 times what a transaction may have, is split, and
// neither it nor a downstream that stands still makes memory grow.
func TestABurstIsSplitAndMemoryBounded(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	firstOffsets(t, b.Addr, sinkGroup, jobIn)
	burst(t, b)

	most, _ := largestTransaction(b)
	_, end := startSize(t, b, "job")
	awaitEnd(t, b.Addr, jobGroup, 120*time.Second, jobIn)
	heap := end()
	// Every partition may be in a callback when the bound is reached.
	if limit := int64(burstTxn + jobParts*burstFanout*(burstValue+1024) + 1<<20); most.Load() > limit || most.Load() < burstTxn/2 {
		t.Errorf("a transaction of %d bytes, the bound is %d", most.Load(), burstTxn)
	}
	if heap > 100<<20 {
		t.Errorf("%d MiB live in the heap", heap>>20)
	}
	t.Logf("job: largest transaction %d KiB, most live %d MiB", most.Load()>>10, heap>>20)

	cmd, end := startSize(t, b, "sink")
	time.Sleep(3 * time.Second) // it could fetch all of it many times over
	if err := cmd.Process.Signal(sigUser); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, b.Addr, sinkGroup, 120*time.Second, jobIn)
	if heap = end(); heap > 100<<20 {
		t.Errorf("%d MiB live in the heap behind a sink that stands still", heap>>20)
	}
	t.Logf("sink: most live %d MiB", heap>>20)
}

// The number of records is bounded like their bytes; one message's output is
// never split, however large.
func TestTransactionsOfManyRecordsAndOfOneLargeMessage(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	const n = 400
	generate(t, b.Addr, 0, n, 50, 0)
	_, most := largestTransaction(b)
	cfg := jobConfig(b.Addr, t.TempDir(), "a")
	cfg.CommitInterval, cfg.MaxTransactionRecords, cfg.MaxTransactionBytes = 4*time.Second, burstInTxn, 1<<20
	value := make([]byte, 100<<10)
	r := start(t, cfg, goka.DefineGroup(jobGroup, engine.Input(jobIn, new(codec.Bytes), func(ctx goka.Context, _ any) {
		ctx.SetValue([]byte("x"))
		if ctx.Key() == "key-7" && ctx.Offset()%5 == 0 {
			for range 40 { // four times the bound
				ctx.Emit(jobOut, ctx.Key(), value)
			}
		}
	}), goka.Output(jobOut, new(codec.Bytes)), goka.Persist(new(codec.Bytes))), engine.Hooks{})
	r.awaitEnd(t, b)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if m := most.Load(); m > burstInTxn+jobParts*41 || m < burstInTxn/2 {
		t.Errorf("a transaction of %d records", m)
	}
	t.Logf("largest transaction: %d records, %d outputs", most.Load(), len(b.Records(t, jobOut)))
}
