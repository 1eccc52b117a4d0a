package processors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"customer360/codec"
)

// The value of merge's table, per document key: format (1 byte), flags (1
// byte), the hash of the document that was emitted last (16 bytes, zero without
// flagDocument), then the registers in the order of source and identity, each
// behind its length (uvarint). A quarantined key has only format and flags.
//
// A register: source and identity behind their lengths, the version shifted
// left by one with 1 for asserted (uvarint), the encoded fields up to the end.
const (
	registersFormat = 1
	registersHeader = 2 + len(codec.Hash{})

	flagQuarantined = 1 << 0
	flagDocument    = 1 << 1 // a document is out there, with this hash
	flagOversized   = 1 << 2 // the registers make a document that is too large to be produced

	// maxRegisters bounds the identities that can ever have said something
	// about one document key: beyond, it is a shared mailbox.
	maxRegisters = 256
)

var (
	errRegisters = errors.New("merge: malformed table value")

	emptyRegisters       = append([]byte{registersFormat, 0}, make([]byte, len(codec.Hash{}))...)
	quarantinedRegisters = []byte{registersFormat, flagQuarantined}
)

// register is what one identity said last about a document.
type register struct {
	source, identity []byte
	version          int64
	asserted         bool
	fields           []byte
}

// checkRegisters tells a quarantined value, and refuses what is none.
func checkRegisters(state []byte) (quarantined bool, err error) {
	if len(state) == 0 {
		return false, nil // no value yet
	}
	if err := codec.CheckFormat(int(state[0]), registersFormat); err != nil {
		return false, err
	}
	switch {
	case len(state) < 2 || state[0] != registersFormat:
		return false, errRegisters
	case state[1]&flagQuarantined != 0:
		if !bytes.Equal(state, quarantinedRegisters) {
			return false, errRegisters
		}
		return true, nil
	case len(state) < registersHeader:
		return false, errRegisters
	}
	return false, nil
}

// cutRegister reads the first register of b.
func cutRegister(b []byte) (r register, rest []byte, err error) {
	body, rest, ok := codec.CutBytes(b)
	if !ok {
		return r, nil, errRegisters
	}
	if r.source, body, ok = codec.CutBytes(body); !ok {
		return r, nil, errRegisters
	}
	if r.identity, body, ok = codec.CutBytes(body); !ok {
		return r, nil, errRegisters
	}
	version, n := binary.Uvarint(body)
	if n <= 0 {
		return r, nil, errRegisters
	}
	r.version, r.asserted, r.fields = int64(version>>1), version&1 == 1, body[n:]
	return r, rest, nil
}

// place compares the register's place in the list with a record's.
func (r *register) place(record *codec.Record) int {
	switch {
	case string(r.source) == record.Source:
		return bytes.Compare(r.identity, record.Identity)
	case string(r.source) < record.Source:
		return -1
	}
	return 1
}

// apply returns the registers with the record's in its place and how many
// there are, or nil where the record is not newer than its register. The bytes
// of the other registers are copied as they are. state is only read; next is
// appended to dst, which is empty.
func apply(dst, state []byte, record *codec.Record) (next []byte, count int, err error) {
	if len(state) == 0 {
		state = emptyRegisters
	}
	from, to := len(state), len(state) // what the new register replaces
	for rest := state[registersHeader:]; len(rest) > 0; count++ {
		at := len(state) - len(rest)
		var r register
		if r, rest, err = cutRegister(rest); err != nil {
			return nil, 0, err
		}
		if from < len(state) {
			continue // only counting
		}
		switch order := r.place(record); {
		case order == 0 && record.Version <= r.version:
			return nil, 0, nil
		case order == 0:
			from, to = at, len(state)-len(rest)
		case order > 0:
			from, to = at, at
		}
	}
	if from == to {
		count++
	}
	return splice(dst, state, from, to, record), count, nil
}

func splice(next, state []byte, from, to int, record *codec.Record) []byte {
	version, fields := uint64(record.Version)<<1, []byte(nil)
	if record.Kind == codec.Assert {
		version, fields = version|1, record.Fields
	}
	body := codec.UvarintLen(uint64(len(record.Source))) + len(record.Source) +
		codec.UvarintLen(uint64(len(record.Identity))) + len(record.Identity) + codec.UvarintLen(version) + len(fields)
	next = slices.Grow(next, from+codec.UvarintLen(uint64(body))+body+len(state)-to)
	next = append(next, state[:from]...)
	next = binary.AppendUvarint(next, uint64(body))
	next = append(binary.AppendUvarint(next, uint64(len(record.Source))), record.Source...)
	next = codec.AppendBytes(next, record.Identity)
	next = binary.AppendUvarint(next, version)
	next = append(next, fields...)
	return append(next, state[to:]...)
}

// setDocument notes in a state of apply's what was emitted last; nil: nothing
// is out there.
func setDocument(state []byte, hash *codec.Hash) {
	if hash == nil {
		state[1] &^= flagDocument
		clear(state[2:registersHeader])
		return
	}
	state[1] |= flagDocument
	copy(state[2:registersHeader], hash[:])
}

func hasDocument(state []byte) bool { return len(state) > 1 && state[1]&flagDocument != 0 }

// isDocument tells whether the document that is out there has this hash.
func isDocument(state []byte, hash *codec.Hash) bool {
	return hasDocument(state) && slices.Equal(state[2:registersHeader], hash[:])
}

// setOversized returns whether the flag changed to on.
func setOversized(state []byte, on bool) (raised bool) {
	was := state[1]&flagOversized != 0
	state[1] &^= flagOversized
	if on {
		state[1] |= flagOversized
	}
	return on && !was
}

// IsQuarantined tells of a value of merge's table whether its key is
// quarantined: too many identities have said something about it.
func IsQuarantined(table []byte) bool {
	quarantined, err := checkRegisters(table)
	return err == nil && quarantined
}
