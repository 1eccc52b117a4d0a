package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"customer360/cmd/customer360/internal/up"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/kafka"
)

// Couchbase is the embedded node by itself.
type Couchbase struct {
	Common
	Listen       string // host:port; port 0 takes a free one
	Username     string
	PasswordFile string // empty: couchbase.password in the folder; made at the first start
	Buckets      []string
	Fault        string // as couchbase.ParseFaults reads it; "": nothing
}

// DefaultCouchbase is the node of `up`, without its folder.
func DefaultCouchbase() Couchbase {
	return Couchbase{Listen: up.DefaultOptions().Couchbase, Username: up.CouchbaseUser, Buckets: up.Buckets()}
}

// Validate reports flags that make no node.
func (c Couchbase) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("--listen %q is no address: write host:port", c.Listen)
	}
	if _, err := c.faults(); err != nil {
		return err
	}
	cc := c.config("any")
	for _, name := range c.Buckets {
		cc.Buckets = append(cc.Buckets, couchbase.Bucket{Name: name})
	}
	return cc.Validate()
}

func (c Couchbase) faults() ([]couchbase.Fault, error) {
	if c.Fault == "" {
		return nil, nil
	}
	faults, err := couchbase.ParseFaults(c.Fault)
	if err != nil {
		return nil, fmt.Errorf("--fault: %w", err)
	}
	return faults, nil
}

func (c Couchbase) config(password string) couchbase.Config {
	cc := couchbase.DefaultConfig()
	cc.Dir, cc.Listen, cc.Username, cc.Password, cc.Buckets = filepath.Join(c.Dir, "couchbase"), c.Listen, c.Username, password, nil
	return cc
}

// Run serves until ctx ends (nil), or the store cannot be written any more.
func (c Couchbase) Run(ctx context.Context) error {
	faults, err := c.faults()
	if err != nil {
		return err
	}
	lock, err := c.lock("couchbase")
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the lock ends with the process at the latest
	if c.PasswordFile == "" {
		c.PasswordFile = filepath.Join(c.Dir, "couchbase.password")
	}
	password, err := up.PasswordFile(c.PasswordFile)
	if err == nil && password == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return fmt.Errorf("the password file %s: %w", c.PasswordFile, err)
	}
	node, err := up.NewNode(c.config(password), couchbase.Deps{Log: c.Log, Now: time.Now}, c.Buckets, faults)
	if err != nil {
		return err
	}
	return c.serve(ctx, node, func() []Address {
		return []Address{{"couchbase", node.ConnectionString()}, {"username", c.Username}, {"password_file", c.PasswordFile}}
	})
}

// Kafka is the embedded broker by itself.
type Kafka struct {
	Common
	Listen string // an IP address and a port; port 0 takes a free one
}

// DefaultKafka is the broker of `up`, without its folder.
func DefaultKafka() Kafka { return Kafka{Listen: up.DefaultOptions().Kafka} }

func (k Kafka) config() kafka.Config {
	kc := kafka.DefaultConfig()
	kc.Dir, kc.Listen = filepath.Join(k.Dir, "kafka"), k.Listen
	return kc
}

// Validate reports flags that make no broker.
func (k Kafka) Validate() error { return k.config().Validate() }

// Run serves until ctx ends (nil), or the disk cannot be trusted any more.
func (k Kafka) Run(ctx context.Context) error {
	lock, err := k.lock("kafka")
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the lock ends with the process at the latest
	broker, err := kafka.New(k.config(), kafka.Deps{Log: k.Log})
	if err != nil {
		return err
	}
	return k.serve(ctx, broker, func() []Address { return []Address{{"kafka", broker.Addr()}} })
}
