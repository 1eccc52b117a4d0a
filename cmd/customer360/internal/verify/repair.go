package verify

import (
	"context"
	"fmt"

	"customer360/internal/newest"
	"customer360/processors/couchbase"
)

// repair mends what differs, and looks once more at all of it.
func (v *run) repair(ctx context.Context) error {
	state, err := v.serving(ctx)
	if err != nil {
		return err
	}
	// A generation that is being built may be about to serve: what it wrote stays.
	// One that was never heard of here left its fences in a copied bucket.
	v.known = map[int64]bool{}
	for number := range state.Generations {
		if number > v.cfg.Settings.Generation {
			v.known[int64(number)] = true
		}
	}
	v.result.Repair = &Repaired{}
	outcomes := map[string]string{}
	if err := v.mendAll(ctx, outcomes); err != nil {
		return err
	}
	// Whatever was to be repaired is looked at again, as in a run of its own.
	if err := v.each(func(key []byte, f stored) error {
		f.Pending, f.Judged = false, false
		return v.suspects.Put(key, f.append(nil))
	}); err != nil {
		return err
	}
	if err := v.wrong.Each(func(key, _ []byte) error { return v.wrong.Delete(key) }); err != nil {
		return err
	}
	if err := v.wrong.Flush(); err != nil {
		return err
	}
	equal, quarantined := v.result.Equal, v.result.Quarantined
	if err := v.settle(ctx); err != nil {
		return err
	}
	v.result.Equal, v.result.Quarantined = equal, quarantined // as found
	for _, t := range []*newest.Table{v.wrong, v.suspects} {
		if err := t.Each(func(key, value []byte) error {
			f, err := parseFinding(value)
			if err != nil {
				return err
			}
			if t == v.wrong || f.Pending {
				v.result.Repair.Remaining++
				if outcomes[string(key)] == "" {
					outcomes[string(key)] = "not repaired: " + f.Reason.Meaning()
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for i := range v.result.Samples {
		s := &v.result.Samples[i]
		s.Repair = outcomes[s.Key]
	}
	return nil
}

// mendAll writes and removes, several keys at a time. outcomes has what became
// of the keys that are told one by one, and of those that could not be mended.
func (v *run) mendAll(ctx context.Context, outcomes map[string]string) error {
	type job struct {
		key string
		f   stored
	}
	told := map[string]bool{}
	for _, s := range v.result.Samples {
		told[s.Key] = true
	}
	done := 0
	return spread(ctx, v.cfg.Workers, func(give func(job) error) error {
		return v.each(func(key []byte, f stored) error {
			done++
			v.progress("repairing", "keys", done)
			return give(job{string(key), f})
		})
	}, func(ctx context.Context, j job) error {
		outcome, err := v.mend(ctx, j.key, j.f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		switch outcome {
		case couchbase.MendedWritten:
			v.result.Repair.Written++
		case couchbase.MendedRemoved:
			v.result.Repair.Removed++
		}
		if err != nil && len(outcomes) < maxOutcomes {
			outcomes[j.key] = "not repaired: " + err.Error()
			v.deps.Log.Warn("not repaired", "key", j.key, "error", err)
		} else if text := outcome.String(); told[j.key] && text != "" {
			outcomes[j.key] = text
		}
		return nil
	})
}

// maxOutcomes bounds what is remembered of keys that could not be mended.
const maxOutcomes = 10_000

// mend brings one key to the log's newest message.
func (v *run) mend(ctx context.Context, key string, f stored) (couchbase.Mended, error) {
	value, err := v.log.Get([]byte(key))
	if err != nil {
		return couchbase.MendedNothing, err
	}
	e, err := parseEntry(value)
	if err != nil {
		return couchbase.MendedNothing, err
	}
	fence, body := couchbase.Fence{Generation: int64(v.cfg.Settings.Generation)}, []byte(nil)
	switch {
	case e != nil:
		fence, body = e.fence, e.body
	case f.Couchbase == nil:
		return couchbase.MendedNothing, fmt.Errorf("%q is somebody else's", key)
	case f.Couchbase.Generation == fence.Generation:
		fence = *f.Couchbase // what comes later for the key has a newer one
	}
	return v.deps.Auditor.Mend(ctx, key, fence, body, func(found couchbase.Found) bool { return v.mendable(e, found, f.Couchbase) })
}
