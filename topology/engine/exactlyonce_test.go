package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

// inBackground generates while the test does something else.
func inBackground(t *testing.T, addr string, n, keys, rate int) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		generate(t, addr, 0, n, keys, rate)
	}()
	return func() { receive(t, done, "the input is not written") }
}

func conclude(t *testing.T, b *kafkatest.Broker, dir string, n, keys int, rs ...*running) {
	t.Helper()
	awaitEnd(t, b.Addr, jobGroup, 120*time.Second, jobIn)
	for _, r := range rs {
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, b.Addr, dir, n, keys)
}

func TestInstancesJoinAndLeave(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 12_000, 200
	wait := inBackground(t, b.Addr, n, keys, 3000)
	a := startJob(t, b, dir, "a")
	time.Sleep(700 * time.Millisecond)
	bb := startJob(t, b, dir, "b")
	time.Sleep(time.Second)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	var rs []*running
	for i := range 5 { // more instances than partitions
		rs = append(rs, startJob(t, b, dir, fmt.Sprint("c", i)))
		time.Sleep(200 * time.Millisecond)
	}
	for _, r := range rs {
		eventually(t, 20*time.Second, r.Ready, func() string { return fmt.Sprintf("not ready: %+v", r.Status()) })
	}
	wait()
	conclude(t, b, dir, n, keys, append(rs, bb)...)
}

// Whatever fails, at whatever point, the outcome is that of a calm run.
func TestExactlyOnceOverFaults(t *testing.T) {
	t.Parallel()
	overFaults(t, startBroker(t), 24_000, 2)
}

// overFaults merges n records with two instances while every trouble strikes
// as often as there are rounds.
func overFaults(t *testing.T, b *kafkatest.Broker, n, rounds int) {
	t.Helper()
	dir := t.TempDir()
	const keys = 200
	wait := inBackground(t, b.Addr, n, keys, 3000)
	nets := map[string]*network{"a": newNetwork(), "b": newNetwork()}
	var failNext, failHook atomic.Int32
	graph := func() *goka.GroupGraph {
		return jobGraph(func(ctx goka.Context) {
			if failNext.Load() > 0 && failNext.Add(-1) == 0 {
				ctx.SetValue(&jobState{Count: -1}) // dirt that must not survive
				time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
				ctx.Emit(jobOut, ctx.Key(), []byte("-1"))
				if failHook.Load() == 0 {
					ctx.Fail(errors.New("the test fails a callback"))
				}
				panic("the test panics in a callback")
			}
		})
	}
	var rs []*running
	for name, net := range nets {
		rs = append(rs, start(t, jobConfig(b.Addr, dir, name, net.option()), graph(), engine.Hooks{}))
	}
	fault := func(key kmsg.Key, err *kerr.Error) func() {
		return func() {
			b.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, When: func(r kmsg.Request) bool {
				p, ok := r.(*kmsg.ProduceRequest)
				return !ok || p.TransactionID != nil // not the generator's
			}})
		}
	}
	either := func() *network { return []*network{nets["a"], nets["b"]}[rand.IntN(2)] }
	troubles := []func(){
		func() { failHook.Store(0); failNext.Store(int32(1 + rand.IntN(50))) },
		func() { failHook.Store(1); failNext.Store(int32(1 + rand.IntN(50))) },
		fault(kmsg.EndTxn, kerr.UnknownServerError),
		fault(kmsg.EndTxn, kerr.ProducerFenced),
		fault(kmsg.TxnOffsetCommit, kerr.IllegalGeneration),
		fault(kmsg.TxnOffsetCommit, kerr.CoordinatorLoadInProgress),
		fault(kmsg.Produce, kerr.NotLeaderForPartition),
		fault(kmsg.Produce, kerr.InvalidProducerEpoch),
		fault(kmsg.Heartbeat, kerr.UnknownMemberID),
		func() { either().cut() },
		func() { either().cut() },
		func() { evict(t, b, "a") },
		func() { evict(t, b, "b") },
	}
	for i := range rounds * len(troubles) {
		time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
		troubles[i%len(troubles)]()
	}
	wait()
	failNext.Store(0)
	conclude(t, b, dir, n, keys, rs...)
}

