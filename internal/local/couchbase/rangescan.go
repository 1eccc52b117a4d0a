package couchbase

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"slices"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/couchbase/gocbcore/v10/memd"
)

// A range scan walks over the documents of one collection in one vbucket as of
// the moment of its creation: RANGE_SCAN_CREATE, then RANGE_SCAN_CONTINUE until
// it says complete, or RANGE_SCAN_CANCEL. It belongs to the connection that
// created it, and ends with it.

const (
	scanIDBytes    = 16
	maxScans       = 100       // of one connection
	scanFrame      = 256 << 10 // a batch goes out in answers of this size
	scanOfKeys     = 0         // what the extras of an answer say
	scanOfDocs     = 1
	scanContinueAt = scanIDBytes + 3*4
)

// scanID names a scan.
type scanID [scanIDBytes]byte

// rangeScan is one walk. Its iterator sees the store as of its creation.
type rangeScan struct {
	snapshot *leveldb.Snapshot
	limits   util.Range // of the keys in the store
	next     []byte     // the key in the store to go on with
	skip     int        // bytes in front of a document's key
	now      uint32
	keysOnly bool
	chosen   map[string]bool // of a sampling scan; nil: all
}

func scanCommands() map[memd.CmdCode]*command {
	return map[memd.CmdCode]*command{
		memd.CmdRangeScanCreate:   {stage: stageBucket, value: must, typed: true, control: createScan},
		memd.CmdRangeScanContinue: {stage: stageBucket, extras: []int{scanContinueAt}, control: continueScan},
		memd.CmdRangeScanCancel:   {stage: stageBucket, extras: []int{scanIDBytes}, control: cancelScan},
	}
}

func createScan(c *connection, q *request) response {
	var r scanRequest
	collection, refusal := c.readScan(q, &r)
	if refusal.status != statusOK {
		return refusal
	}
	if len(c.scans) >= maxScans {
		return failure(memd.StatusBusy)
	}
	s, err := c.bucket.openScan(q.vbucket, collection, &r)
	if err != nil {
		c.node.log.Error("couchbase: a scan cannot be opened", "bucket", c.bucket.name, "error", err)
		return failure(memd.StatusInternalError)
	}
	if s == nil {
		return failure(statusNotFound) // no document in the range
	}
	if c.scans == nil {
		c.scans = map[scanID]*rangeScan{}
	}
	var id scanID
	_, _ = rand.Read(id[:]) // it never fails
	c.scans[id] = s
	return response{value: id[:]}
}

// openScan returns nil where there is nothing to scan.
func (b *bucket) openScan(vbucket uint16, collection uint32, r *scanRequest) (*rangeScan, error) {
	b.mu.Lock() // what was acknowledged is in the store
	defer b.mu.Unlock()
	if b.broken != nil {
		return nil, b.broken
	}
	snapshot, err := b.db.GetSnapshot()
	if err != nil {
		return nil, err
	}
	prefix := documentKey(b.id, addressOf(vbucket, collection, nil))
	s := &rangeScan{snapshot: snapshot, limits: *util.BytesPrefix(prefix), skip: len(prefix), now: unix(b.now()), keysOnly: r.KeyOnly}
	if r.Range != nil {
		s.bound(prefix, r.Range)
	}
	keys, err := s.keys(r.Sampling != nil)
	if err != nil || len(keys) == 0 {
		snapshot.Release()
		return nil, err
	}
	if r.Sampling != nil && r.Sampling.Samples < uint64(len(keys)) {
		dice := mathrand.New(mathrand.NewPCG(r.Sampling.Seed, uint64(vbucket))) //nolint:gosec // a sample, no secret
		dice.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		s.chosen = map[string]bool{}
		for _, key := range keys[:r.Sampling.Samples] {
			s.chosen[key] = true
		}
	}
	s.next = s.limits.Start
	return s, nil
}

