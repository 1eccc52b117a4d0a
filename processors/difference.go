package processors

import (
	"errors"
	"slices"
	"strings"

	"customer360/codec"
)

// difference compares what an identity asserted before with what it asserts
// now, both in the order of document keys. Its buffers are used again; the values
// of records are the caller's.
type difference struct {
	record    codec.Record // source, identity and version of what is emitted
	asserts   []keyed
	withdraws []keyed
	entries   []byte // the table's entries from now on
	scratch   []byte // encoded fields
}

// keyed is a record to emit: document key and encoded value.
type keyed struct {
	key   string
	value []byte
}

// begin forgets the difference before.
func (d *difference) begin(record codec.Record) {
	*d = difference{record: record, asserts: d.asserts[:0], withdraws: d.withdraws[:0], entries: d.entries[:0], scratch: d.scratch[:0]}
}

var errAssertedTwice = errors.New("the record asserts one document twice")

// compare walks over both. before are the table's entries, now is sorted in
// place. The error of before is errAsserted, that of now errAssertedTwice.
func (d *difference) compare(before []byte, now []codec.Assertion) error {
	slices.SortFunc(now, func(a, b codec.Assertion) int { return strings.Compare(a.Key, b.Key) })
	for i := range now {
		a := &now[i]
		if i > 0 && a.Key == now[i-1].Key {
			return errAssertedTwice
		}
		var known codec.Hash
		isKnown := false
		for len(before) > 0 {
			key, hash, rest, err := cutEntry(before)
			if err != nil {
				return err
			}
			if string(key) > a.Key {
				break
			}
			if before = rest; string(key) == a.Key {
				known, isKnown = hash, true
				break
			}
			d.withdraw(string(key))
		}
		d.assert(a, known, isKnown)
	}
	for len(before) > 0 {
		key, _, rest, err := cutEntry(before)
		if err != nil {
			return err
		}
		d.withdraw(string(key))
		before = rest
	}
	return nil
}

func (d *difference) assert(a *codec.Assertion, known codec.Hash, isKnown bool) {
	d.scratch = a.Fields.Append(d.scratch[:0])
	hash := codec.HashOf(d.scratch)
	d.entries = appendEntry(d.entries, a.Key, hash)
	if isKnown && known == hash {
		return
	}
	r := d.record
	r.Kind, r.Fields = codec.Assert, d.scratch
	d.asserts = append(d.asserts, keyed{a.Key, r.AppendValue(make([]byte, 0, recordRoom(&r)))})
}

func (d *difference) withdraw(key string) {
	r := d.record
	r.Kind = codec.Withdraw
	d.withdraws = append(d.withdraws, keyed{key, r.AppendValue(make([]byte, 0, recordRoom(&r)))})
}

// recordRoom is enough for the record's encoding: behind the bytes that vary
// come a format, a kind, a version and two lengths.
func recordRoom(r *codec.Record) int {
	return 2 + 9 + 2*3 + len(r.Source) + len(r.Identity) + len(r.Fields)
}
