package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"customer360/topology/engine"
)

const childEnv = "ENGINE_TEST_CHILD"

// child is the process that gets killed or stopped: broker, folder and instance
// from the environment, its log as JSON to stderr where that asks for it.
func child() {
	log := testLog()
	if os.Getenv("ENGINE_TEST_LOG") != "" {
		log = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	cfg := jobConfig(os.Getenv("ENGINE_TEST_ADDR"), os.Getenv("ENGINE_TEST_DIR"), os.Getenv(childEnv))
	if d, err := time.ParseDuration(os.Getenv("ENGINE_TEST_COMMIT")); err == nil {
		cfg.CommitInterval = d
	}
	cfg.Standbys, _ = strconv.Atoi(os.Getenv("ENGINE_TEST_STANDBYS"))
	g, err := engine.New(cfg, jobGraph(nil), engine.Deps{Log: log}, engine.Hooks{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		for !g.Ready() && g.Status().State != engine.Running {
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Println("running")
	}()
	if err := g.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type process struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func startChild(t *testing.T, addr, dir, instance string, options ...func(*exec.Cmd)) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+instance, "ENGINE_TEST_ADDR="+addr, "ENGINE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	for _, o := range options {
		o(cmd)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, out: bufio.NewReader(out)}
	t.Cleanup(p.kill)
	return p
}

func (p *process) awaitRunning() { _, _ = p.out.ReadString('\n') }

// end waits for the process's own end after SIGTERM; one that hangs says where.
func (p *process) end(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	hangs := time.AfterFunc(patience, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	_ = p.cmd.Wait()
	if !hangs.Stop() {
		t.Errorf("the child does not end")
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// kill -9 while running, while recovering, with and without the local folder.
func TestExactlyOnceOverKills(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const n, keys = 14_000, 200
	generated := make(chan struct{})
	go func() {
		defer close(generated)
		generate(t, b.Addr, 0, n, keys, 2000)
	}()
	for i := range 10 {
		p := startChild(t, b.Addr, dir, "a")
		if i%3 == 2 {
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // in start or recovery
		} else {
			p.awaitRunning()
			time.Sleep(time.Duration(200+rand.IntN(700)) * time.Millisecond)
		}
		p.kill()
		if i%5 == 3 {
			if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := startJob(t, b, dir, "a")
	receive(t, generated, "the input is not written")
	awaitEnd(t, b.Addr, jobGroup, 120*time.Second, jobIn)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	verify(t, b.Addr, dir, n, keys)
}
