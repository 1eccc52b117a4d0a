package gendiff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/internal/fielddiff"
	"customer360/internal/newest"
	"customer360/processors"
	"customer360/topology"
	"customer360/topology/engine"
)

// Config of a comparison.
type Config struct {
	From, To topology.Settings // of the two generations
	Samples  int               // told of each kind of difference
	Temp     string            // where the temporary folder is made; "": the system's place
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.From.Generation == c.To.Generation:
		return fmt.Errorf("generation %d is to be compared with itself", c.To.Generation)
	case c.Samples < 0:
		return fmt.Errorf("%d samples: use 0 or more", c.Samples)
	}
	return errors.Join(c.From.Validate(), c.To.Validate())
}

// Deps are passed in.
type Deps struct {
	Kafka []kgo.Opt
	Log   *slog.Logger // progress
}

// Run compares.
func Run(ctx context.Context, cfg Config, deps Deps) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	start := time.Now()
	folder, err := newest.Open(cfg.Temp, "diff")
	if err != nil {
		return nil, err
	}
	defer folder.Discard(deps.Log)
	d := &diff{cfg: cfg, deps: deps, spoken: start, fields: map[string]int{}, told: map[string]int{},
		from: side{settings: cfg.From, reader: engine.NewReader(deps.Kafka, cfg.From.Documents()), documents: folder.Table('a'), quarantined: folder.Table('x')},
		to:   side{settings: cfg.To, reader: engine.NewReader(deps.Kafka, cfg.To.Documents()), documents: folder.Table('b'), quarantined: folder.Table('y')},
		r:    &Result{From: cfg.From.Generation, To: cfg.To.Generation, Samples: []Sample{}, Fields: []Field{}}}
	if d.r.Behind, err = behind(ctx, deps.Kafka, cfg.To); err != nil {
		return nil, err
	}
	d.r.CaughtUp = d.r.Behind == 0
	for range 3 { // what is written while the first round is read comes with the next
		for _, s := range []*side{&d.from, &d.to} {
			if err := d.read(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range []*side{&d.from, &d.to} {
		if err := d.readQuarantined(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := newest.Join(d.from.documents, d.to.documents, d.compare); err != nil {
		return nil, err
	}
	if err := d.countQuarantined(); err != nil {
		return nil, err
	}
	for _, name := range slices.SortedFunc(maps.Keys(d.fields), func(a, b string) int {
		if d.fields[a] != d.fields[b] {
			return d.fields[b] - d.fields[a]
		}
		return strings.Compare(a, b)
	}) {
		d.r.Fields = append(d.r.Fields, Field{name, d.fields[name]})
	}
	d.r.Seconds = time.Since(start).Seconds()
	return d.r, nil
}

// side is one of the two generations.
type side struct {
	settings    topology.Settings
	reader      *engine.Reader
	documents   *newest.Table // key -> body
	quarantined *newest.Table // key -> nothing
}

// diff is one comparison under way.
type diff struct {
	cfg      Config
	deps     Deps
	from, to side
	r        *Result
	fields   map[string]int
	told     map[string]int
	spoken   time.Time
	records  int
}

func (d *diff) read(ctx context.Context, s *side) error {
	err := s.reader.Read(ctx, func(r *kgo.Record) error {
		d.records++
		if time.Since(d.spoken) > 2*time.Second {
			d.spoken = time.Now()
			d.deps.Log.Info("reading the documents", "generation", s.settings.Generation, "records", d.records)
		}
		switch {
		case r.Key == nil:
			return nil
		case r.Value == nil:
			return s.documents.Delete(r.Key)
		}
		return s.documents.Put(r.Key, r.Value)
	})
	if err != nil {
		return err
	}
	return s.documents.Flush()
}

func (d *diff) readQuarantined(ctx context.Context, s *side) error {
	table := topology.Group{Name: s.settings.MergeGroup(), Table: true}.TableTopic()
	err := engine.ReadToEnd(ctx, d.deps.Kafka, table, func(r *kgo.Record) error {
		if r.Key != nil && processors.IsQuarantined(r.Value) {
			return s.quarantined.Put(r.Key, nil)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading which keys generation %d has quarantined: %w", s.settings.Generation, err)
	}
	return s.quarantined.Flush()
}

func (d *diff) compare(key, a, b []byte) error {
	kind := &d.r.Customers
	if codec.IsOrderKey(string(key)) {
		kind = &d.r.Orders
	}
	if a != nil {
		kind.From++
	}
	if b != nil {
		kind.To++
	}
	if a == nil || b == nil {
		other, what := d.from.quarantined, Added
		if b == nil {
			other, what = d.to.quarantined, Removed
		}
		quarantined, err := other.Get(key)
		if err != nil || quarantined != nil { // counted by countQuarantined
			return err
		}
		if what == Added {
			kind.Added++
		} else {
			kind.Removed++
		}
		d.tell(Sample{Key: string(key), What: what}, string(what))
		return nil
	}
	changes := fielddiff.Compare(string(key), a, b)
	if len(changes) == 0 {
		kind.Equal++
		return nil
	}
	kind.Changed++
	names := make([]string, 0, len(changes))
	for _, c := range changes {
		name := c.Field
		if _, known := d.fields[name]; !known && len(d.fields) >= maxFields {
			name = otherFields
		}
		d.fields[name]++
		names = append(names, name)
	}
	d.tell(Sample{Key: string(key), What: Changed, Fields: changes}, names...)
	return nil
}

// maxFields bounds the names that are counted: an order may have any.
const (
	maxFields   = 200
	otherFields = "(other fields)"
)

// tell keeps a few samples of each kind of difference; one may be of several.
func (d *diff) tell(s Sample, kinds ...string) {
	if !slices.ContainsFunc(kinds, func(kind string) bool { return d.told[kind] < d.cfg.Samples }) {
		return
	}
	for _, kind := range kinds {
		d.told[kind]++
	}
	d.r.Samples = append(d.r.Samples, s)
}

// countQuarantined reports the keys that are quarantined on one side or both.
func (d *diff) countQuarantined() error {
	return newest.Join(d.from.quarantined, d.to.quarantined, func(key, a, b []byte) error {
		what := QuarantinedNow
		switch {
		case a != nil && b != nil:
			d.r.Quarantined.Both++
			return nil
		case a != nil:
			what = QuarantinedBefore
			d.r.Quarantined.Before++
		default:
			d.r.Quarantined.Now++
		}
		d.tell(Sample{Key: string(key), What: what}, string(what))
		return nil
	})
}
