package processors

import (
	"errors"

	"customer360/codec"
)

// The value of rekey's table, per identity: format (1 byte), the decoder's
// state behind its length (uvarint), then per document that the identity
// asserts, in the order of keys, the key behind its length and the hash of the
// encoded fields.
const assertedFormat = 1

var errAsserted = errors.New("rekey: malformed table value")

// cutAsserted splits a table value; nil is the value before the first record.
func cutAsserted(table []byte) (decoder, entries []byte, err error) {
	if len(table) == 0 {
		return nil, nil, nil
	}
	if err := codec.CheckFormat(int(table[0]), assertedFormat); err != nil {
		return nil, nil, err
	}
	if table[0] != assertedFormat {
		return nil, nil, errAsserted
	}
	decoder, entries, ok := codec.CutBytes(table[1:])
	if !ok {
		return nil, nil, errAsserted
	}
	if len(decoder) == 0 {
		decoder = nil // as Accept knows it
	}
	return decoder, entries, checkEntries(entries)
}

func checkEntries(entries []byte) error {
	last := []byte(nil)
	for len(entries) > 0 {
		key, _, rest, err := cutEntry(entries)
		if err != nil || last != nil && string(key) <= string(last) {
			return errAsserted
		}
		entries, last = rest, key
	}
	return nil
}

// cutEntry reads the first entry.
func cutEntry(entries []byte) (key []byte, hash codec.Hash, rest []byte, err error) {
	key, rest, ok := codec.CutBytes(entries)
	if !ok || len(rest) < len(hash) {
		return nil, hash, nil, errAsserted
	}
	copy(hash[:], rest)
	return key, hash, rest[len(hash):], nil
}

func appendEntry(dst []byte, key string, hash codec.Hash) []byte {
	return append(codec.AppendBytes(dst, []byte(key)), hash[:]...)
}

// joinAsserted is the inverse of cutAsserted: nil where nothing would be lost
// without a value, which is where the decoder keeps nothing either.
func joinAsserted(decoder, entries []byte) []byte {
	if len(decoder) == 0 && len(entries) == 0 {
		return nil
	}
	table := make([]byte, 0, 1+3+len(decoder)+len(entries))
	table = append(table, assertedFormat)
	table = codec.AppendBytes(table, decoder)
	return append(table, entries...)
}