// bound narrows the scan to the range's keys.
func (s *rangeScan) bound(prefix []byte, r *scanRange) {
	at := func(key []byte) []byte { return append(slices.Clone(prefix), key...) }
	after := func(key []byte) []byte { return append(at(key), 0) }
	if len(r.Start) > 0 {
		s.limits.Start = at(r.Start)
	} else {
		s.limits.Start = after(r.ExclusiveStart)
	}
	end := at(r.ExclusiveEnd)
	if len(r.End) > 0 {
		end = after(r.End)
	}
	if s.limits.Limit == nil || bytes.Compare(end, s.limits.Limit) < 0 {
		s.limits.Limit = end
	}
}

// keys lists the scan's keys; only the first one unless all are wanted.
func (s *rangeScan) keys(all bool) (keys []string, err error) {
	err = s.each(s.limits.Start, func(key []byte, _ *document) bool {
		keys = append(keys, string(key[s.skip:]))
		return all
	})
	return keys, err
}

// each walks over the living documents from a key in the store on, until fn
// says no.
func (s *rangeScan) each(from []byte, fn func(key []byte, d *document) bool) error {
	if s.limits.Limit != nil && bytes.Compare(from, s.limits.Limit) >= 0 {
		return nil
	}
	it := s.snapshot.NewIterator(&util.Range{Start: from, Limit: s.limits.Limit}, nil)
	defer it.Release()
	for it.Next() {
		d, err := parseRecord(it.Value())
		if err != nil {
			return err
		}
		if d.deleted || d.expired(s.now) || s.chosen != nil && !s.chosen[string(it.Key()[s.skip:])] {
			continue
		}
		if !fn(it.Key(), d) {
			break
		}
	}
	return it.Error()
}

func continueScan(c *connection, q *request) response {
	id := scanID(q.extras[:scanIDBytes])
	s := c.scans[id]
	if s == nil {
		return failure(statusNotFound)
	}
	items, limit := binary.BigEndian.Uint32(q.extras[scanIDBytes:]), binary.BigEndian.Uint32(q.extras[scanIDBytes+8:])
	kind := binary.BigEndian.AppendUint32(nil, scanOfDocs)
	if s.keysOnly {
		kind = binary.BigEndian.AppendUint32(nil, scanOfKeys)
	}
	var frame, next []byte
	sent, size := uint32(0), 0
	err := s.each(s.next, func(key []byte, d *document) bool {
		if items > 0 && sent >= items || limit > 0 && size >= int(limit) {
			next = slices.Clone(key)
			return false
		}
		before := len(frame)
		frame = s.append(frame, key[s.skip:], d)
		sent, size = sent+1, size+len(frame)-before
		if len(frame) >= scanFrame {
			c.emit(q, response{extras: kind, value: frame})
			frame = nil
		}
		return true
	})
	switch {
	case err != nil:
		c.endScan(id)
		c.node.log.Error("couchbase: a document cannot be read", "bucket", c.bucket.name, "error", err)
		return failure(memd.StatusInternalError)
	case next != nil:
		s.next = next
		return response{status: memd.StatusRangeScanMore, extras: kind, value: frame}
	}
	c.endScan(id)
	return response{status: memd.StatusRangeScanComplete, extras: kind, value: frame}
}

// append appends one item: of a document flags, expiry, sequence number, CAS and
// datatype go before the key, the body behind it.
func (s *rangeScan) append(out, key []byte, d *document) []byte {
	if !s.keysOnly {
		out = binary.BigEndian.AppendUint32(out, d.flags)
		out = binary.BigEndian.AppendUint32(out, d.expiry)
		out = binary.BigEndian.AppendUint64(out, d.seqno)
		out = binary.BigEndian.AppendUint64(out, d.cas)
		out = append(out, d.datatype)
	}
	out = append(binary.AppendUvarint(out, uint64(len(key))), key...)
	if !s.keysOnly {
		out = append(binary.AppendUvarint(out, uint64(len(d.body))), d.body...)
	}
	return out
}

func cancelScan(c *connection, q *request) response {
	if !c.endScan(scanID(q.extras)) {
		return failure(statusNotFound)
	}
	return response{}
}

func (c *connection) endScan(id scanID) bool {
	s, ok := c.scans[id]
	if ok {
		s.snapshot.Release()
		delete(c.scans, id)
	}
	return ok
}

func (c *connection) endScans() {
	for id := range c.scans {
		c.endScan(id)
	}
}
