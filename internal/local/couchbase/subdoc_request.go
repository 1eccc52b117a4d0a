package couchbase

import (
	"encoding/binary"
	"strings"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/subdoc"
)

const (
	maxSpecs    = 16
	usualSpecs  = 4
	maxXattrKey = 15
)

// spec is one operation of a sub-document request.
type spec struct {
	op      memd.SubDocOpType
	flags   memd.SubdocFlag
	path    string
	value   []byte
	parsed  subdoc.Path
	problem status // of the path; told in the spec's own result
}

// specs are the operations of a request and what holds for all of them.
type specs struct {
	list     []spec
	docFlags memd.SubdocDocFlag
	expiry   uint32
}

func (s *spec) xattr() bool                    { return s.flags&memd.SubdocFlagXattrPath != 0 }
func (s *specs) has(f memd.SubdocDocFlag) bool { return s.docFlags&f != 0 }
func (s *spec) xattrKey() string               { return s.path[:xattrKeyLength(s.path)] }
func (s *spec) virtual() bool                  { return strings.HasPrefix(s.path, "$") }
func (s *spec) hasFlag(f memd.SubdocFlag) bool { return s.flags&f != 0 }

func xattrKeyLength(path string) int {
	if n := strings.IndexAny(path, ".["); n >= 0 {
		return n
	}
	return len(path)
}

func subdocCommands() map[memd.CmdCode]*command {
	known := traits()
	all := map[memd.CmdCode]*command{
		memd.CmdSubDocMultiLookup: {extras: []int{0, 1}, document: lookupIn,
			parse: func(c *connection, q *request) response { return parseMulti(c, q, known, false) }},
		memd.CmdSubDocMultiMutation: {extras: []int{0, 1, 4, 5}, durable: true, preserves: true, document: mutateIn,
			parse: func(c *connection, q *request) response { return parseMulti(c, q, known, true) }},
	}
	for op, t := range known {
		switch op {
		case memd.SubDocOpGetDoc, memd.SubDocOpSetDoc, memd.SubDocOpDeleteDoc: // within multi operations only
		default:
			parse := func(c *connection, q *request) response { return parseSingle(c, q, known) }
			c := &command{extras: []int{3, 4}, document: lookupOne, parse: parse}
			if t.mutates {
				c = &command{extras: []int{3, 4, 7, 8}, durable: true, preserves: true, document: mutateOne, parse: parse}
			}
			all[memd.CmdCode(op)] = c
		}
	}
	for _, c := range all {
		c.stage, c.key, c.value, c.cas = stageBucket, must, may, may
	}
	return all
}

// parseMulti reads a series of operations: opcode, flags, length of the path,
// for mutations length of the value, path, value.
func parseMulti(c *connection, q *request, known map[memd.SubDocOpType]trait, mutation bool) response {
	s := &specs{list: make([]spec, 0, usualSpecs)}
	q.specs = s
	s.readExtras(q.extras)
	head := 4
	if mutation {
		head = 8
	}
	for v := q.value; len(v) > 0; {
		if len(s.list) == maxSpecs {
			return explained(memd.StatusSubDocBadCombo, "Request must contain at most 16 paths")
		}
		if len(v) < head {
			return invalid("Multi lookup spec is cut off")
		}
		pathLen, valueLen := int(binary.BigEndian.Uint16(v[2:])), uint64(0)
		if mutation {
			valueLen = uint64(binary.BigEndian.Uint32(v[4:]))
		}
		if uint64(len(v)) < uint64(head+pathLen)+valueLen {
			return invalid("Multi lookup spec is cut off")
		}
		one := spec{op: memd.SubDocOpType(v[0]), flags: memd.SubdocFlag(v[1]), path: string(v[head : head+pathLen])}
		v = v[head+pathLen:]
		one.value, v = v[:valueLen:valueLen], v[valueLen:]
		s.list = append(s.list, one)
	}
	if len(s.list) == 0 {
		return explained(memd.StatusSubDocBadCombo, "Request must contain at least one path")
	}
	if r := s.refuse(c.features, q, known, mutation); r.status != statusOK || !c.node.cfg.Before76 {
		return r
	}
	return s.refuseTwoXattrs()
}

// refuseTwoXattrs is how servers before 7.6 take one xattr in a request, virtual
// ones besides.
func (s *specs) refuseTwoXattrs() response {
	key := ""
	for i := range s.list {
		one := &s.list[i]
		switch {
		case !one.xattr(), one.virtual():
		case key == "":
			key = one.xattrKey()
		case one.xattrKey() != key:
			return failure(memd.StatusSubDocXattrInvalidKeyCombo)
		}
	}
	return response{}
}

