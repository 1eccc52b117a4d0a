package csvdir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// cursor says how far loyalty.members went into a file of known members.
type cursor struct {
	Topic   string          `json:"topic,omitempty"` // the topic's id: one made anew has another
	Offsets map[int32]int64 `json:"offsets,omitempty"`
	Time    time.Time       `json:"time,omitzero"`
}

// cacheAge is how old a cache may be: its next records may include tombstones
// that Kafka drops after topology.TombstoneRetention.
const cacheAge = topology.TombstoneRetention - 24*time.Hour

// member kinds in the sorter.
const (
	gone byte = iota
	here
)

// cacheName is the cache's name in the importer's own folder. It is replaced
// whole, so that a command may use it beside a running instance.
const cacheName = "known.ids"

// known brings the cached file of known members up to the end of
// loyalty.members and returns it. Whoever calls it holds the fence, so that
// nothing but an operator's retry is written behind that end.
func known(ctx context.Context, client []kgo.Opt, state, work string, log *slog.Logger, now time.Time, beat func() error) (*knownFile, error) {
	cache := &knownFile{filepath.Join(state, cacheName)}
	err := cache.update(ctx, client, work, now, beat)
	if errors.Is(err, errDamaged) {
		log.Warn("the cache of known members is damaged: reading loyalty.members from its start")
		if err := os.Remove(cache.path); err != nil {
			return nil, err
		}
		err = cache.update(ctx, client, work, now, beat)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the known members: %w", err)
	}
	return cache, nil
}

func (k *knownFile) update(ctx context.Context, client []kgo.Opt, dir string, now time.Time, beat func() error) error {
	cl, err := kgo.NewClient(client...)
	if err != nil {
		return err
	}
	defer cl.Close()
	span, err := spanOf(ctx, kadm.NewClient(cl), topology.LoyaltyTopic)
	if err != nil {
		return err
	}
	old, err := (&knownFile{k.path}).open()
	if errors.Is(err, os.ErrNotExist) {
		old, err = (&knownFile{}).open()
	}
	if err != nil {
		return err
	}
	defer old.close()
	if !old.foot.Members.continues(span, now) {
		old.close()
		old, _ = (&knownFile{}).open()
	}
	span.from(old.foot.Members.Offsets)

	delta, err := newSorter(dir)
	if err != nil {
		return err
	}
	defer delta.close()
	read := 0
	err = span.read(ctx, client, func(r *kgo.Record) error {
		if read++; read%beatRows == 0 {
			if err := beat(); err != nil {
				return err
			}
		}
		if len(r.Key) == 0 || len(r.Key) > maxIDBytes { // nobody here wrote that
			return nil
		}
		kind := here
		if r.Value == nil {
			kind = gone
		}
		return delta.add(entry{id: r.Key, at: r.Offset, kind: kind})
	})
	if err != nil {
		return err
	}
	out, err := newIDWriter(dir, "known-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.name()) }() // it has been renamed, or failed
	defer out.close()
	if err := combine(old, delta, out); err != nil {
		return err
	}
	out.foot.Members = cursor{Topic: span.id, Offsets: span.end, Time: now}
	if err := out.finish(); err != nil {
		return err
	}
	return os.Rename(out.name(), k.path)
}

// continues says that records after the cursor are all that it lacks.
func (c cursor) continues(s *span, now time.Time) bool {
	if c.Topic != s.id || len(c.Offsets) != len(s.end) || now.Sub(c.Time) > cacheAge {
		return false
	}
	for p, offset := range c.Offsets {
		if offset < s.start[p] || offset > s.end[p] {
			return false
		}
	}
	return true
}

// combine writes the old ids as the delta changed them.
func combine(old *ids, delta *sorter, out *idWriter) error {
	changes, err := delta.sorted()
	if err != nil {
		return err
	}
	var last entry // the last change of one id
	var id []byte  // last.id, kept
	ahead, err := changes.next()
	nextChange := func() (bool, error) {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		id, last = append(id[:0], ahead.id...), entry{}
		for err == nil && bytes.Equal(ahead.id, id) {
			last.kind = ahead.kind
			ahead, err = changes.next()
		}
		return true, nil
	}
	changed, cerr := nextChange()
	for cerr == nil {
		member, merr := old.next()
		if merr != nil && !errors.Is(merr, io.EOF) {
			return merr
		}
		for changed && cerr == nil && (merr != nil || bytes.Compare(id, member) <= 0) {
			same := merr == nil && bytes.Equal(id, member)
			if last.kind == here {
				if err := out.add(id); err != nil {
					return err
				}
			}
			changed, cerr = nextChange()
			if same {
				member = nil
				break
			}
		}
		if cerr != nil {
			return cerr
		}
		if merr != nil {
			return nil
		}
		if member != nil {
			if err := out.add(member); err != nil {
				return err
			}
		}
	}
	return cerr
}
