package pipeline

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/cmd/customer360/internal/config"
	"customer360/processors/couchbase"
	"customer360/topology"
	"customer360/topology/generation"
)

// served is an instance that follows the generations, as `run` does.
type served struct {
	server *Server
	file   atomic.Pointer[config.Config] // what it reads when the generation changes
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended
	mayEnd bool  // with an error
}

func (c *cluster) deps(instance string) Deps {
	log := slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	return Deps{Log: log.With("instance", instance), Registry: prometheus.NewRegistry(), Kafka: c.kafka, Instance: instance, Dir: c.in(instance)}
}

// serve starts an instance that follows the generations.
func (c *cluster) serve(instance string, stages ...string) *served {
	c.t.Helper()
	if len(stages) == 0 {
		stages = Stages()
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{server: NewServer(prometheus.NewRegistry(), stages, true), cancel: cancel, ended: make(chan struct{})}
	conf := c.config
	s.file.Store(&conf)
	p, err := s.server.Start(ctx, c.config, c.deps(instance))
	if err != nil {
		cancel()
		c.t.Fatalf("making the pipeline: %v", err)
	}
	go func() {
		defer close(s.ended)
		s.err = s.server.Run(ctx, func() (config.Config, error) { return *s.file.Load(), nil })
	}()
	c.t.Cleanup(func() {
		cancel()
		<-s.ended
	})
	c.followed(p)
	c.serves = append(c.serves, s)
	return s
}

func (s *served) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// works says whether the instance runs a whole pipeline of a generation.
func (s *served) works(number int) bool {
	p := s.server.Pipeline()
	return p.Graph().Settings.Generation == number && p.wait == ""
}

// reconfigure changes the configuration of the cluster and of all instances'
// files; those that run go on with the former one.
func (c *cluster) reconfigure(change func(*config.Config)) {
	change(&c.config)
	c.changes = append(c.changes, change)
	for _, s := range c.serves {
		conf := c.config
		s.file.Store(&conf)
	}
}

// within is a context for one thing that a test does.
func (c *cluster) within() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	c.t.Cleanup(cancel)
	return ctx
}

// rebuildWith builds the next generation in this process.
func (c *cluster) rebuildWith(cfg config.Config, instance string, replay generation.Replay) error {
	r, err := NewRebuild(c.within(), cfg, c.deps(instance), replay)
	if err != nil {
		return err
	}
	return r.Run(c.within(), func(Progress) {})
}

func (c *cluster) rebuild() {
	c.t.Helper()
	if err := c.rebuildWith(c.config, "rebuilder", generation.Replay{}); err != nil {
		c.t.Fatalf("rebuild: %v", err)
	}
}

func (c *cluster) promoteWith(cfg config.Config, instance string) error {
	_, err := Promote(c.within(), cfg, c.deps(instance), func(Progress) {}, func(text string) { c.t.Log(text) })
	return err
}

// promote lets the next generation serve, and follows its topics.
func (c *cluster) promote() {
	c.t.Helper()
	if err := c.promoteWith(c.config, "rebuilder"); err != nil {
		c.t.Fatalf("promote: %v", err)
	}
	c.followLive()
}

// followLive waits until all instances work on the generation that serves, and
// follows its topics from now on.
func (c *cluster) followLive() {
	c.t.Helper()
	live, ok := c.state().Live()
	if !ok {
		c.t.Fatal("nothing serves")
	}
	for _, s := range c.serves {
		c.until("an instance changes over", func() bool { return s.works(live.Number) || !s.alive() })
	}
	graph, err := topology.New(live.Topology(Settings(c.config)))
	if err != nil {
		c.t.Fatal(err)
	}
	c.follow = startFollower(c.t, c.kafka, graph)
}

// state is the topic of the generations as of now.
func (c *cluster) state() generation.State {
	c.t.Helper()
	s, err := generation.NewLog(c.kafka).Read(c.within())
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// states are the states of generations 1 and up, by their numbers.
func (c *cluster) states() (states []string) {
	c.t.Helper()
	s := c.state()
	for n := 1; n <= len(s.Generations); n++ {
		states = append(states, s.Generations[n].State)
	}
	return states
}

// fenceOf is the fence in Couchbase, of a document or of what is left of one.
func (c *cluster) fenceOf(client *couchbase.Client, key string) couchbase.Fence {
	c.t.Helper()
	f, _, err := client.Fence(c.within(), CouchbaseConfig(c.config).Documents, key)
	if err != nil {
		c.t.Fatalf("the fence of %s: %v", key, err)
	}
	return f
}

func (c *cluster) couchbase() *couchbase.Client {
	c.t.Helper()
	client, err := couchbase.Connect(c.within(), CouchbaseConfig(c.config), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { client.Close() })
	return client
}

// request is one that somebody sends.
type request struct {
	key    kmsg.Key
	is     func(kmsg.Request) bool
	passes bool // it takes effect, and nobody learns of that
}

func endOf(transactionalID string, passes bool) request {
	return request{kmsg.EndTxn, func(r kmsg.Request) bool { return r.(*kmsg.EndTxnRequest).TransactionalID == transactionalID }, passes}
}

func commitOf(group string) request {
	return request{kmsg.OffsetCommit, func(r kmsg.Request) bool { return r.(*kmsg.OffsetCommitRequest).Group == group }, false}
}

// mortal is a process that is killed when it sends a request.
type mortal struct {
	process *process
	dead    chan struct{}
}

// spawnAt starts a process that is killed at the next such request.
func (c *cluster) spawnAt(at request, is told) mortal {
	c.t.Helper()
	d, started := mortal{dead: make(chan struct{})}, make(chan struct{})
	cluster := c.broker.Cluster
	cluster.ControlKey(int16(at.key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if !at.is(r) {
			return nil, nil, false
		}
		<-started
		d.process.kill()
		close(d.dead)
		cluster.DropControl()
		return nil, errCut, !at.passes
	})
	d.process = c.spawn(is)
	close(started)
	return d
}

// dies waits for the death that killWhen promised.
func (c *cluster) dies(what string, p *process, dead <-chan struct{}) {
	c.t.Helper()
	select {
	case <-dead:
	case <-p.exited:
		if p.err == nil || p.err.Error() != "signal: killed" {
			c.t.Fatalf("%s: it ended by itself: %v", what, p.err)
		}
		<-dead
	case <-time.After(deadline):
		c.t.Fatalf("%s: it was not killed", what)
	}
}
