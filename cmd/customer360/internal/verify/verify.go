package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/newest"
	"customer360/processors/couchbase"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

// ErrPromoted: another generation is being promoted, or was meanwhile, so what is
// found says nothing.
var ErrPromoted = errors.New("another generation is being promoted, or was meanwhile: verify again when it serves")

// Run compares, and repairs where it is told to.
func Run(ctx context.Context, cfg Config, deps Deps) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	start := time.Now()
	folder, err := newest.Open(cfg.Temp, "verify")
	if err != nil {
		return nil, err
	}
	defer folder.Discard(deps.Log)
	client, err := kgo.NewClient(append(deps.Kafka[:len(deps.Kafka):len(deps.Kafka)], kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	v := &run{cfg: cfg, deps: deps, spoken: start, admin: kadm.NewClient(client), reader: engine.NewReader(deps.Kafka, cfg.Settings.Documents()), dataEnd: map[int32]int64{},
		log: folder.Table('l'), quarantined: folder.Table('q'), unknown: folder.Table('u'), suspects: folder.Table('s'), wrong: folder.Table('w'),
		result: &Result{Generation: cfg.Settings.Generation, Sample: cfg.Share.String(), Reasons: map[Reason]int{}, Samples: []Sample{}}}
	if err := v.all(ctx); err != nil {
		return nil, err
	}
	v.result.Seconds = time.Since(start).Seconds()
	return v.result, nil
}

// run is one comparison under way.
type run struct {
	cfg     Config
	deps    Deps
	admin   *kadm.Client
	reader  *engine.Reader
	dataEnd map[int32]int64 // behind the last record that was read
	records int
	encoded []byte

	log         *newest.Table // key -> entry
	quarantined *newest.Table // key -> nothing
	unknown     *newest.Table // keys of Couchbase that the log does not know
	suspects    *newest.Table // key -> finding: differs, and may be on its way
	wrong       *newest.Table // key -> finding: differs

	result *Result
	spoken time.Time
	known  map[int64]bool // generations that are not to be written over

	mu sync.Mutex // of what the workers write: suspects, wrong, result
}

func (v *run) all(ctx context.Context) error {
	if _, err := v.serving(ctx); err != nil {
		return err
	}
	if err := v.readLog(ctx); err != nil {
		return err
	}
	if err := v.readQuarantined(ctx); err != nil {
		return err
	}
	if err := v.logAgainstCouchbase(ctx); err != nil {
		return err
	}
	if err := v.couchbaseAgainstLog(ctx); err != nil {
		return err
	}
	if err := v.settle(ctx); err != nil {
		return err
	}
	if err := v.count(ctx); err != nil {
		return err
	}
	if v.cfg.Repair {
		if err := v.repair(ctx); err != nil {
			return err
		}
	}
	_, err := v.serving(ctx)
	return err
}

// serving makes sure that the generation still serves.
func (v *run) serving(ctx context.Context) (generation.State, error) {
	state, err := generation.NewLog(v.deps.Kafka).Read(ctx)
	if err != nil {
		return state, err
	}
	if next, ok := state.Next(); ok && next.State == generation.Promoting {
		return state, ErrPromoted
	}
	if current, ok := state.Live(); ok && current.Number != v.cfg.Settings.Generation {
		return state, ErrPromoted
	}
	return state, nil
}

// logAgainstCouchbase looks at every key of the log.
func (v *run) logAgainstCouchbase(ctx context.Context) error {
	total := 0
	if err := v.log.Each(func([]byte, []byte) error { total++; return nil }); err != nil {
		return err
	}
	done := 0
	return v.look(ctx, v.log, func(key []byte) bool {
		done++
		v.progress("comparing the log with Couchbase", "keys", done, "of", total)
		return v.cfg.Share.has(key)
	}, func(key string, value []byte, f couchbase.Found) error {
		e, err := parseEntry(value)
		if err != nil {
			return err
		}
		quarantined, err := v.quarantined.Get([]byte(key))
		if err != nil {
			return err
		}
		reason := v.compare(e, f)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.saw(e, f)
		switch {
		case reason != "":
			return v.suspects.Put([]byte(key), finding{reason: reason, entry: e}.append(nil))
		case isForeign(e, f, v.cfg.KeepForeign):
		case quarantined != nil:
			v.result.Quarantined++
		default:
			v.result.Equal++
		}
		return nil
	})
}

// saw counts what is there.
func (v *run) saw(e *entry, f couchbase.Found) {
	if f.Live {
		v.result.Live++
	}
	if isForeign(e, f, v.cfg.KeepForeign) {
		v.result.Foreign++
	}
}

// compare leaves out what is somebody else's and stays as it is.
func (v *run) compare(e *entry, f couchbase.Found) Reason {
	if isForeign(e, f, v.cfg.KeepForeign) {
		return ""
	}
	return compare(e, f, int64(v.cfg.Settings.Generation))
}

// couchbaseAgainstLog looks for documents that the log does not know.
func (v *run) couchbaseAgainstLog(ctx context.Context) error {
	listed := 0
	how, err := v.deps.Auditor.Keys(ctx, func(key string) error {
		if couchbase.IsProbe(key) || !v.cfg.Share.has([]byte(key)) {
			return nil
		}
		listed++
		v.progress("listing the keys of Couchbase", "keys", listed)
		known, err := v.log.Get([]byte(key))
		if err != nil || known != nil {
			return err
		}
		return v.unknown.Put([]byte(key), nil)
	})
	if errors.Is(err, couchbase.ErrNoScan) {
		v.result.NotListed = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	v.result.Listed = how
	return v.look(ctx, v.unknown, func([]byte) bool { return true }, func(key string, _ []byte, f couchbase.Found) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.saw(nil, f)
		if reason := v.compare(nil, f); reason != "" {
			return v.suspects.Put([]byte(key), finding{reason: reason}.append(nil))
		}
		return nil
	})
}

// look looks up the keys of a table, several at a time. pick chooses; then gets
// the table's value, in any order and by several goroutines.
func (v *run) look(ctx context.Context, t *newest.Table, pick func(key []byte) bool, then func(key string, value []byte, f couchbase.Found) error) error {
	type job struct {
		key   string
		value []byte
	}
	return spread(ctx, v.cfg.Workers, func(give func(job) error) error {
		return t.Each(func(key, value []byte) error {
			if !pick(key) {
				return nil
			}
			return give(job{string(key), append([]byte{}, value...)})
		})
	}, func(ctx context.Context, j job) error {
		f, err := v.deps.Auditor.Look(ctx, j.key)
		if err != nil {
			return err
		}
		return then(j.key, j.value, f)
	})
}

// progress says now and then where the run is. Only one goroutine at a time.
func (v *run) progress(what string, args ...any) {
	if time.Since(v.spoken) < 2*time.Second {
		return
	}
	v.spoken = time.Now()
	v.deps.Log.Info(what, args...)
}
