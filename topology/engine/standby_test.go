package engine_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology/engine"
)

func standbyConfig(b *kafkatest.Broker, dir, instance string) engine.Config {
	cfg := jobConfig(b.Addr, dir, instance)
	cfg.Standbys = 1
	return cfg
}

// copies are the standby partitions of instances that have caught up, by
// instance; nil unless every partition has its owner and its copy.
func copies(rs map[string]*watched) (owners, standbys map[int32]string) {
	owners, standbys = map[int32]string{}, map[int32]string{}
	for name, r := range rs {
		s := r.Status()
		if s.State != engine.Running {
			return nil, nil
		}
		for _, p := range s.Partitions {
			owners[p] = name
		}
		for _, c := range s.Standbys {
			if c.Current && c.Lag == 0 {
				standbys[c.Partition] = name
			}
		}
	}
	if len(owners) != jobParts || len(standbys) != jobParts {
		return nil, nil
	}
	return owners, standbys
}

// Three instances with one copy of each partition. One of them is gone, as if
// killed: its partitions go to where their copies are, which read the changelog's
// tail alone; the result is that of a calm run, and every folder equals the
// changelog at its own offset.
func TestTakeoverByStandby(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys, grown = 8000, 200, 12_000
	fillTable(t, b.Addr, grown) // state that a recovery would have to read
	rs := map[string]*watched{}
	begin := func(name string) {
		rs[name] = startWatched(t, standbyConfig(b, dir, name), jobGraph(nil), engine.Deps{}, engine.Hooks{})
	}
	victim := startChild(t, b.Addr, dir, "c", func(c *exec.Cmd) { c.Env = append(c.Env, "ENGINE_TEST_STANDBYS=1") })
	victim.awaitRunning()
	begin("a")
	begin("b")
	generate(t, b.Addr, 0, n/2, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	// The child owns what these two do not.
	var before map[int32]string
	var held map[string][]int32
	eventually(t, 60*time.Second, func() bool {
		before, held = map[int32]string{}, map[string][]int32{}
		for name, r := range rs {
			s := r.Status()
			if s.State != engine.Running {
				return false
			}
			for _, p := range s.Partitions {
				before[p] = name
			}
			for _, c := range s.Standbys {
				if c.Current && c.Lag == 0 {
					held[name] = append(held[name], c.Partition)
				}
			}
		}
		orphans := 0
		for p := range int32(jobParts) {
			if before[p] == "" && (slices.Contains(held["a"], p) || slices.Contains(held["b"], p)) {
				orphans++
			}
		}
		return len(before) < jobParts && orphans == jobParts-len(before)
	}, func() string {
		return fmt.Sprintf("owners %v, copies %v; a %+v; b %+v", before, held, rs["a"].Status(), rs["b"].Status())
	})
	read := map[string]float64{}
	for name, r := range rs {
		read[name] = valueOf(t, r, "customer360_engine_recovery_records_total")
	}
	generate(t, b.Addr, n/2, n/2, keys, 0)
	victim.kill()
	eventually(t, 60*time.Second, func() bool { _, s := copies(rs); return s != nil }, func() string {
		return fmt.Sprintf("a %+v; b %+v", rs["a"].Status(), rs["b"].Status())
	})
	awaitEnd(t, b.Addr, jobGroup, 120*time.Second, jobIn)
	after, _ := copies(rs)
	for p := range int32(jobParts) {
		name := after[p]
		switch was := before[p]; {
		case was == name:
		case was != "":
			t.Errorf("partition %d has moved from %s to %s, though %s stayed", p, was, name, was)
		case !slices.Contains(held[name], p):
			t.Errorf("partition %d went to %s, which had copies of %v", p, name, held[name])
		}
	}
	for name, r := range rs {
		tail := valueOf(t, r, "customer360_engine_recovery_records_total") - read[name]
		t.Logf("%s read %v changelog records to take over, copies had read %v", name, tail, valueOf(t, r, "customer360_engine_standby_records_total"))
		if tail > n { // of 12,000 and more that lie in it
			t.Errorf("%s read %v records: that is no tail", name, tail)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	// The filler's states are valid ones, with another kind of keys.
	verify(t, b.Addr, dir, n, keys)
	if folders, _ := filepath.Glob(filepath.Join(dir, "[ab]", jobGroup, jobTable+".*")); len(folders) != 2*jobParts {
		t.Errorf("%d folders, want all partitions with both: owned and copied", len(folders))
	}
}

// valueOf a metric of the one group.
func valueOf(t *testing.T, w *watched, name string) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
