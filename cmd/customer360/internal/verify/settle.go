package verify

import (
	"context"
	"errors"

	"customer360/internal/newest"
	"customer360/processors/couchbase"
)

// rounds is how often a key is looked at again that changes while it is.
const rounds = 12

// settle tells what differs from what is on its way. What differs moves from the
// suspects to wrong; suspects that stay are in flight.
//
// A round reads the log to its end, waits until the sink has committed all of it,
// looks the suspects up, and reads the log once more. Where the newest message is
// still the one that the look-up was compared with, the sink had nothing left to
// do on the key, and what differs does.
func (v *run) settle(ctx context.Context) error {
	for range rounds {
		some, err := v.any(v.suspects)
		if err != nil || !some {
			return err
		}
		if err := v.readLog(ctx); err != nil {
			return err
		}
		at, err := v.await(ctx)
		if err != nil {
			return err
		}
		if err := v.lookAgain(ctx, at); err != nil {
			return err
		}
		if err := v.readLog(ctx); err != nil {
			return err
		}
		stuck, err := v.judge()
		if err != nil || stuck {
			return err
		}
	}
	return nil
}

func (v *run) any(t *newest.Table) (some bool, err error) {
	err = t.Each(func([]byte, []byte) error {
		some = true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return some, err
}

// lookAgain looks the suspects up once more; those that are as they should be by
// now are none.
func (v *run) lookAgain(ctx context.Context, committed map[int32]int64) error {
	looked := 0
	err := v.look(ctx, v.suspects, func([]byte) bool {
		looked++
		v.progress("looking again at what differs", "keys", looked)
		return true
	}, func(key string, _ []byte, f couchbase.Found) error {
		value, err := v.log.Get([]byte(key))
		if err != nil {
			return err
		}
		e, err := parseEntry(value)
		if err != nil {
			return err
		}
		reason := v.compare(e, f)
		quarantined, err := v.quarantined.Get([]byte(key))
		if err != nil {
			return err
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if reason != "" {
			return v.suspects.Put([]byte(key), finding{reason: reason, entry: e, found: f, judged: e == nil || committed[e.partition] > e.offset}.append(nil))
		}
		switch {
		case e == nil, isForeign(e, f, v.cfg.KeepForeign):
		case quarantined != nil:
			v.result.Quarantined++
		default:
			v.result.Equal++
		}
		return v.suspects.Delete([]byte(key))
	})
	if err != nil {
		return err
	}
	return v.suspects.Flush()
}

// judge moves to wrong what differs for good. stuck: the sink stands still in
// front of all the others, so that another round tells nothing.
func (v *run) judge() (stuck bool, err error) {
	stuck = true
	err = v.suspects.Each(func(key, value []byte) error {
		f, err := parseFinding(value)
		if err != nil {
			return err
		}
		newest, err := v.log.Get(key)
		if err != nil {
			return err
		}
		e, err := parseEntry(newest)
		if err != nil {
			return err
		}
		switch {
		case f.same(e) && f.Judged:
			if err := v.wrong.Put(key, value); err != nil {
				return err
			}
			return v.suspects.Delete(key)
		case !f.same(e):
			stuck = false
		default:
			f.Pending = true
			return v.suspects.Put(key, f.append(nil))
		}
		return nil
	})
	if err == nil {
		err = v.wrong.Flush()
	}
	if err == nil {
		err = v.suspects.Flush()
	}
	return stuck, err
}
