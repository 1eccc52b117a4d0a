package csvdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology"
)

// A night of the crash tests: 300 rows, some of them bad, after one with 20
// members more and one whose email becomes unusable.
func firstNight() string { return header + members(1, 320, 0) }

func secondNight() string {
	return header + members(1, 99, 1) + "100,pw,F,L,no email,1\n" + "short,row\n" + members(101, 250, 1) + member(250, 2) + members(251, 300, 1)
}

const secondNightRecords = 299 + 2 + 20 + 1 // rows but the replaced one, dead letters, withdrawals, and the null of 100

// calm is what the second night leaves behind without a crash.
func calm(t *testing.T) string {
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", firstNight()), false))
	f := b.must(b.byHand(b.drop("two.csv", secondNight()), false))
	if f.Written != 299 || f.Rejected != 2 || f.Withdrawn != 21 || f.Rows != 302 || f.Duplicates != 1 {
		t.Fatalf("the calm run: %+v", f)
	}
	return b.log()
}

func (b *bench) crashConfig() Config {
	c := b.config()
	c.TransactionRows = 20
	return c
}

// kill runs an importer in another process up to its n-th record.
func (b *bench) kill(instance string, n int) {
	b.t.Helper()
	child := exec.Command(os.Args[0], childDie, b.broker.Addr, b.dir, b.state, instance, strconv.Itoa(n))
	child.Stderr = os.Stderr
	done := make(chan error, 1)
	go func() { done <- child.Run() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			b.t.Fatalf("the other process did not die by kill -9 but: %v", err)
		}
	case <-time.After(20 * time.Second):
		_ = child.Process.Kill()
		b.t.Fatalf("the other process did not come to record %d", n)
	}
}

// Killed with an open transaction at every tenth of the file, and started
// again: the same bytes.
func Test_csv_crash_mid_file(t *testing.T) {
	want := calm(t)
	for tenth := 1; tenth <= 10; tenth++ {
		t.Run(fmt.Sprintf("tenth %d", tenth), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.must(b.byHand(b.drop("one.csv", firstNight()), false))
			b.drop("two.csv", secondNight())
			b.kill("one", secondNightRecords*tenth/10)
			i, _ := b.start(b.crashConfig())
			b.idle(i)
			if b.log() != want {
				t.Error("the log differs from that of a calm run")
			}
			f := i.Status().Last
			if f == nil || f.Name != "two.csv" || f.Written != 299 || f.Rejected != 2 || f.Withdrawn != 21 || f.Removes != 21 || f.Known != 320 {
				t.Errorf("last: %+v", f)
			}
			b.wantPhases("two.csv done, one.csv done")
		})
	}
}

// Killed again and again in one file.
func TestManyCrashesInOneFile(t *testing.T) {
	want := calm(t)
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", firstNight()), false))
	b.drop("two.csv", secondNight())
	for range 5 {
		b.kill("one", 47)
	}
	i, _ := b.start(b.crashConfig())
	b.idle(i)
	if b.log() != want {
		t.Error("the log differs from that of a calm run")
	}
}

// The broker answers the end of transactions with errors, before and after the
// work, or hangs up.
func TestFailedCommits(t *testing.T) {
	want := calm(t)
	for name, fault := range map[string]kfake.Fault{
		"unknown": {Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: 1},
		"fenced":  {Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, Count: 1},
		"produce": {Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidTxnState, Count: 1},
		"hang up": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.must(b.byHand(b.drop("one.csv", firstNight()), false))
			requests := 0
			if name == "hang up" {
				b.broker.Cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
					b.broker.Cluster.KeepControl()
					requests++
					return nil, errors.New("gone"), requests%7 == 5
				})
			} else {
				fault.When = func(kmsg.Request) bool { requests++; return requests%9 == 8 }
				fault.Count = 2
				b.broker.Cluster.Fault(fault)
			}
			b.drop("two.csv", secondNight())
			cfg := b.crashConfig()
			cfg.Takeover = 500 * time.Millisecond
			i, _ := b.start(cfg)
			eventually(t, "the import is done", func() bool { f := i.Status().Last; return f != nil && f.Name == "two.csv" })
			if b.log() != want {
				t.Error("the log differs from that of a calm run")
			}
		})
	}
}

