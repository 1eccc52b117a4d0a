package couchbase_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/couchbasetest"
)

// vbucketOf is the hash that SDKs use.
func vbucketOf(key string) uint16 {
	return uint16(crc32.ChecksumIEEE([]byte(key)) >> 16 & 0x3ff)
}

func (p *player) key(key string) string { return strings.ReplaceAll(key, "$run", p.run) }

// encode turns a request into a packet.
func (p *player) encode(q *wantedRequest, opaque uint32, now time.Time) (packet []byte, vbucket uint16, err error) {
	opcode, err := strconv.ParseUint(q.Opcode, 0, 8)
	if err != nil {
		return nil, 0, err
	}
	key := p.key(q.Key)
	if q.CollectionID != "" {
		vbucket = vbucketOf(key)
		if p.collections {
			id, err := p.value(q.CollectionID, now)
			if err != nil {
				return nil, 0, err
			}
			key = string(memd.AppendULEB128_32(nil, uint32(id))) + key
		}
	}
	switch {
	case q.VBucket != nil:
		vbucket = *q.VBucket
	case q.VBucketOf != "":
		vbucket = vbucketOf(p.key(q.VBucketOf))
	}
	value, err := p.encodeValue(q, now)
	if q.Name == "OBSERVE" {
		value = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, vbucket), uint16(len(key)))
		value, key = append(value, key...), ""
	}
	extras, err2 := p.encodeExtras(q, now)
	frames, err3 := encodeFrames(q.Frames)
	datatype, err4 := bitsOf(q.Datatype)
	cas, err5 := p.value(q.CAS, now)
	if err := firstError(err, err2, err3, err4, err5); err != nil {
		return nil, 0, err
	}
	if len(frames) > 0 {
		packet = append(packet, 0x08, byte(opcode), byte(len(frames)), byte(len(key)))
	} else {
		packet = binary.BigEndian.AppendUint16([]byte{0x80, byte(opcode)}, uint16(len(key)))
	}
	packet = append(packet, byte(len(extras)), datatype)
	packet = binary.BigEndian.AppendUint16(packet, vbucket)
	packet = binary.BigEndian.AppendUint32(packet, uint32(len(frames)+len(extras)+len(key)+len(value)))
	packet = binary.BigEndian.AppendUint32(packet, opaque)
	packet = binary.BigEndian.AppendUint64(packet, cas)
	packet = append(append(append(packet, frames...), extras...), key...)
	return append(packet, value...), vbucket, nil
}

func (p *player) encodeExtras(q *wantedRequest, now time.Time) (out []byte, err error) {
	used := 0
	for _, field := range extrasOf(q.Name, false) {
		name, size, _ := strings.Cut(field, ":")
		text, ok := q.Extras[name]
		if !ok {
			continue
		}
		used++
		var n uint64
		if name == "doc_flags" {
			b, berr := bitsOf(strings.Split(text, "|"))
			n, err = uint64(b), berr
		} else {
			n, err = p.value(text, now)
		}
		if err != nil {
			return nil, err
		}
		raw := binary.BigEndian.AppendUint64(nil, n)
		out = append(out, raw[8-int(size[0]-'0'):]...)
	}
	return out, unless(used == len(q.Extras), "extras %v are not those of %s", q.Extras, q.Name)
}

func encodeFrames(frames map[string]string) (out []byte, err error) {
	for name := range frames {
		if name != "durability" && name != "durability_timeout" && name != "preserve_expiry" {
			return nil, fmt.Errorf("no frame %q", name)
		}
	}
	if level, ok := frames["durability"]; ok {
		levels := map[string]byte{"majority": 1, "majority_and_persist_on_master": 2, "persist_to_majority": 3, "invalid(9)": 9}
		if timeout, ok := frames["durability_timeout"]; ok {
			d, err := time.ParseDuration(timeout)
			if err != nil {
				return nil, err
			}
			out = binary.BigEndian.AppendUint16([]byte{0x13, levels[level]}, uint16(d.Milliseconds()))
		} else {
			out = []byte{0x11, levels[level]}
		}
	}
	if _, ok := frames["preserve_expiry"]; ok {
		out = append(out, 0x50)
	}
	return out, nil
}

func (p *player) encodeValue(q *wantedRequest, now time.Time) (out []byte, err error) {
	switch {
	case q.ValueRepeat.Times > 0:
		return []byte(strings.Repeat(q.ValueRepeat.Text, q.ValueRepeat.Times)), nil
	case len(q.ValueBase64) > 0:
		return q.ValueBase64, nil
	case q.Name == "HELLO":
		for _, f := range q.Features {
			code, ok := featureCodes[f]
			if !ok {
				return nil, fmt.Errorf("no feature %q", f)
			}
			out = binary.BigEndian.AppendUint16(out, code)
		}
		return out, nil
	case q.Name == "OBSERVE_SEQNO":
		n, err := p.value(q.Value, now)
		return binary.BigEndian.AppendUint64(nil, n), err
	case strings.HasPrefix(q.Value, "$scram"):
		return p.scramMessage(q)
	case len(q.Specs) > 0:
		return encodeSpecs(q)
	}
	return []byte(strings.NewReplacer("$user", couchbasetest.Username, "$password", couchbasetest.Password).Replace(q.Value)), nil
}

func encodeSpecs(q *wantedRequest) (out []byte, err error) {
	for _, s := range q.Specs {
		code, err := strconv.ParseUint(s.Opcode, 0, 8)
		if err != nil {
			return nil, err
		}
		flags, err := bitsOf(s.Flags)
		if err != nil {
			return nil, err
		}
		out = binary.BigEndian.AppendUint16(append(out, byte(code), flags), uint16(len(s.Path)))
		if q.Name == "SUBDOC_MULTI_MUTATION" {
			out = binary.BigEndian.AppendUint32(out, uint32(len(s.Value)))
		}
		out = append(append(out, s.Path...), s.Value...)
	}
	return out, nil
}
