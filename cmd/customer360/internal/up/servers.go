package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/kafka"
)

// CouchbaseUser is the embedded Couchbase's user.
const CouchbaseUser = "customer360"

// Names of its buckets, as the configuration has them by default.
const (
	documentsBucket = "customer360"
	stagingBucket   = "staging"
	metadataBucket  = "customer360_metadata"
)

// Buckets are the names of the embedded Couchbase's buckets.
func Buckets() []string { return []string{documentsBucket, stagingBucket, metadataBucket} }

// servers are the embedded Kafka and Couchbase. They outlive what uses them:
// stop is called when the pipeline has ended.
type servers struct {
	broker *kafka.Broker
	node   *couchbase.Node
	cancel context.CancelFunc
	group  *errgroup.Group
	failed chan struct{} // closed when one of them ended by itself
}

// startServers returns when both listen. ctx only bounds the start.
func startServers(ctx context.Context, f *folder, o Options, password string, log *slog.Logger) (*servers, error) {
	kc := kafka.DefaultConfig()
	kc.Dir, kc.Listen = f.in(kafkaDir), o.Kafka
	broker, err := kafka.New(kc, kafka.Deps{Log: log.With("part", "kafka")})
	if err != nil {
		return nil, err
	}
	faults, err := o.faults()
	if err != nil {
		return nil, err
	}
	cc := couchbase.DefaultConfig()
	cc.Dir, cc.Listen, cc.Username, cc.Password = f.in(couchbaseDir), o.Couchbase, CouchbaseUser, password
	node, err := NewNode(cc, couchbase.Deps{Log: log.With("part", "couchbase-node"), Now: o.Now}, Buckets(), faults)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &servers{broker: broker, node: node, cancel: cancel, group: new(errgroup.Group), failed: make(chan struct{})}
	ended := make(chan error, 2)
	run := func(name string, f func(context.Context) error) {
		s.group.Go(func() error {
			err := f(life)
			if err == nil && life.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			ended <- err
			return err
		})
	}
	run("kafka", broker.Run)
	run("couchbase", node.Run)
	for _, ready := range []<-chan struct{}{broker.Ready(), node.Ready()} {
		select {
		case <-ready:
		case err := <-ended:
			return nil, errors.Join(err, s.stop())
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), s.stop())
		}
	}
	go func() { // ends with the servers: each sends once
		if err := <-ended; err != nil {
			close(s.failed)
		}
	}()
	return s, nil
}

// stop ends both and returns what went wrong with them, also before.
func (s *servers) stop() error {
	s.cancel()
	done := make(chan error, 1)
	go func() { done <- s.group.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("the embedded servers did not end within 30 s")
	}
}

// NewNode makes an embedded Couchbase node that fails as it is told. cc lacks the
// buckets only.
func NewNode(cc couchbase.Config, deps couchbase.Deps, buckets []string, faults []couchbase.Fault) (*couchbase.Node, error) {
	cc.Buckets = nil
	for _, name := range buckets {
		cc.Buckets = append(cc.Buckets, couchbase.Bucket{Name: name})
	}
	for _, f := range faults {
		cc.FailoverHistory = max(cc.FailoverHistory, f.Lost)
	}
	node, err := couchbase.New(cc, deps)
	if err == nil && len(faults) > 0 {
		node.SetFaults(faults...)
		deps.Log.Warn("the embedded Couchbase fails as it is told", "faults", len(faults))
	}
	return node, err
}
