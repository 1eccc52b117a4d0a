package sink

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/child"
	"customer360/internal/local/couchbase"
	"customer360/topology"
)

// places are where the servers are and who may use them.
type places struct {
	PID        int      `json:"pid"`
	Kafka      []string `json:"kafka"`
	Couchbase  string   `json:"couchbase"`
	Username   string   `json:"username"`
	Password   string   `json:"password"`
	Partitions int32    `json:"partitions"`
}

func (p places) kafka() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(p.Kafka...), kgo.DisableClientMetrics()}
}

func settingsOf(partitions int32) topology.Settings {
	s := topology.DefaultSettings()
	s.Partitions = partitions
	return s
}

// serveServers is the role "servers": a broker with the product's topics and a
// node with its bucket. It tells where they are and serves until in ends.
func serveServers(ctx context.Context, partitions int32, in io.Reader, out *json.Encoder, stderr io.Writer) error {
	kafka, end, err := child.Broker(ctx, settingsOf(partitions))
	if err != nil {
		return err
	}
	defer end()
	p := places{PID: os.Getpid(), Kafka: kafka, Username: "bench", Password: secret(), Partitions: partitions}
	return withNode(ctx, &p, stderr, func() error {
		if err := out.Encode(p); err != nil {
			return fmt.Errorf("telling the addresses: %w", err)
		}
		_, err := io.Copy(io.Discard, in) // until the parent has enough
		return err
	})
}

// withNode runs the Couchbase node while do works.
func withNode(ctx context.Context, p *places, stderr io.Writer, do func() error) (err error) {
	dir, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return fmt.Errorf("a folder for the Couchbase node: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := couchbase.DefaultConfig()
	c.Dir, c.Username, c.Password, c.Buckets = dir, p.Username, p.Password, []couchbase.Bucket{{Name: "customer360"}}
	node, err := couchbase.New(c, couchbase.Deps{Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-node.Ready():
	}
	p.Couchbase = node.ConnectionString()
	done := do()
	cancel()
	return errors.Join(done, <-ended)
}

// secret is a password of this run, so that nobody else writes into the node.
func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// startServers starts that role.
func startServers(ctx context.Context, cfg Config, stderr io.Writer) (*child.Child, places, error) {
	c, err := cfg.start(ctx, stderr, "servers", contendConfig{Places: places{Partitions: cfg.Partitions}})
	if err != nil {
		return nil, places{}, err
	}
	var p places
	if err := c.Hear(&p); err != nil {
		return nil, places{}, errors.Join(err, c.Stop())
	}
	return c, p, nil
}