// An instance dies, and another one that sees the folder takes over, not at
// once, and goes on where it stopped.
func TestAnotherInstanceTakesOver(t *testing.T) {
	want := calm(t)
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", firstNight()), false))
	b.drop("two.csv", secondNight())
	b.kill("dead", 150)
	cfg := b.crashConfig()
	cfg.Takeover, cfg.StateDir = time.Second, t.TempDir()
	begun := time.Now()
	i, _ := b.start(cfg)
	eventually(t, "it waits", func() bool { return i.Status().State == Waiting })
	b.idle(i)
	if took := time.Since(begun); took < cfg.Takeover {
		t.Errorf("taken over after %s, want at least %s", took, cfg.Takeover)
	}
	if b.log() != want {
		t.Error("the log differs from that of a calm run")
	}
}

// One that lost the fence to a living instance waits for it; one that lost it
// to nobody goes on.
func TestALostFenceIsNoLoop(t *testing.T) {
	want := calm(t)
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", firstNight()), false))
	thief := b.broker.Client(t, kgo.TransactionalID(transactionalID))
	stolen := 0
	cfg := b.crashConfig()
	cfg.Takeover = 300 * time.Millisecond
	i, err := New(cfg, Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(b.broker.Addr), kgo.WithHooks(hook(func(r *kgo.Record) {
		if r.Topic == topology.LoyaltyTopic && string(r.Key) == "77" && stolen == 0 {
			stolen++
			if _, _, err := thief.ProducerID(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}))}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- i.Run(ctx) }()
	b.drop("two.csv", secondNight())
	eventually(t, "the import is done", func() bool { f := i.Status().Last; return f != nil && f.Name == "two.csv" })
	cancel()
	if err := <-done; err != nil || stolen != 1 {
		t.Errorf("Run: %v, stolen %d times", err, stolen)
	}
	if b.log() != want {
		t.Error("the log differs from that of a calm run")
	}
}

type hook func(*kgo.Record)

func (h hook) OnProduceRecordBuffered(r *kgo.Record) { h(r) }

// The file vanishes while its import is dead: reported, until it returns or
// the next one comes.
func TestAVanishedFileIsIncomplete(t *testing.T) {
	want := calm(t)
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprintf("back=%t", back), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.must(b.byHand(b.drop("one.csv", firstNight()), false))
			path := b.drop("two.csv", secondNight())
			b.kill("one", 150)
			hidden := path + ".hidden"
			if err := os.Rename(path, hidden); err != nil {
				t.Fatal(err)
			}
			i, _ := b.start(b.crashConfig())
			eventually(t, "it is reported", func() bool { return i.Status().Incomplete != nil })
			if s := i.Status(); !strings.Contains(s.Incomplete.Reason, "of 302") || s.Incomplete.Name != "two.csv" {
				t.Errorf("status: %+v", s)
			}
			if back { // under another name: names mean nothing
				if err := os.Rename(hidden, b.dir+"/renamed.csv"); err != nil {
					t.Fatal(err)
				}
				eventually(t, "it is done", func() bool { return i.Status().Incomplete == nil })
				b.idle(i)
				if b.log() != want {
					t.Error("the log differs from that of a calm run")
				}
				b.wantPhases("renamed.csv done, one.csv done")
				return
			}
			b.drop("three.csv", header+members(1, 310, 3))
			eventually(t, "the next one is done", func() bool { f := i.Status().Last; return f != nil && f.Name == "three.csv" })
			alive := b.alive()
			if len(alive) != 310 || i.Status().Incomplete != nil {
				t.Errorf("%d members, want 310; incomplete: %+v", len(alive), i.Status().Incomplete)
			}
			for id, row := range alive {
				if !strings.Contains(row, `"points":"3"`) {
					t.Errorf("member %s is of an older file", id)
				}
			}
			b.wantPhases("three.csv done, two.csv incomplete, one.csv done")
		})
	}
}

// Dead in the middle of one file, and when it is back, the next one is there.
func TestANewerFileOvertakesAHalfWrittenOne(t *testing.T) {
	b := newBench(t)
	b.must(b.byHand(b.drop("one.csv", firstNight()), false))
	b.drop("two.csv", secondNight())
	b.kill("one", 150)
	b.drop("three.csv", firstNight())
	i, _ := b.start(b.crashConfig())
	b.idle(i)
	for id, row := range b.alive() {
		if !strings.Contains(row, `"points":"0"`) {
			t.Errorf("member %s is of an older file", id)
		}
	}
	if n := len(b.alive()); n != 320 {
		t.Errorf("%d members, want 320", n)
	}
	b.wantPhases("three.csv done, two.csv incomplete, one.csv done")
	if reason := b.history()[1].Reason; !strings.Contains(reason, "overtaken by three.csv after row") {
		t.Errorf("reason %q", reason)
	}
}
