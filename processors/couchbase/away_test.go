package couchbase

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/couchbase/gocb/v2"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// The node's process is gone for a while and comes back with its data: the sink
// goes on by itself, soon.
func TestNodeAwayAndBack(t *testing.T) {
	address, run := comingNode(t)
	stop := run()
	cfg := testConfig()
	cfg.ConnectionString = "couchbase://" + address
	cfg.Timeout, cfg.RetryBackoff, cfg.RetryMax = DefaultConfig().Timeout, DefaultConfig().RetryBackoff, DefaultConfig().RetryMax
	client := connect(t, cfg)
	ledger := newLedger()
	w := startWriter(t, cfg, open(t, client, cfg.Documents), ledger)
	write := func(version int64) {
		for i := range 200 {
			w.submit(ledger.message(fmt.Sprint("k", i), version, fmt.Sprintf(`{"v":%d}`, version)))
		}
	}
	write(1)
	settled(t, ledger)
	stop()
	write(2)
	time.Sleep(2 * time.Second)
	if ledger.all() {
		t.Error("done without a node")
	}
	stop = run()
	defer stop()
	back := time.Now()
	eventually(t, 30*time.Second, ledger.all, func() string { return "it does not go on" })
	t.Logf("2 s away; all done %v after it was back", time.Since(back).Round(time.Millisecond))
	for i := range 200 {
		is2(t, client, open(t, client, cfg.Documents), fmt.Sprint("k", i), `{"v":2}`, Fence{1, 2})
	}
}

// comingNode is one that comes where it is said to be, and goes.
func comingNode(t *testing.T) (address string, run func() (stop func())) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	nc := couchbase.DefaultConfig()
	nc.Dir, nc.Listen, nc.Username, nc.Password = t.TempDir(), address, couchbasetest.Username, couchbasetest.Password
	nc.Buckets = []couchbase.Bucket{{Name: "customer360"}}
	return address, func() (stop func()) {
		_, stop = couchbasetest.Run(t, nc)
		return stop
	}
}

// TestConnectedSinkWaits: a process that starts its sink anew while the node is away
// (a promotion) waits for it, as it would have if the sink had gone on.
func TestConnectedSinkWaits(t *testing.T) {
	w := newWorld(t)
	address, run := comingNode(t)
	cfg := w.cfg
	cfg.ConnectionString, cfg.Username, cfg.Password = "couchbase://"+address, couchbasetest.Username, couchbasetest.Password
	cfg.ConnectTimeout = 300 * time.Millisecond
	d := w.deps("a")
	d.Client = nil
	s, err := NewSink(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, gocb.ErrTimeout) {
		t.Errorf("the first start ended with %v", err)
	}
	d.Connected, d.Registry = true, nil
	if s, err = NewSink(cfg, d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-time.After(4 * cfg.ConnectTimeout):
	}
	defer run()()
	eventually(t, 20*time.Second, s.Ready, func() string { return "not ready" })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
