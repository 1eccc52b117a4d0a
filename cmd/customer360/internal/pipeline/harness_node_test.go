package pipeline

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// node is an embedded Couchbase that can go away and come back.
type node struct {
	*couchbase.Node
	t      *testing.T
	config couchbase.Config
	stop   func()
}

func startNode(t *testing.T, dir string) *node {
	t.Helper()
	cfg := couchbase.DefaultConfig()
	cfg.Dir, cfg.Username, cfg.Password = dir, couchbasetest.Username, couchbasetest.Password
	cfg.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	n := &node{t: t, config: cfg, stop: func() {}}
	t.Cleanup(func() { n.stop() })
	n.start()
	return n
}

// start starts the node, after stop on the same address and folder.
func (n *node) start() {
	n.t.Helper()
	log := slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	var err error
	if n.Node, err = couchbase.New(n.config, couchbase.Deps{Log: log}); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	n.stop = func() {
		cancel()
		n.stop = func() {}
		select {
		case err := <-ended:
			if err != nil {
				n.t.Errorf("the Couchbase node ended with: %v", err)
			}
		case <-time.After(deadline):
			n.t.Error("the Couchbase node did not end")
		}
	}
	select {
	case <-n.Ready():
	case err := <-ended:
		ended <- nil
		n.t.Fatalf("the Couchbase node did not start: %v", err)
	}
	n.config.Listen = n.Addr()
}

// documents are all of a bucket but the probe of a sink that ended while it
// began, which expires within a minute.
func (c *cluster) documents(bucket string) map[string]string {
	c.t.Helper()
	all := map[string]string{}
	if err := c.node.EachDocument(bucket, func(key, body []byte) error {
		if !strings.HasPrefix(string(key), "_customer360_probe") {
			all[string(key)] = string(body)
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return all
}
