package couchbase

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/golang/snappy"

	"github.com/couchbase/gocbcore/v10/memd"
)

const (
	datatypeJSON   = uint8(memd.DatatypeFlagJSON)
	datatypeSnappy = uint8(memd.DatatypeFlagCompressed)
	datatypeXattr  = uint8(memd.DatatypeFlagXattrs)
)

// document is one version of a document or, when deleted, its tombstone.
// It is never changed once stored: a mutation makes a new one.
type document struct {
	cas, seqno, revision    uint64
	flags, expiry, modified uint32 // expiry of a tombstone: the time of removal
	datatype                uint8  // of the body as it is kept: JSON, snappy
	deleted                 bool
	xattrs                  xattrs
	body                    []byte
}

// xattr is one extended attribute, its value canonical JSON.
type xattr struct {
	key   string
	value []byte
}

// xattrs are sorted by key.
type xattrs []xattr

func (x xattrs) index(key string) (int, bool) {
	return slices.BinarySearchFunc(x, key, func(a xattr, key string) int { return strings.Compare(a.key, key) })
}

func (x xattrs) get(key string) ([]byte, bool) {
	if i, ok := x.index(key); ok {
		return x[i].value, true
	}
	return nil, false
}

// with returns a copy in which key has the value; nil takes the key away.
func (x xattrs) with(key string, value []byte) xattrs {
	i, found := x.index(key)
	out := slices.Clone(x)
	switch {
	case value == nil && found:
		return slices.Delete(out, i, i+1)
	case value == nil:
		return out
	case found:
		out[i].value = value
		return out
	}
	return slices.Insert(out, i, xattr{key, value})
}

func isSystemXattr(key string) bool { return strings.HasPrefix(key, "_") }

// system are the xattrs that stay on a tombstone: those whose key begins with an underscore.
func (x xattrs) system() (out xattrs) {
	for _, a := range x {
		if isSystemXattr(a.key) {
			out = append(out, a)
		}
	}
	return out
}

// sizes are the bytes that count against the limits of the two kinds.
func (x xattrs) sizes() (system, user int) {
	for _, a := range x {
		if n := len(a.key) + len(a.value); isSystemXattr(a.key) {
			system += n
		} else {
			user += n
		}
	}
	return system, user
}

// visibleDatatype also tells of xattrs, as GET_META and $document do.
func (d *document) visibleDatatype() uint8 {
	if len(d.xattrs) > 0 {
		return d.datatype | datatypeXattr
	}
	return d.datatype
}

// plainBody is the body without compression.
func (d *document) plainBody() ([]byte, error) {
	if d.datatype&datatypeSnappy == 0 {
		return d.body, nil
	}
	body, err := snappy.Decode(nil, d.body)
	if err != nil {
		return nil, fmt.Errorf("inflate a stored body: %w", err)
	}
	return body, nil
}

// tombstone is what a removal leaves: flags, revision and system xattrs.
func (d *document) tombstone(now uint32) *document {
	return &document{deleted: true, flags: d.flags, revision: d.revision, expiry: now, xattrs: d.xattrs.system()}
}

// expired follows the engine: a document lives through the second it expires in.
func (d *document) expired(now uint32) bool { return !d.deleted && d.expiry != 0 && d.expiry < now }

// A record begins with its version and the length of what follows the fixed part.
const (
	recordVersion = 1
	recordFixed   = 1 + 1 + 1 + 3*8 + 3*4 + 4
)

// appendRecord writes a document: version, deleted, datatype, cas, seqno,
// revision, flags, expiry, modified, length of the xattrs, xattrs, body.
func (d *document) appendRecord(out []byte) []byte {
	deleted := byte(0)
	if d.deleted {
		deleted = 1
	}
	out = append(out, recordVersion, deleted, d.datatype)
	for _, n := range []uint64{d.cas, d.seqno, d.revision} {
		out = binary.BigEndian.AppendUint64(out, n)
	}
	for _, n := range []uint32{d.flags, d.expiry, d.modified} {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	size := 0
	for _, a := range d.xattrs {
		size += 1 + len(a.key) + 4 + len(a.value)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	for _, a := range d.xattrs {
		out = append(append(out, byte(len(a.key))), a.key...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(a.value)))
		out = append(out, a.value...)
	}
	return append(out, d.body...)
}

// parseRecord reads what appendRecord wrote. The document refers to the bytes of raw.
func parseRecord(raw []byte) (*document, error) {
	if len(raw) < recordFixed || raw[0] != recordVersion {
		return nil, fmt.Errorf("a record of %d bytes is not of version %d", len(raw), recordVersion)
	}
	d := &document{deleted: raw[1] == 1, datatype: raw[2]}
	d.cas, d.seqno, d.revision = binary.BigEndian.Uint64(raw[3:]), binary.BigEndian.Uint64(raw[11:]), binary.BigEndian.Uint64(raw[19:])
	d.flags, d.expiry, d.modified = binary.BigEndian.Uint32(raw[27:]), binary.BigEndian.Uint32(raw[31:]), binary.BigEndian.Uint32(raw[35:])
	size := int(binary.BigEndian.Uint32(raw[39:]))
	rest := raw[recordFixed:]
	if size > len(rest) {
		return nil, fmt.Errorf("a record's xattrs want %d bytes of %d", size, len(rest))
	}
	d.body = rest[size:]
	for x := rest[:size]; len(x) > 0; {
		n := int(x[0])
		if len(x) < 1+n+4 {
			return nil, fmt.Errorf("a record's xattr is cut off")
		}
		value := x[1+n+4:]
		length := int(binary.BigEndian.Uint32(x[1+n:]))
		if length > len(value) {
			return nil, fmt.Errorf("a record's xattr is cut off")
		}
		d.xattrs = append(d.xattrs, xattr{string(x[1 : 1+n]), value[:length:length]})
		x = value[length:]
	}
	return d, nil
}

func crc32c(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
