package generation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/txn"
)

// States of a generation.
const (
	Building = "building" // first offsets are being committed
	Serving  = "serving"
	Retired  = "retired"
)

// Generation is one entry of the topic, under its number.
type Generation struct {
	Number int               `json:"number"`
	State  string            `json:"state"`
	Parts  map[string]string `json:"parts"`  // what decides the bytes, by name
	Topics map[string]string `json:"topics"` // raw topics' ids
	// FirstOffsets is where the groups began: topic -> partition -> offset.
	FirstOffsets map[string]map[int32]int64 `json:"first_offsets,omitempty"`
}

// State is the whole topic, folded.
type State struct {
	Generations map[int]Generation
	KeyForms    map[string]string // raw topic -> bare or wrapped
}

// Current is the generation that serves or, before there is one, is building.
func (s State) Current() (Generation, bool) {
	var best Generation
	for _, g := range s.Generations {
		if g.State != Retired && (best.Number == 0 || g.State == Serving && best.State != Serving ||
			g.State == best.State && g.Number > best.Number) {
			best = g
		}
	}
	return best, best.Number > 0
}

const keyFormPrefix = "key-form/"

// Log reads and changes the topic.
type Log struct {
	opts []kgo.Opt
}

// NewLog makes a Log from the options that reach the cluster.
func NewLog(opts []kgo.Opt) *Log { return &Log{opts: opts} }

// Read folds the topic up to its present end.
func (l *Log) Read(ctx context.Context) (State, error) {
	s := State{Generations: map[int]Generation{}, KeyForms: map[string]string{}}
	err := engine.ReadToEnd(ctx, l.opts, topology.GenerationsTopic, func(r *kgo.Record) error {
		if err := s.apply(r.Key, r.Value); err != nil {
			return fmt.Errorf("%s at offset %d: %w", topology.GenerationsTopic, r.Offset, err)
		}
		return nil
	})
	return s, err
}

func (s *State) apply(key, value []byte) error {
	if topic, ok := strings.CutPrefix(string(key), keyFormPrefix); ok {
		if value == nil {
			delete(s.KeyForms, topic)
		} else {
			s.KeyForms[topic] = string(value)
		}
		return nil
	}
	number, err := strconv.Atoi(string(key))
	if err != nil {
		return fmt.Errorf("key %q is no generation", key)
	}
	if value == nil {
		delete(s.Generations, number)
		return nil
	}
	var g Generation
	if err := json.Unmarshal(value, &g); err != nil {
		return fmt.Errorf("generation %d: %w", number, err)
	}
	s.Generations[number] = g
	return nil
}

// entry is one record to write.
type entry struct{ key, value []byte }

func generationEntry(g Generation) (entry, error) {
	value, err := json.Marshal(g)
	return entry{strconv.AppendInt(nil, int64(g.Number), 10), value}, err
}

// update reads the state under the fixed transactional id, lets decide say
// what to write, and commits it; when another instance came in between, it
// starts again. decide may be called several times.
func (l *Log) update(ctx context.Context, decide func(State) ([]entry, error)) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := l.try(ctx, decide)
		if err == nil || !fenced(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func fenced(err error) bool {
	for _, e := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions, kerr.TransactionAbortable, kerr.InvalidTxnState} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (l *Log) try(ctx context.Context, decide func(State) ([]entry, error)) error {
	cl, err := kgo.NewClient(append(l.opts[:len(l.opts):len(l.opts)], kgo.TransactionalID(topology.GenerationsTopic),
		kgo.TransactionTimeout(10*time.Second), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableClientMetrics(),
		kgo.DefaultProduceTopic(topology.GenerationsTopic))...)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil { // fences who was here before
		return fmt.Errorf("taking the transactional id of %s: %w", topology.GenerationsTopic, err)
	}
	state, err := l.Read(ctx)
	if err != nil {
		return err
	}
	entries, err := decide(state)
	if err != nil || len(entries) == 0 {
		return err
	}
	transaction, err := txn.Begin(ctx, cl)
	if err != nil {
		return err
	}
	var records []*kgo.Record
	for _, e := range entries {
		records = append(records, &kgo.Record{Key: e.key, Value: e.value})
	}
	err = cl.ProduceSync(ctx, records...).FirstErr()
	if err == nil {
		err = transaction.Commit(ctx)
	}
	if err != nil {
		_ = transaction.Abort(ctx) // or the next one of this id does
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", topology.GenerationsTopic, err)
	}
	return nil
}

// KeyForm returns the pinned form of a raw topic's keys, "" before the first.
func (l *Log) KeyForm(ctx context.Context, topic string) (string, error) {
	s, err := l.Read(ctx)
	return s.KeyForms[topic], err
}

// SetKeyForm pins the form unless one is pinned, and returns what is.
func (l *Log) SetKeyForm(ctx context.Context, topic, form string) (string, error) {
	winner := form
	err := l.update(ctx, func(s State) ([]entry, error) {
		winner = form
		if have := s.KeyForms[topic]; have != "" {
			winner = have
			return nil, nil
		}
		return []entry{{[]byte(keyFormPrefix + topic), []byte(form)}}, nil
	})
	return winner, err
}