// evict takes an instance out of the group behind its back: until its next
// heartbeat it is a zombie that commits.
func evict(t *testing.T, b *kafkatest.Broker, instance string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		t.Error(err)
		return
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	described, err := kadm.NewClient(cl).DescribeGroups(ctx, jobGroup)
	if err != nil {
		t.Error(err)
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = jobGroup
	for _, m := range described[jobGroup].Members {
		// kfake never answers a JoinGroup of a member that was taken out.
		if m.ClientID == instance && described[jobGroup].State == "Stable" {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			req.Members = append(req.Members, member)
		}
	}
	if len(req.Members) > 0 {
		if _, err := req.RequestWith(ctx, cl); err != nil {
			t.Error(err)
		}
	}
}

// A zombie that wakes up while its successor works must not get through, and
// its successor must not wait for its transaction.
func TestZombie(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 15_000, 100
	wait := inBackground(t, b.Addr, n, keys, 1000)
	net := newNetwork()
	cfg := jobConfig(b.Addr, dir, "zombie", net.option())
	cfg.CommitInterval = time.Second // so that it has a transaction open
	zombie := start(t, cfg, jobGraph(nil), engine.Hooks{})
	eventually(t, 10*time.Second, func() bool { return zombie.Status().State == engine.Running }, func() string { return "not running" })
	time.Sleep(1500 * time.Millisecond)
	net.freeze(true)
	t.Cleanup(func() { net.freeze(false) })
	frozen := time.Now()
	heir := startJob(t, b, dir, "heir")
	eventually(t, 20*time.Second, func() bool { return len(heir.Status().Partitions) == jobParts && heir.Status().State == engine.Running },
		func() string { return fmt.Sprintf("the heir is %+v", heir.Status()) })
	if d := time.Since(frozen); d > 14*time.Second { // session timeout 6 s, transaction timeout 15 s
		t.Errorf("takeover took %v: the open transaction was not fenced", d)
	}
	time.Sleep(time.Second)
	net.freeze(false)
	wait()
	conclude(t, b, dir, n, keys, zombie, heir)
}

// A member that the coordinator has taken out does not know for the time of a
// heartbeat, here for ever. None of its commits may be accepted.
func TestTheCoordinatorRefusesZombies(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	generate(t, b.Addr, 0, 1000, 50, 0)
	r := startJob(t, b, dir, "a")
	awaitEnd(t, b.Addr, jobGroup, 20*time.Second, jobIn)
	b.Cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.Cluster.KeepControl()
		return r.ResponseKind(), nil, true // all is well, it hears
	})
	evict(t, b, "a")
	if err := r.Status().LastError; err != nil {
		t.Fatalf("it knows: %v", err)
	}
	generate(t, b.Addr, 1000, 1000, 50, 0)
	eventually(t, 10*time.Second, func() bool { return r.Status().LastError != nil }, func() string { return "its commits are accepted" })
	if err := r.Status().LastError; !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.IllegalGeneration) {
		t.Errorf("it ended with %v", err)
	}
	conclude(t, b, dir, 2000, 50, r)
}

// The broker goes away and comes back with its data.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	b := startBroker(t, kafkatest.WithDir(data), kafkatest.WithKfake(kfake.SyncWrites()))
	const n, keys = 6000, 100
	generate(t, b.Addr, 0, n/2, keys, 0)
	r := startJob(t, b, dir, "a")
	eventually(t, 20*time.Second, func() bool { return r.Status().State == engine.Running }, func() string { return "not running" })
	time.Sleep(100 * time.Millisecond)
	var port int
	if _, err := fmt.Sscanf(b.Addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	b.Stop()
	eventually(t, 40*time.Second, func() bool { return r.Status().LastError != nil }, func() string { return "the outage is not seen" })
	time.Sleep(2 * time.Second)
	b = kafkatest.Start(t, kafkatest.WithDir(data), kafkatest.WithPort(port))
	generate(t, b.Addr, n/2, n-n/2, keys, 0)
	conclude(t, b, dir, n, keys, r)
}

// A recovered folder that lies is dropped, whatever the lie.
func TestFoldersThatLie(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const keys = 50
	total := 0
	work := func() {
		generate(t, b.Addr, total, 1000, keys, 0)
		total += 1000
		r := startJob(t, b, dir, "a")
		awaitEnd(t, b.Addr, jobGroup, 30*time.Second, jobIn)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(dir, "a", jobGroup, jobTable+".")
	work()
	for name, lie := range map[string]func(folder string) error{
		"ahead of the changelog": engine.LieAhead,
		"of another topic":       engine.LieTopic,
		"too old":                engine.LieOld,
		"not recovered":          engine.LieUnfinished,
		"damaged":                damage,
		"condemned":              func(f string) error { return os.WriteFile(filepath.Join(f, "CONDEMNED"), nil, 0o600) },
		"empty":                  func(f string) error { return errors.Join(os.RemoveAll(f), os.Mkdir(f, 0o755)) },
		"gone":                   os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			for p := range jobParts {
				if err := lie(folder + fmt.Sprint(p)); err != nil {
					t.Fatal(err)
				}
			}
			work()
			verify(t, b.Addr, dir, total, keys)
		})
	}
}

// damage cuts every file of a leveldb to half and turns its bytes.
func damage(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	for _, f := range files {
		b, rerr := os.ReadFile(f)
		if rerr != nil {
			return rerr
		}
		b = b[:len(b)/2]
		for i := range b {
			b[i] ^= 0x5a
		}
		err = errors.Join(err, os.WriteFile(f, b, 0o600))
	}
	return err
}
