package sweep

import (
	"fmt"

	"customer360/codec/debezium"
)

// point is where a record lies.
type point struct {
	partition int32
	offset    int64
	at        int64 // Unix milliseconds
}

// snapshot is what the topic holds of all snapshots at one place in the binlog.
type snapshot struct {
	place       string
	first, last *point // the newest marked rows
	rows        map[int32]*bounds
}

// bounds are those of a snapshot's rows in one partition.
type bounds struct{ first, last point }

// snapshots collects them while the topic is read.
type snapshots struct {
	byPlace map[string]*snapshot
	flat    int // rows without a marker
}

// maxPlaces bounds them: rows of one snapshot have one place.
const maxPlaces = 10_000

func (s *snapshots) saw(r debezium.Snapshot, at point) error {
	if r.Flat && r.Place == "" {
		s.flat++
	}
	if !r.Row {
		return nil
	}
	n := s.byPlace[r.Place]
	if n == nil {
		if len(s.byPlace) >= maxPlaces {
			return fmt.Errorf("%w: rows of snapshots say more than %d places in the binlog, so nothing tells which belong together", ErrIncomplete, maxPlaces)
		}
		n = &snapshot{place: r.Place, rows: map[int32]*bounds{}}
		s.byPlace[r.Place] = n
	}
	newer := func(p *point) bool { return p == nil || at.at >= p.at }
	if r.First && newer(n.first) {
		n.first = &at
	}
	if r.Last && newer(n.last) {
		n.last = &at
	}
	b := n.rows[at.partition]
	if b == nil {
		n.rows[at.partition] = &bounds{at, at}
		return nil
	}
	b.last = at
	return nil
}

// end is the time of the snapshot's newest row.
func (s *snapshot) end() (at int64) {
	for _, b := range s.rows {
		at = max(at, b.last.at)
	}
	return at
}

// begin is the time of its first row, as far as the topic still tells.
func (s *snapshot) begin() int64 {
	if s.first != nil {
		return s.first.at
	}
	at := s.end()
	for _, b := range s.rows {
		at = min(at, b.first.at)
	}
	return at
}

// newest is the newest snapshot, if it is complete.
func (s *snapshots) newest(topic string) (*snapshot, error) {
	var n *snapshot
	for _, o := range s.byPlace {
		if n == nil || o.end() > n.end() || o.end() == n.end() && o.place > n.place {
			n = o
		}
	}
	switch {
	case n == nil && s.flat > 0:
		return nil, fmt.Errorf("%w: %s has flattened rows (ExtractNewRecordState), which do not say that they belong to one; let the transform add op, source.snapshot, source.file and source.pos (add.fields), or use envelopes, and take a new snapshot",
			ErrNoSnapshot, topic)
	case n == nil:
		return nil, fmt.Errorf("%w: let the connector take a new one of all rows (snapshot.mode); incremental snapshots do not count, since they do not tell what is gone", ErrNoSnapshot)
	case n.last == nil:
		return nil, fmt.Errorf("%w: that at %s has no row in %s that is marked as the last one. Either it is under way, or it was given up, or the last row has changed since and compaction took its record, or the connector does not mark it: 0.9 never, 1.x only the last row of all tables",
			ErrIncomplete, n.place, topic)
	case n.first != nil && (n.first.at > n.last.at || n.first.partition == n.last.partition && n.first.offset > n.last.offset):
		return nil, fmt.Errorf("%w: another one has begun at %s/%d/%d, at the same place %s: wait for its end", ErrIncomplete, topic, n.first.partition, n.first.offset, n.place)
	}
	return n, nil
}

// lacks says whether the snapshot shows that a row is gone: the row is there,
// its newest record is older than the snapshot, and no row of it.
func (s *snapshot) lacks(r row) bool {
	if !r.there || s.holds(r) {
		return false
	}
	b := s.rows[r.partition]
	if b == nil || b.first.at < s.begin() { // no row there, or one of a former snapshot at the same place is the first
		return r.at < s.begin()
	}
	return r.offset < b.first.offset
}

// holds: by its place, and not before the row that is marked as the first.
func (s *snapshot) holds(r row) bool {
	switch {
	case r.place != s.place:
		return false
	case s.first == nil:
		return true
	case r.partition == s.first.partition:
		return r.offset >= s.first.offset
	}
	return r.at >= s.first.at
}
