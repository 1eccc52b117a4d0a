package restpoll

import (
	"encoding/binary"
	"errors"

	"customer360/codec"
)

// maxBad is how many bad answers an email remembers; more than one, so that a
// store whose backends are broken in different ways does not flood.
const maxBad = 4

// entry is the table's value for one wanted email.
type entry struct {
	Generation int    // of the document that confirmed it last
	Poll       uint64 // number of the poll whose result is awaited
	Due        int64  // when to ask, Unix milliseconds
	Failures   int    // polls in a row that brought no usable answer
	Status     int    // HTTP status of the last poll, 0: none yet or no response
	Answered   bool   // the store has answered once: 200 or 404
	Published  bool   // Answer is valid
	BadLast    bool   // the last answer was bad: the last of Bad
	Answer     codec.Hash
	Topic      codec.Hash   // of the id of the topic that Answer went to; zero: not noted
	Bad        []codec.Hash // answers that are dead letters, oldest first
}

// The formats. The second names the topic; an entry without one has the first,
// as all entries had once.
const (
	plainFormat = 1
	entryFormat = 2
)

const (
	entryAnswered = 1 << iota
	entryPublished
	entryBadLast
)

var errEntry = errors.New("malformed entry of restpoll's table")

// append appends the encoding: format, flags, the numbers (uvarint), the hash
// of the published answer if there is one and that of its topic, the hashes of the
// bad ones.
func (e *entry) append(dst []byte) []byte {
	var flags byte
	if e.Answered {
		flags |= entryAnswered
	}
	if e.Published {
		flags |= entryPublished
	}
	if e.BadLast {
		flags |= entryBadLast
	}
	format, named := byte(plainFormat), e.Published && e.Topic != codec.Hash{}
	if named {
		format = entryFormat
	}
	dst = append(dst, format, flags)
	for _, n := range [...]uint64{uint64(e.Generation), e.Poll, uint64(max(e.Due, 0)), uint64(e.Failures), uint64(e.Status)} {
		dst = binary.AppendUvarint(dst, n)
	}
	if e.Published {
		dst = append(dst, e.Answer[:]...)
	}
	if named {
		dst = append(dst, e.Topic[:]...)
	}
	for _, h := range e.Bad {
		dst = append(dst, h[:]...)
	}
	return dst
}

// decode is the inverse of append; it copies.
func (e *entry) decode(b []byte) error {
	*e = entry{}
	if len(b) > 0 {
		if err := codec.CheckFormat(int(b[0]), entryFormat); err != nil {
			return err
		}
	}
	if len(b) < 2 || b[0] != plainFormat && b[0] != entryFormat {
		return errEntry
	}
	named := b[0] == entryFormat
	e.Answered, e.Published, e.BadLast = b[1]&entryAnswered != 0, b[1]&entryPublished != 0, b[1]&entryBadLast != 0
	b = b[2:]
	var numbers [5]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return errEntry
		}
		numbers[i], b = v, b[n:]
	}
	e.Generation, e.Poll, e.Due = int(numbers[0]), numbers[1], int64(numbers[2])
	e.Failures, e.Status = int(numbers[3]), int(numbers[4])
	const size = len(e.Answer)
	if len(b) < size*(btoi(e.Published)+btoi(named)) || named && !e.Published {
		return errEntry
	}
	if e.Published {
		e.Answer, b = codec.Hash(b[:size]), b[size:]
	}
	if named {
		e.Topic, b = codec.Hash(b[:size]), b[size:]
	}
	if len(b)%size != 0 || len(b)/size > maxBad || e.BadLast && len(b) == 0 {
		return errEntry
	}
	for ; len(b) > 0; b = b[size:] {
		e.Bad = append(e.Bad, codec.Hash(b[:size]))
	}
	return nil
}

// remember notes a bad answer and says whether it is new.
func (e *entry) remember(bad codec.Hash) bool {
	known := -1
	for i, h := range e.Bad {
		if h == bad {
			known = i
		}
	}
	e.BadLast = true
	// The slice is never written to: the caller's entry shares it.
	kept := make([]codec.Hash, 0, maxBad+1)
	for i, h := range e.Bad {
		if i != known {
			kept = append(kept, h)
		}
	}
	kept = append(kept, bad)
	e.Bad = kept[max(0, len(kept)-maxBad):]
	return known < 0
}

// lastBad says whether the email's last answer was this bad one.
func (e *entry) lastBad(h codec.Hash) bool {
	return e.BadLast && e.Bad[len(e.Bad)-1] == h
}
