package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/newest"
	"customer360/topology"
	"customer360/topology/engine"
)

// Run sweeps once. Errors match ErrNoSnapshot, ErrIncomplete, ErrTooMany or
// ErrRowsReturn where it is refused; then nothing was written, but for
// ErrRowsReturn.
func Run(ctx context.Context, cfg Config, deps Deps) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	start := time.Now()
	partitions, err := partitionsOf(ctx, deps.Kafka, cfg.Topic)
	if err != nil {
		return nil, err
	}
	folder, err := newest.Open(cfg.Temp, "sweep")
	if err != nil {
		return nil, err
	}
	defer folder.Discard(deps.Log)
	s := &sweep{cfg: cfg, deps: deps, spoken: start, partitions: partitions, reader: engine.NewReader(deps.Kafka, cfg.Topic), rows: folder.Table('r'),
		snapshots: snapshots{byPlace: map[string]*snapshot{}}}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	if s.newest, err = s.snapshots.newest(cfg.Topic); err != nil {
		return nil, err
	}
	r, err := s.decide()
	if err == nil && !cfg.DryRun && r.Swept > 0 {
		err = s.withdraw(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if r.Rows > 0 {
		r.Share = float64(r.Swept) / float64(r.Rows)
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

func partitionsOf(ctx context.Context, opts []kgo.Opt, topic string) (int32, error) {
	cl, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.DisableClientMetrics())...)
	if err != nil {
		return 0, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("topic %s: %w", topic, err)
	}
	return int32(len(topics[topic].Partitions)), nil
}

// sweep is one sweep under way.
type sweep struct {
	cfg        Config
	deps       Deps
	partitions int32
	reader     *engine.Reader
	rows       *newest.Table // key -> row
	snapshots  snapshots
	newest     *snapshot
	records    int
	spoken     time.Time
}

// read folds what the topic has got since the last time.
func (s *sweep) read(ctx context.Context) error {
	return s.reader.Read(ctx, func(r *kgo.Record) error {
		s.records++
		if time.Since(s.spoken) > 2*time.Second {
			s.spoken = time.Now()
			s.deps.Log.Info("reading the raw topic", "records", s.records)
		}
		if r.Key == nil || topology.Partition(r.Key, s.partitions) != r.Partition {
			return nil // rekey does not take it for a row either
		}
		return s.fold(r)
	})
}

func (s *sweep) fold(r *kgo.Record) error {
	headers := make(map[string][]byte, len(r.Headers))
	for _, h := range r.Headers {
		headers[h.Key] = h.Value
	}
	raw := &codec.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: headers}
	change, err := s.deps.Decoder.Decode(raw)
	if err == nil && change.Ignored != "" {
		return nil
	}
	if errors.Is(err, codec.ErrHalt) || errors.Is(err, codec.ErrLater) { // it says nothing of the record
		return fmt.Errorf("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	encoded, err2 := s.rows.Get(r.Key)
	if err2 != nil {
		return err2
	}
	known, err2 := parseRow(encoded)
	if err2 != nil {
		return err2
	}
	at := point{r.Partition, r.Offset, r.Timestamp.UnixMilli()}
	known.partition, known.offset, known.at, known.place = at.partition, at.offset, at.at, ""
	if err != nil { // a dead letter: whatever it says, it is newer than what was before
		return s.rows.Put(r.Key, known.append(nil))
	}
	state, accepted := s.deps.Decoder.Accept(known.state, &change)
	if known.state = state; accepted {
		known.there = len(change.Assertions) > 0 || change.Problem != nil
	}
	mark, err := s.deps.Decoder.Snapshot(raw)
	if err == nil {
		err = s.snapshots.saw(mark, at)
	}
	if err != nil {
		return fmt.Errorf("%s/%d at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	if mark.Row {
		known.place = mark.Place
	}
	return s.rows.Put(r.Key, known.append(nil))
}

// decide counts what is to be withdrawn, and refuses what is too much.
func (s *sweep) decide() (*Result, error) {
	last := s.newest.last
	r := &Result{Topic: s.cfg.Topic, DryRun: s.cfg.DryRun, Keys: []string{},
		Snapshot: SnapshotEnd{Place: s.newest.place, Partition: last.partition, Offset: last.offset, At: time.UnixMilli(last.at).UTC()}}
	err := s.rows.Each(func(key, value []byte) error {
		known, err := parseRow(value)
		if err != nil || !known.there {
			return err
		}
		r.Rows++
		if s.newest.lacks(known) {
			if r.Swept++; len(r.Keys) < s.cfg.Samples {
				r.Keys = append(r.Keys, string(key))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.Rows > 0 {
		r.Share = float64(r.Swept) / float64(r.Rows)
	}
	if r.Share > s.cfg.MaxShare && r.Swept > s.cfg.Minimum && !s.cfg.Accept && !s.cfg.DryRun {
		return nil, fmt.Errorf("%w: %d of %d (%.1f%%, the limit is %.1f%%), since %s does not hold them; look with --dry-run, and if that is right: --accept, or a higher --max-share",
			ErrTooMany, r.Swept, r.Rows, 100*r.Share, 100*s.cfg.MaxShare, r.Snapshot.in(s.cfg.Topic))
	}
	return r, nil
}

// chunk is how many rows are withdrawn in one transaction.
const chunk = 2000

var errEnough = errors.New("enough")

// some are the rows that are to be withdrawn now, a chunk at most.
func (s *sweep) some() (keys map[string]row, err error) {
	keys = map[string]row{}
	err = s.rows.Each(func(key, value []byte) error {
		known, err := parseRow(value)
		if err == nil && s.newest.lacks(known) {
			keys[string(key)] = row{partition: known.partition}
			if len(keys) == chunk {
				return errEnough
			}
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return keys, err
}

// tries is how often a chunk may meet rows that have come back.
const tries = 20

// withdraw writes chunk after chunk, reading on before each: what it wrote, and
// what came meanwhile, is no longer to be withdrawn. r says what was.
func (s *sweep) withdraw(ctx context.Context, r *Result) error {
	w, err := s.writer(ctx, r.Snapshot)
	if err != nil {
		return err
	}
	defer w.client.Close()
	r.Swept, r.Keys = 0, []string{}
	for met := 0; met < tries; {
		if err := s.read(ctx); err != nil {
			return err
		}
		keys, err := s.some()
		if err != nil || len(keys) == 0 {
			slices.Sort(r.Keys)
			return err
		}
		if s.deps.beforeWrite != nil {
			s.deps.beforeWrite()
		}
		written, err := w.write(ctx, keys, s.reader.Next())
		if err != nil {
			return err
		}
		if !written {
			met++
			s.deps.Log.Info("a row that was to be withdrawn has come back: looking again")
			continue
		}
		met = 0
		for key := range keys {
			if r.Swept++; len(r.Keys) < s.cfg.Samples {
				r.Keys = append(r.Keys, key)
			}
		}
		s.deps.Log.Info("withdrawing", "rows", r.Swept)
	}
	return fmt.Errorf("%w, %d times; %d others were withdrawn: sweep again", ErrRowsReturn, tries, r.Swept)
}
