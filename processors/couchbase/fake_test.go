package couchbase

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"
	"github.com/lovoo/goka"

	"customer360/codec"
	"customer360/topology/engine"
)

// record of the fake: what a real server keeps of a key.
type entry struct {
	state
	body   string
	expiry uint32
}

// fakeStore is a collection in memory, with the server's rules for CAS and
// tombstones.
type fakeStore struct {
	mu      sync.Mutex
	entries map[string]entry
	cas     uint64
	log     []string // operations that were applied
	lookups int

	before func(key string, s step) error               // an error: not applied
	after  func(key string, s step) error               // an error: applied, the answer lost
	looked func(key string) error                       // an error of a look-up
	during func(key string, s step, m mutation, on int) // an operation is under way, on counts those of its key

	flying map[string]int
}

func newFakeStore() *fakeStore {
	return &fakeStore{entries: map[string]entry{}, flying: map[string]int{}}
}

func (f *fakeStore) lookup(_ context.Context, key string) (state, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookups++
	if f.looked != nil {
		if err := f.looked(key); err != nil {
			return state{}, err
		}
	}
	return f.entries[key].state, nil
}

func (f *fakeStore) operate(_ context.Context, key string, s step, cas uint64, m mutation) (uint64, error) {
	f.mu.Lock()
	f.flying[key]++
	on := f.flying[key]
	f.mu.Unlock()
	if f.during != nil {
		f.during(key, s, m, on)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.flying[key]-- }()
	if f.before != nil {
		if err := f.before(key, s); err != nil {
			return 0, err
		}
	}
	if err := f.refuse(f.entries[key], s, cas); err != nil {
		return 0, err
	}
	f.cas++
	e := entry{state: after(s, f.entries[key].state, m.fence, f.cas), body: string(m.body), expiry: m.expiry}
	if s == revive {
		e.body = "(in another form) " + e.body // the server sorts and compacts what was an xattr
	}
	if e.presence == tombstone {
		e.body, e.expiry = "", 0
	}
	f.entries[key] = e
	f.log = append(f.log, fmt.Sprintf("%s %s %d/%d", key, s, m.fence.Generation, m.fence.Offset))
	if f.after != nil {
		if err := f.after(key, s); err != nil {
			return 0, err
		}
	}
	return f.cas, nil
}

func (f *fakeStore) refuse(e entry, s step, cas uint64) error {
	switch s {
	case insert, createDeleted, reserve:
		if e.presence != absent {
			return gocb.ErrDocumentExists
		}
	case revive:
		switch {
		case e.presence == absent:
			return gocb.ErrDocumentNotFound
		case e.presence == live:
			return &gocbcore.KeyValueError{StatusCode: memd.StatusSubDocCanOnlyReviveDeletedDocuments}
		case e.cas != cas:
			return gocb.ErrCasMismatch
		}
	case raise:
		if e.presence == absent {
			return gocb.ErrDocumentNotFound
		}
		if e.cas != cas {
			return gocb.ErrDocumentExists
		}
	default:
		if e.presence != live {
			return gocb.ErrDocumentNotFound
		}
		if e.cas != cas {
			return gocb.ErrDocumentExists
		}
	}
	return nil
}

func (f *fakeStore) put(key string, e entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cas++
	e.cas = f.cas
	f.entries[key] = e
}

func (f *fakeStore) at(key string) entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[key]
}

func (f *fakeStore) applied() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.log...)
}

// dice fail at random, before and after.
func (f *fakeStore) dice(share float64) {
	roll := func(errs ...error) error {
		if rand.Float64() < share {
			return errs[rand.IntN(len(errs))]
		}
		return nil
	}
	f.before = func(string, step) error {
		return roll(gocb.ErrTemporaryFailure, gocb.ErrOverload, gocb.ErrAmbiguousTimeout, gocbcore.ErrSocketClosed, gocb.ErrDurabilityImpossible)
	}
	f.after = func(string, step) error {
		return roll(gocb.ErrAmbiguousTimeout, gocb.ErrDurabilityAmbiguous, gocbcore.ErrSocketClosed, gocb.ErrRequestCanceled)
	}
	f.looked = func(string) error { return roll(gocb.ErrUnambiguousTimeout, gocb.ErrTemporaryFailure) }
}

// fakeDelivery is a message of a session that the test ends.
type fakeDelivery struct {
	ctx  context.Context
	mu   sync.Mutex
	age  time.Duration
	dead bool
}

var _ engine.Delivery = (*fakeDelivery)(nil)

func newDelivery() *fakeDelivery { return &fakeDelivery{ctx: context.Background()} }

func (d *fakeDelivery) Session() context.Context { return d.ctx }
func (d *fakeDelivery) Live() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.dead
}

func (d *fakeDelivery) Age() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.age
}

func (d *fakeDelivery) set(dead bool, age time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.age = dead, age
}

func (d *fakeDelivery) FetchedAt() time.Time { return time.Now().Add(-d.Age()) }
func (d *fakeDelivery) Topic() goka.Stream   { return "t" }
func (d *fakeDelivery) Partition() int32     { return 0 }
func (d *fakeDelivery) Offset() int64        { return 0 }
func (d *fakeDelivery) Misplaced() bool      { return false }

// ledger makes messages and notes what becomes of them.
type ledger struct {
	mu      sync.Mutex
	made    int
	done    map[string][]error // by name
	refused map[string]string
}

func newLedger() *ledger { return &ledger{done: map[string][]error{}, refused: map[string]string{}} }

func nameOf(m *message) string { return fmt.Sprintf("%s@%d", m.key, m.fence.Offset) }

// message is body at the offset, or a removal where body is "".
func (l *ledger) message(key string, offset int64, body string) *message {
	m := &message{key: key, mutation: mutation{fence: Fence{1, offset}}, delivery: newDelivery(),
		raw: &codec.Raw{Topic: "t", Offset: offset, Key: []byte(key)}}
	if body != "" {
		m.body = []byte(body)
	}
	l.mu.Lock()
	l.made++
	l.mu.Unlock()
	m.done = func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.done[nameOf(m)] = append(l.done[nameOf(m)], err)
	}
	return m
}

func (l *ledger) refuse(m *message, reason string) {
	l.mu.Lock()
	l.refused[nameOf(m)] = reason
	l.mu.Unlock()
	m.done(nil)
}

func (l *ledger) of(m *message) []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]error(nil), l.done[nameOf(m)]...)
}

func (l *ledger) all() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, d := range l.done {
		n += len(d)
	}
	return n >= l.made
}
