package couchbase

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/syndtr/goleveldb/leveldb"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Node is a data node. It does nothing until Run.
type Node struct {
	cfg         Config
	log         *slog.Logger
	now         func() time.Time
	open        openStorage
	commands    map[memd.CmdCode]*command
	credentials *credentials
	faults      faultSet

	ready    chan struct{} // closed once the fields below are set
	stopping chan struct{} // closed when Run is about to end
	cancel   context.CancelCauseFunc

	address    string
	port       int
	secure     string // the address that speaks TLS, "" for none
	portTLS    int
	buckets    map[string]*bucket
	maps       map[string][]byte // cluster maps by bucket; "" is the one without
	mapVersion mapVersion

	mu          sync.Mutex
	started     bool
	connections map[*connection]struct{}
}

// New makes a node. It opens and starts nothing.
func New(cfg Config, deps Deps) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("couchbase node: %w", err)
	}
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	credentials, err := newCredentials(cfg.Username, cfg.Password)
	if err != nil {
		return nil, fmt.Errorf("couchbase node: %w", err)
	}
	known := commands()
	if cfg.Before76 {
		for code := range scanCommands() {
			delete(known, code)
		}
	}
	return &Node{
		cfg: cfg, log: deps.Log, now: deps.Now, open: openFiles, commands: known, credentials: credentials,
		ready: make(chan struct{}), stopping: make(chan struct{}),
		buckets: map[string]*bucket{}, connections: map[*connection]struct{}{},
	}, nil
}

// Ready is closed once the node listens. If Run fails before, it never is.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Addr is where the node listens, host:port. Valid after Ready.
func (n *Node) Addr() string { return n.address }

// ConnectionString is the address for an SDK. Valid after Ready.
func (n *Node) ConnectionString() string { return "couchbase://" + n.address }

// SecureConnectionString is the address for an SDK that speaks TLS. Valid after
// Ready, where the configuration has TLS.
func (n *Node) SecureConnectionString() string { return "couchbases://" + n.secure }

// Count is how many live documents a bucket has, in all collections. Valid after Ready and until Run ends.
func (n *Node) Count(name string) (docs int, err error) {
	b, ok := n.buckets[name]
	if !ok {
		return 0, fmt.Errorf("no bucket %q", name)
	}
	return b.count()
}

// Run opens the store, listens and serves until ctx ends, which is no error. It
// returns when everything it started has ended, and the store is closed. It
// returns an error when the store cannot be written any more. A node runs once.
func (n *Node) Run(ctx context.Context) (err error) {
	n.mu.Lock()
	again := n.started
	n.started = true
	n.mu.Unlock()
	if again {
		return errors.New("couchbase node: Run was called before")
	}
	db, closeStore, err := openStore(n.cfg.Dir, n.open)
	if err != nil {
		return fmt.Errorf("couchbase node: %w", err)
	}
	defer func() {
		if cerr := closeStore(); cerr != nil && err == nil {
			err = fmt.Errorf("couchbase node: close the store: %w", cerr)
		}
	}()
	if err := n.openBuckets(db); err != nil {
		return fmt.Errorf("couchbase node: %w", err)
	}
	listeners, err := n.listen()
	if err != nil {
		return fmt.Errorf("couchbase node: %w", err)
	}
	if err := n.renderMaps(); err != nil {
		return errors.Join(fmt.Errorf("couchbase node: %w", err), closeAll(listeners))
	}
	ctx, n.cancel = context.WithCancelCause(ctx)
	defer n.cancel(nil)
	close(n.ready)
	n.log.Info("couchbase: node listens", "address", n.address, "buckets", len(n.buckets), "dir", n.cfg.Dir)
	return n.work(ctx, listeners)
}

func (n *Node) openBuckets(db *leveldb.DB) error {
	for _, c := range n.cfg.Buckets {
		b, err := openBucket(db, c, n.now, n.cfg.FailoverHistory)
		if err != nil {
			return err
		}
		n.buckets[c.Name] = b
	}
	return nil
}
