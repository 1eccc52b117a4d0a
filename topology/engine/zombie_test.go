package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/engine"
)

// logTo keeps what a child logs.
func (b *book) logTo(t *testing.T) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "ENGINE_TEST_LOG=1", "ENGINE_TEST_COMMIT=2s")
		cmd.Stderr = nil
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				if _, err := b.Write(lines.Bytes()); err != nil {
					t.Errorf("not a line of the log: %q", lines.Text())
				}
			}
		}()
		t.Cleanup(func() { <-done })
	}
}

// level are the lines of a level.
func (b *book) level(level string) (found []map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		if l["level"] == level {
			found = append(found, l)
		}
	}
	return found
}

// author of a batch, as the broker knows it.
type author struct {
	id    int64
	epoch int16
}

// everythingIn reads topics with what was aborted, by partition.
func everythingIn(t *testing.T, addr string, each func(*kgo.Record), topics ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topics...)
	if err != nil {
		t.Fatal(err)
	}
	left := map[topicPartition]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[topicPartition{o.Topic, o.Partition}] = o.Offset
		}
	})
	// A marker at the end is not shown: what is left is read by offset.
	for len(left) > 0 {
		fs := cl.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			t.Fatalf("%v: %v are left", err, left)
		}
		fs.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				each(r)
				if r.Offset >= left[topicPartition{r.Topic, r.Partition}]-2 {
					delete(left, topicPartition{r.Topic, r.Partition})
				}
			}
		})
	}
}

type topicPartition struct {
	topic     string
	partition int32
}

// A process that is stopped for longer than the session timeout, with a
// transaction open, and goes on while another one has its partitions: it writes
// nothing more as who it was, says so in one line, and joins again.
func TestStoppedProcess(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 6000, 100
	wait := inBackground(t, b.Addr, n, keys, 800)
	log := new(book)
	zombie := startChild(t, b.Addr, dir, "zombie", log.logTo(t))
	zombie.awaitRunning()
	adm := kadm.NewClient(b.Client(t))
	ctx := context.Background()
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := zombie.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = zombie.cmd.Process.Signal(sigCont) })
	var (
		before  author
		stopped time.Time
	)
	eventually(t, 20*time.Second, func() bool {
		signal(sigStop)
		stopped = time.Now()
		described, err := adm.DescribeTransactions(ctx, jobGroup+"-zombie")
		d := described[jobGroup+"-zombie"]
		before = author{d.ProducerID, d.ProducerEpoch}
		if err == nil && d.State == "Ongoing" {
			return true
		}
		signal(sigCont)
		return false
	}, func() string { return "it has no transaction" })

	heir := startJob(t, b, dir, "heir")
	eventually(t, 30*time.Second, func() bool { return len(heir.Status().Partitions) == jobParts && heir.Status().State == engine.Running },
		func() string { return fmt.Sprintf("the heir is %+v", heir.Status()) })
	took := time.Since(stopped)
	wait()
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	if w := log.level("WARN"); len(w) > 0 {
		t.Errorf("before it was stopped it said %v", w)
	}
	ends, err := adm.ListEndOffsets(ctx, jobTable, jobOut)
	if err != nil {
		t.Fatal(err)
	}
	woken := time.Now()
	signal(sigCont)
	eventually(t, 30*time.Second, func() bool { return len(log.said("running")) == 2 && len(heir.Status().Partitions) == jobParts/2 }, func() string {
		return fmt.Sprintf("it does not come back: %v", log.said("running"))
	})
	t.Logf("stopped in transaction %+v; takeover after %v (session timeout 6 s); back %v after it was woken",
		before, took.Round(time.Millisecond), time.Since(woken).Round(time.Millisecond))
	generate(t, b.Addr, n, 2000, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	zombie.end(t)
	conclude(t, b, dir, n+2000, keys, heir)

	warned := log.level("WARN")
	if len(warned) != 1 || len(log.level("ERROR")) > 0 {
		t.Errorf("%d warnings, want one: %v", len(warned), warned)
	}
	for _, w := range warned {
		t.Log(w["msg"], w["kind"], w["error"])
		if w["kind"] != "fenced" {
			t.Errorf("%v does not say that others have taken over", w)
		}
	}
	writers := map[author]int{}
	everythingIn(t, b.Addr, func(r *kgo.Record) {
		p := author{r.ProducerID, r.ProducerEpoch}
		if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset >= end.Offset {
			writers[p]++
			if p.id == before.id && p.epoch <= before.epoch {
				t.Errorf("%s/%d at %d is the zombie's: %+v", r.Topic, r.Partition, r.Offset, p)
			}
		}
	}, jobTable, jobOut)
	if len(writers) < 2 {
		t.Errorf("writers after the waking: %v", writers)
	}
	for f := range map[string]bool{"zombie": true, "heir": true} {
		if folders, _ := filepath.Glob(filepath.Join(dir, f, jobGroup, jobTable+".*")); len(folders) == 0 {
			t.Errorf("%s has no state", f)
		}
	}
	if strings.Contains(fmt.Sprint(warned), "key-") {
		t.Error("a key is in the log")
	}
}
