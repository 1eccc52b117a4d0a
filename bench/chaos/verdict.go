package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/deadletters"
	"customer360/internal/local/couchbase"
	"customer360/internal/local/kafka"
	"customer360/internal/model"
	"customer360/topology"
	"customer360/topology/engine"
)

// judge opens what up left and fills in the report: raw topics through the model,
// and beside it what the buckets hold.
func (r *run) judge(ctx context.Context, report *Report) error {
	var m *model.Model
	var letters []deadletters.Letter
	err := withBroker(ctx, r.folder("up/kafka"), func(kafka []kgo.Opt) (err error) {
		if m, report.Records, err = readRaw(ctx, kafka); err != nil {
			return err
		}
		letters, err = deadletters.List(ctx, kafka)
		return err
	})
	if err != nil {
		return err
	}
	want := m.Documents()
	// The same from what compaction leaves when every lag and retention is over: a
	// rebuild may find no more than that.
	if err := kafka.Compact(r.folder("up/kafka"), time.Now().Add(365*24*time.Hour)); err != nil {
		return err
	}
	err = withBroker(ctx, r.folder("up/kafka"), func(kafka []kgo.Opt) error {
		left, n, err := readRaw(ctx, kafka)
		if err == nil {
			report.Compacted = n
			report.compare("after compaction", left.Documents(), want)
		}
		return err
	})
	if err != nil {
		return err
	}
	if stopped := m.Stopped(); len(stopped) > 0 {
		return fmt.Errorf("the model says that groups had to stop: %v", stopped)
	}
	report.Letters, report.Unexplained = len(letters), unexplained(letters, m.DeadLetters())
	report.Quarantined = len(m.Quarantined())
	staged := map[string][]byte{}
	for key, s := range m.Staged(time.Now()) {
		staged[key] = s.Body
	}
	return withNode(ctx, r.folder("up/couchbase"), func(node *couchbase.Node) error {
		documents, err := bucket(node, "customer360")
		if err != nil {
			return err
		}
		report.Documents, report.Staged = len(want), len(staged)
		report.compare("customer360", documents, want)
		if documents, err = bucket(node, "staging"); err == nil {
			report.compare("staging", documents, staged)
		}
		return err
	})
}

// readRaw puts the raw topics through a new model and counts their records.
func readRaw(ctx context.Context, kafka []kgo.Opt) (*model.Model, int, error) {
	settings, records := topology.DefaultSettings(), 0
	m := model.New(model.Options{Partitions: func(string) int32 { return settings.Partitions }})
	for _, source := range topology.Sources() {
		err := engine.ReadToEnd(ctx, kafka, settings.RawTopic(source), func(rec *kgo.Record) error {
			raw := model.Raw{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset, Timestamp: rec.Timestamp,
				Key: rec.Key, Value: rec.Value, Headers: map[string][]byte{}}
			for _, h := range rec.Headers {
				raw.Headers[h.Key] = h.Value
			}
			m.Apply(raw)
			records++
			return nil
		})
		if err != nil {
			return nil, 0, fmt.Errorf("reading the raw topic of %s: %w", source, err)
		}
	}
	return m, records, nil
}

// unexplained are letters that the model does not have: their coordinates and
// reason.
func unexplained(letters []deadletters.Letter, expected []string) []string {
	var list []string
	for _, l := range letters {
		if !slices.Contains(expected, l.Coordinates()) {
			list = append(list, l.Coordinates()+" ("+l.Stage+"): "+l.Reason)
		}
	}
	return list
}

// bucket reads all of a bucket's documents.
func bucket(node *couchbase.Node, name string) (map[string][]byte, error) {
	documents := map[string][]byte{}
	err := node.EachDocument(name, func(key, body []byte) error {
		documents[string(key)] = bytes.Clone(body)
		return nil
	})
	return documents, err
}

// withBroker opens a broker's folder, as it is.
func withBroker(ctx context.Context, dir string, f func([]kgo.Opt) error) error {
	c := kafka.DefaultConfig()
	c.Dir, c.CompactEvery, c.SyncWrites = dir, 0, false
	broker, err := kafka.New(c, kafka.Deps{})
	if err != nil {
		return err
	}
	return whileRunning(ctx, broker, func() error { return f([]kgo.Opt{kgo.SeedBrokers(broker.Addr())}) })
}

// withNode opens a Couchbase node's folder.
func withNode(ctx context.Context, dir string, f func(*couchbase.Node) error) error {
	c := couchbase.DefaultConfig()
	c.Dir, c.Username, c.Password = dir, "nobody", "nobody"
	c.Buckets = []couchbase.Bucket{{Name: "customer360"}, {Name: "staging"}, {Name: "customer360_metadata"}}
	node, err := couchbase.New(c, couchbase.Deps{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}
	return whileRunning(ctx, node, func() error { return f(node) })
}

// server is an embedded part.
type server interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

func whileRunning(ctx context.Context, s server, f func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		return err
	}
	err := f()
	cancel()
	return errors.Join(err, <-ended)
}
