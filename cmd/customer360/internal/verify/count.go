package verify

import (
	"context"
	"errors"

	"customer360/internal/fielddiff"
	"customer360/internal/newest"
	"customer360/processors/couchbase"
)

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// count sums up what was found, and tells some of it one by one. Suspects that
// are pending count as what is to be repaired.
func (v *run) count(ctx context.Context) error {
	err := v.log.Each(func(key, value []byte) error {
		e, err := parseEntry(value)
		switch {
		case err != nil || !v.cfg.Share.has(key):
			return err
		case e.body != nil:
			v.result.Documents++
		default:
			v.result.Removals++
		}
		return nil
	})
	if err != nil {
		return err
	}
	count := func(pending bool) func(key, value []byte) error {
		return func(key, value []byte) error {
			f, err := parseFinding(value)
			switch {
			case err != nil:
				return err
			case !pending:
				v.result.Differences++
				v.result.Reasons[f.Reason]++
			case f.Pending:
				v.result.Pending++
			default:
				v.result.InFlight++
				return nil
			}
			if len(v.result.Samples) >= v.cfg.Samples {
				return nil
			}
			s, err := v.sample(ctx, string(key), f)
			v.result.Samples = append(v.result.Samples, s)
			return err
		}
	}
	if err := v.wrong.Each(count(false)); err != nil {
		return err
	}
	return v.suspects.Each(count(true))
}

// sample looks once more, for the fields.
func (v *run) sample(ctx context.Context, key string, f stored) (Sample, error) {
	s := Sample{Key: key, Reason: f.Reason, Pending: f.Pending, Couchbase: f.Couchbase}
	if !f.Known {
		return s, nil
	}
	s.Log = &f.Log
	found, err := v.deps.Auditor.Look(ctx, key)
	if err != nil {
		return s, err
	}
	value, err := v.log.Get([]byte(key))
	if err != nil {
		return s, err
	}
	e, err := parseEntry(value)
	if err != nil || e == nil || e.body == nil || !found.Live {
		return s, err
	}
	s.Fields = fielddiff.Compare(key, found.Body, e.body)
	return s, nil
}

// each walks over what is to be repaired: what differs, and what the sink has
// not reached.
func (v *run) each(fn func(key []byte, f stored) error) error {
	for _, t := range []*newest.Table{v.wrong, v.suspects} {
		err := t.Each(func(key, value []byte) error {
			f, err := parseFinding(value)
			if err != nil {
				return err
			}
			if t == v.suspects && !f.Pending {
				return nil
			}
			return fn(key, f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mendable says whether a repair may write over what was found, with the key's
// newest message e; nil: with nothing.
func (v *run) mendable(e *entry, f couchbase.Found, confirmed *couchbase.Fence) bool {
	switch v.compare(e, f) {
	case "", Newer:
		return false
	case Generation:
		return f.Fence.Generation < int64(v.cfg.Settings.Generation) || !v.known[f.Fence.Generation]
	case Extra:
		// Only what was confirmed is removed: another fence is another message.
		return e != nil || confirmed != nil && f.Fence == *confirmed && !v.known[f.Fence.Generation]
	}
	return true
}
