package csvdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"customer360/topology"
)

// The test binary is also the other process: with one of these as its first
// argument.
const (
	childDie    = "csvdir-die"    // an importer that dies by kill -9
	childImport = "csvdir-import" // one import by hand, and what it cost
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case childDie:
			report(dieAt(os.Args[2:]))
			return
		case childImport:
			report(importMeasured(os.Args[2:]))
			return
		}
	}
	goleak.VerifyTestMain(m)
}

func report(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// dieAt runs an importer up to a record: address, folder, own folder,
// instance, number of the record.
func dieAt(args []string) error {
	kill := &killAt{}
	n, err := strconv.ParseInt(args[4], 10, 64)
	if err != nil {
		return err
	}
	kill.left.Store(n)
	b := bench{dir: args[1], state: args[2]}
	cfg := b.crashConfig()
	cfg.Instance = args[3]
	i, err := New(cfg, Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(args[0]), kgo.WithHooks(kill)}})
	if err != nil {
		return err
	}
	return i.Run(context.Background())
}

// killAt ends its own process by kill -9 at the n-th record.
type killAt struct{ left atomic.Int64 }

func (k *killAt) OnProduceRecordBuffered(r *kgo.Record) {
	if r.Topic != topology.FilesTopic && k.left.Add(-1) == 0 {
		time.Sleep(20 * time.Millisecond) // what came before is on its way to the broker
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {}
	}
}

// importMeasured imports a file: address, folder, own folder, path.
func importMeasured(args []string) error {
	cfg := DefaultConfig()
	cfg.Dir, cfg.StateDir, cfg.Stable = args[1], args[2], 0
	base, err := resident("VmRSS")
	if err != nil {
		return err
	}
	peak, begun := watchMemory(), time.Now()
	f, err := Import(context.Background(), cfg, Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(args[0])}}, args[3], false)
	if err != nil {
		return err
	}
	took, heap := time.Since(begun), peak()
	most, err := resident("VmHWM")
	fmt.Printf("rows %d heap %d rss %d took %d\n", f.Written, heap, most-base, took.Nanoseconds())
	return err
}

// resident reads this process's memory off /proc, in bytes.
func resident(what string) (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no " + what)
}

// run runs the other process to its end and returns what it printed.
func (b *bench) run(args ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], args...)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		b.t.Fatalf("the other process: %v", err)
	}
	return string(out)
}
