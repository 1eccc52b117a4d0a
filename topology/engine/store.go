package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
)

// Keys of the engine's own in a store; tables cannot have keys like them.
const (
	ownPrefix = "\x00engine:"
	metaKey   = ownPrefix + "meta"
	markerKey = ownPrefix + "marker" // of messages without a record, see tableReader
)

// recoveryBatchBytes is what recovery writes at once.
const recoveryBatchBytes = 4 << 20

// store is the local copy of one table partition. Writes of the open
// transaction stay in memory until it has committed; then a goroutine writes
// them, with the changelog offset, as one atomic leveldb batch, the newest
// value of a key only. During recovery everything that arrives is committed
// already. One batch is written while the next collects; a commit waits for
// the one before, which bounds memory.
//
// A read looks in open, writing, cache, leveldb.
type store struct {
	name      string
	partition int32
	dir       string
	db        *level
	cache     *cache // nil: none
	limit     int    // bytes of a key and its value
	onError   func(error)
	now       func() time.Time

	mu        sync.RWMutex
	changed   *sync.Cond
	open      map[string][]byte // nil value: deleted
	openBytes int
	openMeta  meta
	writing   map[string][]byte
	writeMeta meta
	busy      bool
	recovered bool
	closed    bool
	err       error
	written   chan struct{} // closed when the writer has ended
	closing   sync.Once
	closeErr  error
	free      func() // gives the folder back
}

func newStore(name string, partition int32, dir string, db *level, m meta) *store {
	s := &store{name: name, partition: partition, dir: dir, db: db, openMeta: m,
		open: map[string][]byte{}, written: make(chan struct{}), now: time.Now, onError: func(error) {}, free: func() {}}
	s.changed = sync.NewCond(&s.mu)
	go s.writer()
	return s
}

// writer moves committed batches to leveldb.
func (s *store) writer() {
	defer close(s.written)
	var batch leveldb.Batch
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for !s.busy && !s.closed {
			s.changed.Wait()
		}
		if !s.busy {
			return
		}
		writing, m := s.writing, s.writeMeta
		s.mu.Unlock()
		batch.Reset()
		for k, v := range writing {
			if v == nil {
				batch.Delete([]byte(k))
			} else {
				batch.Put([]byte(k), v)
			}
		}
		batch.Put([]byte(metaKey), m.encode())
		err := s.db.Write(&batch, nil)
		s.mu.Lock()
		if err != nil {
			s.broke(unusableFolder(s.dir, fmt.Errorf("writing: %w", err)))
		}
		s.writing, s.busy = nil, false
		s.changed.Broadcast()
	}
}

// broke notes the first error, after which nothing more is written: a later
// batch must not overtake a failed one. Callers hold mu.
func (s *store) broke(err error) {
	if s.err == nil {
		s.err = err
		if corrupted(err) {
			condemn(s.dir)
		}
	}
}

// promote hands the open batch to the writer. Callers hold mu.
func (s *store) promote() {
	for s.busy && s.err == nil {
		s.changed.Wait()
	}
	if s.err != nil || s.closed {
		return
	}
	if s.cache != nil {
		for k, v := range s.open {
			s.cache.put(k, v)
		}
	}
	s.writing, s.writeMeta, s.busy = s.open, s.openMeta, true
	s.open, s.openBytes = make(map[string][]byte, len(s.open)), 0
	s.changed.Broadcast()
}

// idle waits for the writer. Callers hold mu.
func (s *store) idle() {
	for s.busy && s.err == nil {
		s.changed.Wait()
	}
}

// committed is called when the transaction with the open writes has ended.
func (s *store) committed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > 0 {
		s.openMeta.asOf = s.now()
		s.promote()
	}
	return s.err
}

// current says that all of the changelog is in here, also where the last
// write was long ago.
func (s *store) current() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == 0 && s.recovered {
		s.openMeta.asOf = s.now()
		s.promote()
	}
}

// reached notes the changelog offset of a write of the open transaction.
func (s *store) reached(offset int64) {
	s.mu.Lock()
	s.openMeta.offset = max(s.openMeta.offset, offset)
	s.mu.Unlock()
}

func (s *store) Open() error { return nil }

func (s *store) Set(key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return s.put(key, value)
}

func (s *store) Delete(key string) error { return s.put(key, nil) }

func (s *store) put(key string, value []byte) error {
	if strings.HasPrefix(key, ownPrefix) {
		if key == markerKey {
			return nil
		}
		return s.report(fatalf("%s: the key %q is reserved", s.name, key))
	}
	if n := len(key) + len(value); n > s.limit {
		return s.report(fmt.Errorf("%w: %d bytes for %s, %d of them the key", ErrTooLarge, n, s.name, len(key)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errOver
	}
	s.open[key] = value
	s.openBytes += len(key) + len(value)
	return s.err
}

// report tells the incarnation the error as it is; goka keeps its text only.
func (s *store) report(err error) error {
	s.onError(err)
	return err
}

// SetOffset is goka's in recovery: everything up to offset has arrived.
func (s *store) SetOffset(offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.openMeta.offset = max(s.openMeta.offset, offset)
	if !s.recovered && s.openBytes >= recoveryBatchBytes {
		s.promote()
	}
	return s.err
}

func (s *store) GetOffset(otherwise int64) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.openMeta.offset < 0 {
		return otherwise, nil
	}
	return s.openMeta.offset, nil
}

// MarkRecovered: the store equals the changelog now.
func (s *store) MarkRecovered() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.openMeta.asOf = s.now()
	s.promote()
	s.idle()
	s.recovered = true
	return s.err
}

// complete says whether the store has once equalled the whole changelog.
func (s *store) complete() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.recovered || !s.openMeta.asOf.IsZero()
}

// Close writes what is committed and drops what is open: that belongs to a
// transaction which was aborted or whose end is unknown.
func (s *store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		if !s.recovered && s.openBytes > 0 { // a recovery broken off; what it has is committed
			s.promote()
		}
		s.idle()
		s.closed = true
		s.changed.Broadcast()
		err := s.err
		s.mu.Unlock()
		<-s.written
		s.closeErr = errors.Join(err, s.db.Close())
		s.free()
	})
	return s.closeErr
}
