package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Keys of the engine's own in a store; tables cannot have keys like them.
const (
	ownPrefix = "\x00engine:"
	metaKey   = ownPrefix + "meta"
	markerKey = ownPrefix + "marker" // of messages without a record, see tableReader
)

// tableBytes: writes of so much become a table without a journal.
const tableBytes = 1 << 20

// store is the local copy of one table partition. Writes of the open
// transaction stay in memory until it has committed: sealed while it commits, and
// open are then those of the next one. What has committed goes to the cache,
// as dirty entries: the changelog has them, so leveldb need not yet. A goroutine
// writes all dirty entries as one atomic batch, with the changelog offset that
// they go up to, when they are nearly all of the cache, after flushEvery, and at
// the end. After kill -9 the folder is so much older, and recovery reads that
// much. What is too large for the cache, and all where there is none, is written
// at once; a commit waits for the write before, which bounds memory.
//
// During recovery everything that arrives is committed already, and is written
// at once.
//
// A read looks in open, sealed, cache, writing, leveldb: the newest first.
type store struct {
	name       string
	partition  int32
	dir        string
	db         *level
	cache      *cache // nil: none
	limit      int    // bytes of a key and its value
	flushEvery time.Duration
	onError    func(error)
	now        func() time.Time

	mu         sync.RWMutex
	changed    *sync.Cond
	open       layer
	sealed     layer
	openMeta   meta // its offset is that of the newest acknowledged write
	sealedMeta meta // of the sealed writes, all of them acknowledged
	dirtyMeta  meta // of the newest commit in the cache
	unwritten  bool // dirtyMeta, and what it belongs to, is not in leveldb
	absorbing  bool // a commit is half in the cache
	due        bool // flushEvery has passed
	timer      *time.Timer
	fresh      bool   // there is something to recover, into an empty folder
	goal       int64  // end of the changelog when it was opened
	generation uint64 // counts what changes the committed values
	writing    map[string][]byte
	flushing   []uint32 // places in cache
	writeMeta  meta
	busy       bool
	recovered  bool
	closed     bool
	err        error
	written    chan struct{} // closed when the writer has ended
	syncing    sync.WaitGroup
	closing    sync.Once
	closeErr   error
	free       func() // gives the folder back
}

// layer holds writes in memory.
type layer struct {
	values map[string][]byte // nil value: deleted
	bytes  int
	most   int // bytes of the largest of them
}

func newLayer() layer { return layer{values: map[string][]byte{}} }

func (l *layer) put(key string, value []byte) {
	l.values[key] = value
	l.bytes += len(key) + len(value)
	l.most = max(l.most, len(key)+len(value))
}

func newStore(name string, partition int32, dir string, db *level, m meta) *store {
	s := &store{name: name, partition: partition, dir: dir, db: db, openMeta: m, flushEvery: DefaultConfig().FlushInterval,
		open: newLayer(), sealed: newLayer(), written: make(chan struct{}), now: time.Now, onError: func(error) {}, free: func() {}}
	s.changed = sync.NewCond(&s.mu)
	s.timer = time.AfterFunc(time.Hour, s.flushDue)
	s.timer.Stop()
	go s.writer()
	return s
}

// storeOf is the store of a partition, nil without one.
func storeOf(stores []*store, partition int32) *store {
	for _, s := range stores {
		if s.partition == partition {
			return s
		}
	}
	return nil
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

// idle waits for the writer. Callers hold mu.
func (s *store) idle() {
	for s.busy && s.err == nil {
		s.changed.Wait()
	}
}

// seal is called when the transaction with the open writes is about to commit:
// what is written from now on belongs to the next one.
func (s *store) seal() {
	s.mu.Lock()
	s.open, s.sealed = s.sealed, s.open
	s.mu.Unlock()
}

// acknowledged is called when all sealed writes are in the changelog, and none of
// the open ones.
func (s *store) acknowledged() {
	s.mu.Lock()
	s.openMeta.asOf = s.now()
	s.sealedMeta = s.openMeta
	s.mu.Unlock()
}

// committed is called when the transaction with the sealed writes has ended; some
// of the next one may be in the changelog.
func (s *store) committed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sealed.values) > 0 {
		s.absorb(s.sealedMeta)
	}
	return s.err
}

// current says that all of the changelog is in here, also where the last
// write was long ago.
func (s *store) current() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open.values)+len(s.sealed.values) == 0 && s.recovered {
		s.openMeta.asOf = s.now()
		s.absorb(s.openMeta)
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
		return s.report(s.reserved(key))
	}
	if n := len(key) + len(value); n > s.limit {
		return s.report(fmt.Errorf("%w: %d bytes for %s, %d of them the key", ErrTooLarge, n, s.name, len(key)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errOver
	}
	s.open.put(key, value)
	return s.err
}

func (s *store) reserved(key string) error { return fatalf("%s: the key %q is reserved", s.name, key) }

// report tells the incarnation the error as it is; goka keeps its text only.
func (s *store) report(err error) error {
	s.onError(err)
	return err
}

// SetOffset is goka's in recovery: everything up to offset has arrived.
func (s *store) SetOffset(offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived(offset)
	return s.err
}

// arrived writes what recovery has brought, where it is enough. Callers hold mu.
func (s *store) arrived(offset int64) {
	s.openMeta.offset = max(s.openMeta.offset, offset)
	if !s.recovered && s.db.enough(s.open.bytes) {
		s.promote(&s.open, s.openMeta)
	}
}

func (s *store) GetOffset(otherwise int64) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.openMeta.offset < 0 {
		return otherwise, nil
	}
	return s.openMeta.offset, nil
}

// MarkRecovered: the store equals the changelog now. goka calls it also where a
// recovery was broken off by the end of the session, beside Close then, and waits for
// neither: such a store is not as new as the changelog.
func (s *store) MarkRecovered() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.openMeta.offset >= s.goal-1 {
		s.openMeta.asOf = s.now()
	}
	s.promote(&s.open, s.openMeta)
	s.idle()
	if s.closed { // by Close, which closes the database
		return errOver
	}
	s.recovered = true
	if s.err == nil && s.fresh {
		db, err := s.db.again(false)
		if err != nil {
			s.broke(unusableFolder(s.dir, fmt.Errorf("opening it again: %w", err)))
			return s.err
		}
		s.db = db
		s.syncing.Go(func() {
			if err := syncFolder(s.dir); err != nil {
				s.onError(unusableFolder(s.dir, fmt.Errorf("writing: %w", err)))
			}
		})
	}
	return s.err
}

// complete says whether the store has once equalled the whole changelog.
func (s *store) complete() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.recovered || !s.openMeta.asOf.IsZero()
}

// Close writes what is committed and drops what is open or sealed: that belongs to
// a transaction which was aborted or whose end is unknown.
func (s *store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		if !s.recovered && s.open.bytes > 0 { // a recovery broken off; what it has is committed
			s.promote(&s.open, s.openMeta)
		}
		s.settle()
		s.closed = true
		s.timer.Stop()
		s.changed.Broadcast()
		err := s.err
		s.mu.Unlock()
		<-s.written
		s.syncing.Wait()
		s.closeErr = errors.Join(err, s.db.Close())
		s.free()
	})
	return s.closeErr
}
