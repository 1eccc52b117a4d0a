package debezium

import (
	"encoding/binary"

	"customer360/codec"
)

// state is what an identity's accepted records leave behind for Accept.
type state struct {
	refused bool // the last record was a d that was refused: its tombstone is too
	created bool // the last accepted record was a streamed c
	gone    bool // the last accepted record was a d or a tombstone
	epoch   int64
	server  int64 // 0: unknown
	at      place
	time    int64   // of the last accepted record that says one: source.ts_ms
	left    []int64 // servers the identity has left, in that order
}

// maxLeft bounds the servers remembered per identity: a server id per record
// must not fill the table.
const maxLeft = 32

// Accept implements codec.Decoder. A snapshot's record always counts. A
// streamed one counts when its server is new to the identity, or when it does
// not lie before the last one; at the same place a c beats a d, since a change
// of the primary key writes both there. A server that was left stays refused
// until the next snapshot or epoch. What says nothing about its place counts as
// it comes.
//
// A row that is gone takes a c of a later time from any place: after RESET MASTER
// positions begin anew, and no snapshot tells of a row that is not there. A c that
// is replayed has the time it had, so it stays refused.
func (d *Decoder) Accept(encoded []byte, c *codec.Change) ([]byte, bool) {
	var s state
	var e event
	if e.decode(c.Position) != nil {
		return encoded, false // not one of Decode's
	}
	if s.decode(encoded) != nil {
		s = state{}
	}
	accepted := s.accept(&e)
	return s.append(make([]byte, 0, len(encoded)+positionRoom)), accepted
}

func (s *state) accept(e *event) bool {
	if e.tombstone {
		accepted := !s.refused || e.swept // which says by itself that the row is gone
		s.refused = false
		s.gone = s.gone || accepted
		return accepted
	}
	if !s.takes(e) {
		s.refused = e.deletes
		return false
	}
	s.refused = false
	s.created = e.creates && !e.snapshot
	s.gone = e.deletes
	if e.time > 0 {
		s.time = e.time
	}
	s.epoch = e.epoch
	switch {
	case e.snapshot:
		s.at, s.left = e.at, nil // the server id of a snapshot says nothing
	case e.at.known:
		s.moveTo(e.server)
		s.at = e.at
	}
	return true
}

// takes decides, and forgets what a raised epoch makes void.
func (s *state) takes(e *event) bool {
	if e.epoch > s.epoch {
		*s = state{}
	}
	switch {
	case e.epoch < s.epoch:
		return false
	case e.snapshot, !e.at.known:
		return true
	case e.server != 0 && e.server != s.server:
		return !s.hasLeft(e.server)
	}
	order, exact := s.at.compare(e.at)
	return order < 0 || s.returns(e) || order == 0 && (!exact || !s.created || !e.deletes)
}

// returns says whether a row that is gone was created anew.
func (s *state) returns(e *event) bool { return s.gone && e.creates && s.time > 0 && e.time > s.time }

func (s *state) hasLeft(server int64) bool {
	for _, left := range s.left {
		if left == server {
			return true
		}
	}
	return false
}

func (s *state) moveTo(server int64) {
	if server == 0 || server == s.server {
		return
	}
	if s.server != 0 {
		if len(s.left) == maxLeft {
			s.left = s.left[1:]
		}
		s.left = append(s.left, s.server)
	}
	s.server = server
}

const (
	flagRefused = 1 << iota
	flagCreated
	flagGone
	flagTime
)

// append appends the encoding: flags (1 byte), epoch, server, the place, the time
// where there is one, the servers left, integers as uvarints.
func (s *state) append(dst []byte) []byte {
	dst = append(dst, flags(s.refused, s.created, s.gone, s.time > 0))
	dst = binary.AppendUvarint(dst, uint64(s.epoch))
	dst = binary.AppendUvarint(dst, uint64(s.server))
	dst = s.at.append(dst)
	if s.time > 0 {
		dst = binary.AppendUvarint(dst, uint64(s.time))
	}
	for _, server := range s.left {
		dst = binary.AppendUvarint(dst, uint64(server))
	}
	return dst
}

// decode is the inverse of append; no bytes are the state before the first record.
func (s *state) decode(b []byte) error {
	*s = state{}
	if len(b) == 0 {
		return nil
	}
	c := cursor{b: b}
	f := c.byte()
	*s = state{refused: f&flagRefused != 0, created: f&flagCreated != 0, gone: f&flagGone != 0, epoch: c.int(), server: c.int(), at: c.place()}
	if f&flagTime != 0 {
		s.time = c.int()
	}
	for len(c.b) > 0 && !c.bad {
		s.left = append(s.left, c.int())
	}
	return c.end()
}