func (s *specs) readExtras(extras []byte) {
	if len(extras) >= 4 {
		s.expiry = binary.BigEndian.Uint32(extras)
		extras = extras[4:]
	}
	if len(extras) == 1 {
		s.docFlags = memd.SubdocDocFlag(extras[0])
	}
}

// parseSingle reads an opcode with one path: its length and flags stand in the
// extras, before what a multi operation has there.
func parseSingle(c *connection, q *request, known map[memd.SubDocOpType]trait) response {
	s := &specs{}
	q.specs = s
	s.readExtras(q.extras[3:])
	pathLen := int(binary.BigEndian.Uint16(q.extras))
	if pathLen > len(q.value) {
		return invalid("Path is longer than the value")
	}
	op := memd.SubDocOpType(q.opcode)
	s.list = []spec{{op: op, flags: memd.SubdocFlag(q.extras[2]), path: string(q.value[:pathLen]), value: q.value[pathLen:]}}
	return s.refuse(c.features, q, known, known[op].mutates)
}

// refuse is what is wrong with the operations whatever the document.
func (s *specs) refuse(f features, q *request, all map[memd.SubDocOpType]trait, mutation bool) response {
	if r := s.refuseDocFlags(q, mutation); r.status != statusOK {
		return r
	}
	body := false
	for i := range s.list {
		one := &s.list[i]
		t, known := all[one.op]
		switch {
		case !known:
			return explained(memd.StatusSubDocBadCombo, "Unknown sub-document opcode")
		case t.mutates != mutation && mutation:
			return explained(memd.StatusSubDocBadCombo, "Mutation opcodes only permitted for mutation commands")
		case t.mutates != mutation:
			return explained(memd.StatusSubDocBadCombo, "Lookup opcodes only permitted for lookup commands")
		}
		if r := one.refuse(f, t, s.docFlags); r.status != statusOK {
			return r
		}
		if one.xattr() && body {
			return failure(statusXattrOrder)
		}
		body = body || !one.xattr()
		one.parsed, one.problem = subdoc.ParsePath(one.path)
	}
	return response{}
}

func (s *specs) refuseDocFlags(q *request, mutation bool) response {
	switch {
	case !mutation && s.docFlags&^(memd.SubdocDocFlagAccessDeleted|memd.SubdocDocFlagReplicaRead) != 0:
		return invalid("Request document flags invalid")
	case s.has(memd.SubdocDocFlagAddDoc) && s.has(memd.SubdocDocFlagMkDoc):
		return invalid("Request must not contain both add and mkdoc flags")
	case s.has(memd.SubdocDocFlagAddDoc) && q.cas != 0:
		return invalid("Request with add flag must have CAS 0")
	case s.has(memd.SubdocDocFlagReviveDocument) && !s.has(memd.SubdocDocFlagAccessDeleted):
		return invalid("ReviveDocument can't be used without AccessDeleted")
	case s.has(memd.SubdocDocFlagReviveDocument) && s.has(memd.SubdocDocFlagCreateAsDeleted):
		return invalid("ReviveDocument can't be used with CreateAsDeleted")
	}
	return response{}
}

func (s *spec) refuse(f features, t trait, docFlags memd.SubdocDocFlag) response {
	switch {
	case s.xattr() && !f.has(memd.FeatureXattr):
		return explained(memd.StatusNotSupported, "Connection not XATTR enabled")
	case s.hasFlag(memd.SubdocFlagExpandMacros) && !s.xattr():
		return explained(memd.StatusSubDocXattrInvalidFlagCombo, "EXPAND_MACROS flag requires XATTR flag to be set")
	case s.flags&^t.flags != 0, t.onlyXattr && !s.xattr():
		return invalid("Request flags invalid")
	case docFlags&^t.docFlags != 0:
		return invalid("Request document flags invalid")
	}
	if s.xattr() {
		if key := s.xattrKey(); key == "" || len(key) > maxXattrKey || strings.ContainsAny(key, "\"\\`\x00") {
			return explained(statusXattrInvalid, "Request XATTR key invalid")
		}
		if t.mutates && s.virtual() {
			return failure(memd.StatusSubDocXattrCannotModifyVAttr)
		}
		if s.hasFlag(memd.SubdocFlagExpandMacros) && !isMacro(s.value) {
			return failure(memd.StatusSubDocXattrUnknownMacro)
		}
	}
	switch {
	case !t.path.fits(s.path != ""):
		return invalid(t.path.complaint("path"))
	case !t.value.fits(len(s.value) > 0):
		return invalid(t.value.complaint("value"))
	}
	return response{}
}
