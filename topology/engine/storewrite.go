package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/twmb/franz-go/pkg/kgo"
)

// writer moves committed values to leveldb.
func (s *store) writer() {
	defer close(s.written)
	var batch leveldb.Batch
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for !s.busy && !s.closed {
			if s.due && !s.absorbing {
				s.flush()
				continue
			}
			s.changed.Wait()
		}
		if !s.busy {
			return
		}
		writing, flushing, m := s.writing, s.flushing, s.writeMeta
		s.mu.Unlock()
		err := s.db.write(&batch, s.cache, flushing, writing, m)
		if err != nil {
			err = unusableFolder(s.dir, fmt.Errorf("writing: %w", err))
			s.onError(err) // the next commit may be long in coming
		}
		s.mu.Lock()
		if err != nil {
			s.broke(err)
		} else if s.cache != nil && s.cache.pinned {
			s.cache.flushed(flushing)
		}
		s.writing, s.flushing, s.busy = nil, nil, false
		s.changed.Broadcast()
	}
}

// write makes one atomic write of values and meta: as a batch by the journal, or,
// where it is large, as tables of its own. Those are small, as leveldb holds each in
// memory until it is whole; since keys come in order, no two have a range in common,
// and a read looks into one of them.
func (l *level) write(batch *leveldb.Batch, c *cache, places []uint32, values map[string][]byte, m meta) error {
	batch.Reset()
	places, bytes := c.inOrder(places)
	for k, v := range values {
		bytes += len(k) + len(v)
	}
	if bytes < tableBytes {
		err := each(c, places, values, func(key, value []byte) error {
			if value == nil {
				batch.Delete(key)
			} else {
				batch.Put(key, value)
			}
			return nil
		})
		if err != nil {
			return err
		}
		batch.Put([]byte(metaKey), m.encode())
		return l.Write(batch, nil)
	}
	tr, err := l.OpenTransaction()
	if err != nil {
		return err
	}
	err = tr.Put([]byte(metaKey), m.encode(), nil) // the first key of all
	if err == nil {
		err = each(c, places, values, func(key, value []byte) error {
			if value == nil {
				return tr.Delete(key, nil)
			}
			return tr.Put(key, value, nil)
		})
	}
	if err != nil {
		tr.Discard()
		return err
	}
	return tr.Commit()
}

// each calls put for all values, and for the entries at the places; each of the two
// in the order of the keys.
func each(c *cache, places []uint32, values map[string][]byte, put func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if err := put([]byte(k), values[k]); err != nil {
			return err
		}
	}
	for _, at := range places {
		k, v := c.entry(int(at))
		if err := put(k, v); err != nil {
			return err
		}
	}
	return nil
}

// take is recovery's: records of the changelog, and the offset that it has been
// read up to with them.
func (s *store) take(records []*kgo.Record, offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errOver
	case s.recovered: // goka has what it waited for, and has not closed the reader yet
		return nil
	}
	for _, r := range records {
		key := string(r.Key)
		if strings.HasPrefix(key, ownPrefix) {
			return s.reserved(key)
		}
		s.open.put(key, r.Value)
	}
	s.arrived(offset)
	return s.err
}

// absorbAtOnce is how many writes become dirty entries before readers have their
// turn.
const absorbAtOnce = 256

// absorb makes the sealed writes, which are committed now as m says, dirty entries of the
// cache; or promotes them where it cannot take them. Callers hold mu, which is
// given away meanwhile.
func (s *store) absorb(m meta) {
	if s.closed {
		return
	}
	l := &s.sealed
	if s.cache == nil || !s.cache.takes(len(l.values), l.bytes, l.most) {
		s.promote(l, m)
		return
	}
	if s.cache.full(len(l.values), l.bytes) {
		s.idle()
		s.flush()
	}
	s.absorbing = true
	n := 0
	for k, v := range l.values {
		if n++; n%absorbAtOnce == 0 {
			s.mu.Unlock()
			s.mu.Lock()
		}
		for s.err == nil && !s.cache.put(k, v, true) {
			if !s.busy {
				s.broke(fmt.Errorf("%s: the cache of %d bytes has no room for a write", s.name, len(s.cache.ring)))
			}
			s.idle()
		}
	}
	s.absorbing = false
	s.changed.Broadcast()
	if s.err != nil {
		return
	}
	s.generation++
	s.dirtyMeta = m
	if !s.unwritten {
		s.unwritten = true
		s.timer.Reset(s.flushEvery)
	}
	if s.cache.full(len(l.values), l.bytes) && !s.busy { // the next commit, as large as this one, shall not wait for it
		s.flush()
	}
	clear(l.values)
	l.bytes, l.most = 0, 0
}

// promote hands committed writes to the writer, after all before. Callers hold mu.
func (s *store) promote(l *layer, m meta) {
	s.settle()
	if s.err != nil || s.closed {
		return
	}
	if s.cache != nil && !s.early(l) {
		for k, v := range l.values {
			s.cache.put(k, v, false)
		}
	}
	s.generation++
	s.writing, s.writeMeta, s.busy = l.values, m, true
	*l = layer{values: make(map[string][]byte, len(l.values))}
	s.changed.Broadcast()
}

// early: a recovery into an empty folder is so far from its end that what it has
// now would not stay in the cache. Once the cache holds anything, it gets all: what
// it knows of a key is the newest. Callers hold mu.
func (s *store) early(l *layer) bool {
	if s.recovered || !s.fresh || len(l.values) == 0 || len(s.cache.index) > 0 {
		return false
	}
	each := l.bytes/len(l.values) + entryHeader
	return (s.goal-s.openMeta.offset)*int64(each) > int64(len(s.cache.ring))
}

// flush hands the dirty entries to the writer, which is idle. Callers hold mu.
func (s *store) flush() {
	s.due = false
	if !s.unwritten || s.err != nil {
		return
	}
	s.timer.Stop()
	s.flushing, s.writeMeta, s.busy, s.unwritten = s.cache.flush(), s.dirtyMeta, true, false
	s.changed.Broadcast()
}

// settle waits until all that is committed is in leveldb. Callers hold mu.
func (s *store) settle() {
	for s.absorbing { // half a commit must not be written
		s.changed.Wait()
	}
	s.idle()
	if s.unwritten && s.err == nil {
		s.flush()
		s.idle()
	}
}

func (s *store) flushDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = true
	s.changed.Broadcast()
}
