package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology/engine"
)

// pauses measures how long each output partition stood still, as a
// read_committed reader sees it.
type pauses struct {
	mu      sync.Mutex
	last    map[int32]time.Time
	longest map[int32]time.Duration
	records int
}

func watchPauses(t *testing.T, addr string) *pauses {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(jobOut), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	p := &pauses{last: map[int32]time.Time{}, longest: map[int32]time.Duration{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			fs := cl.PollFetches(ctx)
			now := time.Now()
			p.mu.Lock()
			fs.EachPartition(func(f kgo.FetchTopicPartition) {
				if len(f.Records) == 0 {
					return
				}
				if l, ok := p.last[f.Partition]; ok {
					p.longest[f.Partition] = max(p.longest[f.Partition], now.Sub(l))
				}
				p.last[f.Partition] = now
				p.records += len(f.Records)
			})
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() { cancel(); <-done; cl.Close() })
	return p
}

// since returns the longest pause of each partition since the last call, one
// that still lasts included.
func (p *pauses) since() map[int32]time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	result := p.longest
	for partition, at := range p.last {
		result[partition] = max(result[partition], time.Since(at))
	}
	p.longest = map[int32]time.Duration{}
	return result
}

// owned are the partitions of instances that all run, with all partitions among
// them; nil otherwise.
func owned(rs map[string]*running) map[int32]string {
	owners := map[int32]string{}
	for name, r := range rs {
		s := r.Status()
		if s.State != engine.Running {
			return nil
		}
		for _, p := range s.Partitions {
			owners[p] = name
		}
	}
	if len(owners) != jobParts {
		return nil
	}
	return owners
}

// Instances join and leave in a clean way while records flow, up to four and
// back to one: partitions move, nothing is lost or doubled. It reports how long
// partitions stood still that stayed where they were, and that moved.
func TestInstancesComeAndGo(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const keys = 200
	p := watchPauses(t, b.Addr)
	stopFlow, flowed := make(chan struct{}), make(chan int, 1)
	go func() { // some 1200 a second, until told
		n := 0
		for {
			select {
			case <-stopFlow:
				flowed <- n
				return
			default:
				generate(t, b.Addr, n, 120, keys, 1200)
				n += 120
			}
		}
	}()
	rs := map[string]*running{}
	var stayed, moved []time.Duration
	before := map[int32]string{}
	step := func(what string, change func()) {
		t.Helper()
		p.since()
		began := time.Now()
		change()
		var now map[int32]string
		eventually(t, 40*time.Second, func() bool { now = owned(rs); return now != nil && len(distinct(now)) == min(len(rs), jobParts) }, func() string { return what })
		settled := time.Since(began)
		p.mu.Lock()
		seen := p.records
		p.mu.Unlock()
		eventually(t, 40*time.Second, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.records > seen+400 }, func() string { return what + ": nothing flows" })
		longest := p.since()
		line := fmt.Sprintf("%s, settled after %v:", what, settled.Round(time.Millisecond))
		for partition := range int32(jobParts) {
			d := longest[partition].Round(time.Millisecond)
			switch before[partition] {
			case "":
			case now[partition]:
				stayed = append(stayed, d)
				line += fmt.Sprintf(" %d stayed %v", partition, d)
			default:
				moved = append(moved, d)
				line += fmt.Sprintf(" %d moved %v", partition, d)
			}
		}
		t.Log(line)
		before = now
	}
	join := func(name string) func() { return func() { rs[name] = startJob(t, b, dir, name) } }
	leave := func(name string) func() {
		return func() {
			r := rs[name]
			delete(rs, name)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		}
	}
	step("first", join("a"))
	for _, s := range []struct {
		what   string
		change func()
	}{
		{"second joins", join("b")}, {"third joins", join("c")}, {"fourth joins", join("d")},
		{"second leaves", leave("b")}, {"first leaves", leave("a")}, {"second joins", join("b")},
		{"third leaves", leave("c")}, {"fourth leaves", leave("d")},
	} {
		step(s.what, s.change)
	}
	close(stopFlow)
	n := receive(t, flowed, "the flow does not end")
	conclude(t, b, dir, n, keys, rs["b"])
	slices.Sort(stayed)
	slices.Sort(moved)
	t.Logf("%d records; partitions that stayed stood still for %v (median), %v (longest of %d); that moved %v, %v (of %d)",
		n, stayed[len(stayed)/2], stayed[len(stayed)-1], len(stayed), moved[len(moved)/2], moved[len(moved)-1], len(moved))
	if len(moved) < 8 {
		t.Errorf("%d moves: too few for a test", len(moved))
	}

	// An empty folder holds the same afterwards.
	if err := os.RemoveAll(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	generate(t, b.Addr, n, keys, keys, 0)
	conclude(t, b, dir, n+keys, keys, startJob(t, b, dir, "b"))
}

func distinct(owners map[int32]string) map[string]bool {
	names := map[string]bool{}
	for _, o := range owners {
		names[o] = true
	}
	return names
}
