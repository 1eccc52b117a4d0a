package emitters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/bench/child"
	"customer360/internal/local/simulate"
	"customer360/topology"
)

// partitions of the topics that have a choice.
const partitions = 4

// places are where the servers are.
type places struct {
	PID    int      `json:"pid"`
	Kafka  []string `json:"kafka"`
	Store  string   `json:"store"`
	Emails []string `json:"emails"` // of the store's customers
}

func (p places) kafka() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(p.Kafka...), kgo.DisableClientMetrics()}
}

func settings() topology.Settings {
	s := topology.DefaultSettings()
	s.Partitions = partitions
	return s
}

// serveServers is the role "servers": a broker with the product's topics, and the
// Online Store. It tells where they are and serves until in ends.
func serveServers(ctx context.Context, customers int, in io.Reader, out *json.Encoder) (err error) {
	kafka, end, err := child.Broker(ctx, settings())
	if err != nil {
		return err
	}
	defer end()
	p := places{PID: os.Getpid(), Kafka: kafka}
	dir, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return fmt.Errorf("a folder for the store: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := simulate.DefaultConfig()
	c.Dir, c.Topic, c.EventsPerSecond, c.Customers = dir, "", 0, customers
	world, err := simulate.New(c, simulate.Deps{})
	if err != nil {
		return err
	}
	for customer := range world.ExpectStore() {
		p.Emails = append(p.Emails, customer.Email)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- world.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-world.Ready():
	}
	p.Store = world.StoreURL()
	err = out.Encode(p)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // until the parent has enough
	}
	cancel()
	return errors.Join(err, <-ended)
}
