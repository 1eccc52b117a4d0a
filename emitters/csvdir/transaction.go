package csvdir

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/codec"
	"customer360/codec/loyalty"
	"customer360/topology"
	"customer360/topology/txn"
)

// transactionalID is the same for all instances: opening a writer fences every
// other one, and ends what it left open.
const transactionalID = "csvdir"

const (
	// transactionTimeout is how long readers can be held up by an importer
	// that died, where nobody takes over earlier.
	transactionTimeout = 30 * time.Second
	// abortPatience is how long an import that ends early tries to abort.
	abortPatience = 2 * time.Second
)

// errFenced: another instance has taken over.
var errFenced = errors.New("another instance has taken over the import")

// writer writes transactions, one after the other. After an error it is of no
// use any more: what counts is then read from loyalty.files.
type writer struct {
	client *kgo.Client
	open   *txn.Txn // nil between two transactions
	rows   int
	bytes  int
	failed atomic.Pointer[error]
	arena  arena
	now    func() time.Time
	stamp  time.Time // of the transaction's records
}

// openWriter takes the fence. Everything that its former holder committed is
// in the log when it returns.
func openWriter(ctx context.Context, cfg Config, deps Deps) (*writer, error) {
	compression, err := cfg.codec()
	if err != nil {
		return nil, err
	}
	opts := append(deps.Kafka[:len(deps.Kafka):len(deps.Kafka)],
		kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(transactionTimeout),
		kgo.ProducerBatchCompression(compression, kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // Java's murmur2, as topology.Partition
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedBytes(cfg.TransactionBytes+2*maxRowBytes), kgo.MaxBufferedRecords(max(cfg.TransactionRows, 1000)+100),
		kgo.ProducerLinger(2*time.Millisecond))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("a transactional producer: %w", err)
	}
	w := &writer{client: client, now: deps.Now}
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("taking the transactional id %s: %w", transactionalID, err)
	}
	return w, nil
}

func (w *writer) begin() error {
	if w.open != nil {
		return nil
	}
	open, err := txn.Begin(context.Background(), w.client) // it waits for nothing: openWriter has the id
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", w.classify(err))
	}
	w.open, w.rows, w.bytes, w.stamp = open, 0, 0, w.now()
	w.arena.reset()
	return nil
}

// full says that it is time to commit.
func (w *writer) full(cfg Config) bool {
	return w.rows >= cfg.TransactionRows || w.bytes >= cfg.TransactionBytes
}

// put adds a record whose bytes live in the arena or outlive the transaction.
func (w *writer) put(r *kgo.Record) error {
	if err := w.failed.Load(); err != nil {
		return w.classify(*err)
	}
	r.Timestamp = w.stamp
	w.rows++
	w.bytes += len(r.Key) + len(r.Value) + 150 // headers
	w.client.Produce(context.Background(), r, w.produced)
	return nil
}

func (w *writer) produced(_ *kgo.Record, err error) {
	if err != nil {
		w.failed.CompareAndSwap(nil, &err)
	}
}

// member adds a row, or with a nil value a withdrawal.
func (w *writer) member(id, value []byte, at loyalty.Position, mtime, hash []byte) error {
	r := w.arena.record()
	r.Topic, r.Key, r.Value = topology.LoyaltyTopic, w.arena.keep(id), value
	var digits [20]byte
	r.Headers = append(w.arena.headers(),
		kgo.RecordHeader{Key: codec.HeaderFileTime, Value: mtime},
		kgo.RecordHeader{Key: codec.HeaderFileHash, Value: hash},
		kgo.RecordHeader{Key: codec.HeaderFileRow, Value: w.arena.keep(strconv.AppendInt(digits[:0], at.Row, 10))})
	return w.put(r)
}

// dead adds a dead letter.
func (w *writer) dead(d *codec.DeadLetter) error {
	r := &kgo.Record{Topic: topology.DeadLetterTopic, Key: []byte(d.Coordinates()), Value: d.Value}
	for k, v := range d.KafkaHeaders() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: v})
	}
	return w.put(r)
}

// file adds an entry of loyalty.files.
func (w *writer) file(f *File) error {
	return w.put(&kgo.Record{Topic: topology.FilesTopic, Key: []byte(f.Key()), Value: f.encode()})
}

// forget adds a tombstone to loyalty.files.
func (w *writer) forget(key string) error {
	return w.put(&kgo.Record{Topic: topology.FilesTopic, Key: []byte(key)})
}

// commit ends the transaction. After an error it may be committed or not.
func (w *writer) commit(ctx context.Context) error {
	if err := w.client.Flush(ctx); err != nil {
		return fmt.Errorf("writing a transaction: %w", err)
	}
	if err := w.failed.Load(); err != nil {
		return fmt.Errorf("writing a transaction: %w", w.classify(*err))
	}
	if err := w.open.Commit(ctx); err != nil {
		return fmt.Errorf("committing a transaction: %w", w.classify(err))
	}
	w.open = nil
	return nil
}

// close aborts what is open, if that works soon, and ends the client. Where it
// does not, the next holder of the fence aborts it.
func (w *writer) close() {
	if w.open != nil {
		ctx, cancel := context.WithTimeout(context.Background(), abortPatience)
		defer cancel()
		if w.client.AbortBufferedRecords(ctx) == nil {
			_ = w.open.Abort(ctx)
		} else {
			w.client.UnsafeAbortBufferedRecords()
		}
	}
	w.client.Close()
}

// classify makes errFenced of what a fenced producer is told.
func (w *writer) classify(err error) error {
	for _, fenced := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping} {
		if errors.Is(err, fenced) {
			return fmt.Errorf("%w (%w)", errFenced, err)
		}
	}
	return err
}

// arena owns the bytes and records of one transaction; they are used again for
// the next one, since all of them are acknowledged by then.
type arena struct {
	chunks  [][]byte
	chunk   int
	records [][]kgo.Record
	headed  [][]kgo.RecordHeader
	used    int
}

const (
	chunkBytes   = 256 << 10
	chunkRecords = 1024
)

func (a *arena) reset() {
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.chunk, a.used = 0, 0
}

// space returns an empty slice at the end of a chunk with room for n bytes.
func (a *arena) space(n int) []byte {
	for ; a.chunk < len(a.chunks); a.chunk++ {
		if c := a.chunks[a.chunk]; cap(c)-len(c) >= n {
			return c[len(c):len(c):cap(c)]
		}
	}
	a.chunks = append(a.chunks, make([]byte, 0, max(chunkBytes, n)))
	return a.chunks[a.chunk]
}

// took says that b, begun by space, is to be kept.
func (a *arena) took(b []byte) []byte {
	c := a.chunks[a.chunk]
	if cap(c)-len(c) >= len(b) {
		a.chunks[a.chunk] = c[:len(c)+len(b)]
	}
	return b[:len(b):len(b)]
}

func (a *arena) keep(b []byte) []byte { return a.took(append(a.space(len(b)), b...)) }

func (a *arena) record() *kgo.Record {
	if a.used/chunkRecords == len(a.records) {
		a.records = append(a.records, make([]kgo.Record, chunkRecords))
		a.headed = append(a.headed, make([]kgo.RecordHeader, 3*chunkRecords))
	}
	r := &a.records[a.used/chunkRecords][a.used%chunkRecords]
	*r = kgo.Record{}
	a.used++
	return r
}

// headers returns room for the three headers of the last record.
func (a *arena) headers() []kgo.RecordHeader {
	i := (a.used - 1) % chunkRecords * 3
	return a.headed[(a.used-1)/chunkRecords][i : i : i+3]
}
