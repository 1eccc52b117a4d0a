package couchbase

import (
	"fmt"
	"net"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// The node's process is gone for a while and comes back with its data: the sink
// goes on by itself, soon.
func TestNodeAwayAndBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	nc := couchbase.DefaultConfig()
	nc.Dir, nc.Listen, nc.Username, nc.Password = t.TempDir(), address, couchbasetest.Username, couchbasetest.Password
	nc.Buckets = []couchbase.Bucket{{Name: "customer360"}}
	run := func() (stop func()) {
		_, stop = couchbasetest.Run(t, nc)
		return stop
	}
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
