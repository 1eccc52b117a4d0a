package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"customer360/internal/filesystem"
)

// errWindows: kfake renames files while it has them open. Windows refuses that, and kfake
// offers no way around it.
var errWindows = errors.New("the embedded Kafka broker cannot keep its data on Windows: give `customer360 run` a Kafka of your own, or start this in WSL")

// Broker is the embedded node.
type Broker struct {
	cfg   Config
	log   *slog.Logger
	ready chan struct{}
	addr  string // once ready
	disk  disk
}

// New checks the configuration. It starts nothing and touches no file.
func New(cfg Config, deps Deps) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" {
		return nil, errWindows
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Broker{cfg: cfg, log: deps.Log, ready: make(chan struct{}), disk: disk{dir: cfg.Dir, free: filesystem.FreeBytes}}, nil
}

// Ready is closed when clients can connect.
func (b *Broker) Ready() <-chan struct{} { return b.ready }

// Addr is where the broker listens; empty before Ready.
func (b *Broker) Addr() string {
	select {
	case <-b.ready:
		return b.addr
	default:
		return ""
	}
}

// Run serves until ctx ends (nil), or until the disk cannot be trusted any more.
// In the second case nothing that was acknowledged is missing from the folder.
func (b *Broker) Run(ctx context.Context) error {
	if err := b.disk.prepare(b.cfg.MinFreeBytes); err != nil {
		return err
	}
	unlock, err := lockFolder(b.cfg.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	door, err := openDoor(b.cfg.Listen)
	if err != nil {
		return err
	}
	defer door.close()

	for opened := false; ; opened = true {
		node, err := b.open(ctx, door)
		if err != nil {
			return err
		}
		if !opened {
			b.addr = door.Addr().String()
			close(b.ready)
			b.log.Info("the embedded Kafka broker listens", "address", b.addr, "dir", b.cfg.Dir)
		}
		again, err := b.serve(ctx, node)
		if err != nil || !again {
			return err
		}
	}
}

// openDoor binds the port once; the node behind it may change.
func openDoor(address string) (*door, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the embedded Kafka broker cannot listen on %s: another program uses that port; choose another one, or 0 for any free one", address)
	}
	if err != nil {
		return nil, fmt.Errorf("the embedded Kafka broker cannot listen on %s: %w", address, err)
	}
	return &door{TCPListener: listener.(*net.TCPListener)}, nil
}

// node is one kfake cluster over the folder.
type node struct {
	cluster *kfake.Cluster
	watch   *watch
	clients *clients
	journal *journal
}

// start opens the folder. Clients that knock meanwhile wait at the door.
func (b *Broker) start(door *door) (*node, error) {
	n := &node{clients: door.open()}
	n.watch = newWatch(b.log, n.clients.cut)
	opts := []kfake.Opt{
		kfake.Ports(0), // one node; the listener is ours
		kfake.ListenFn(func(string, string) (net.Listener, error) { return n.clients, nil }),
		kfake.ClusterID("customer360"),
		kfake.BrokerConfigs(Settings()),
		kfake.DataDir(b.cfg.Dir),
		kfake.WithLogger(n.watch),
	}
	if b.cfg.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("opening the embedded Kafka broker's folder %s: %w", b.cfg.Dir, err)
	}
	n.cluster = cluster
	n.watch.arm()
	if n.journal, err = openJournal(b.cfg.Dir, b.cfg.SyncWrites, n.watch.fail); err != nil {
		return nil, errors.Join(err, n.stop())
	}
	n.journal.attach(cluster)
	n.clients.let()
	return n, nil
}

// stop ends the node in order and keeps everything. A write that fails now ends
// the node as kill -9 would, which Close would wait for in vain.
func (n *node) stop() error {
	select {
	case err := <-n.watch.failed:
		return err // it ended already
	default:
	}
	closed := make(chan struct{})
	go func() {
		n.cluster.Close()
		close(closed)
	}()
	select {
	case <-closed:
		n.clients.cut()
		if n.journal == nil {
			return nil
		}
		return n.journal.close()
	case err := <-n.watch.failed:
		return err
	}
}

// serve runs a node until ctx ends, the disk fails, or it is time to clean: then
// the folder is at rest and again is true.
func (b *Broker) serve(ctx context.Context, n *node) (again bool, err error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var clean <-chan time.Time
	if b.cfg.CompactEvery > 0 {
		timer := time.NewTimer(b.cfg.CompactEvery)
		defer timer.Stop()
		clean = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return false, n.stop()
		case err := <-n.watch.failed:
			return false, err
		case <-clean:
			n.clients.settle()
			return true, n.stop()
		case <-look.C:
			if err := b.disk.look(b.log, b.cfg.MinFreeBytes); err != nil {
				return false, errors.Join(err, n.stop())
			}
		}
	}
}
