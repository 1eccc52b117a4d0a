package couchbase

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/couchbase/gocbcore/v10/memd"

	"customer360/internal/local/couchbase/subdoc"
)

// documentXattr is the virtual xattr $document; its names stand in order, as in the engine's answer.
type documentXattr struct {
	CAS          string   `json:"CAS"`
	Datatype     []string `json:"datatype"`
	Deleted      bool     `json:"deleted"`
	Expiry       uint32   `json:"exptime"`
	Flags        uint32   `json:"flags"`
	LastModified string   `json:"last_modified"`
	Revision     string   `json:"revid"`
	Seqno        string   `json:"seqno"`
	ValueBytes   int      `json:"value_bytes"`
	ValueCRC32C  string   `json:"value_crc32c"`
	VBucketUUID  string   `json:"vbucket_uuid"`
}

// plainMember reads the members of $document that need not be put together with
// the others, nor the body.
func (d *document) plainMember(s *spec) ([]byte, bool) {
	if s.op != memd.SubDocOpGet {
		return nil, false
	}
	switch s.path {
	case "$document.flags":
		return strconv.AppendUint(nil, uint64(d.flags), 10), true
	case "$document.exptime":
		return strconv.AppendUint(nil, uint64(d.expiry), 10), true
	case "$document.deleted":
		return strconv.AppendBool(nil, d.deleted), true
	}
	return nil, false
}

func hex64(n uint64) string { return fmt.Sprintf("0x%016x", n) }
func hex32(n uint32) string { return fmt.Sprintf("0x%08x", n) }

func (v *documentView) virtualXattr(name string) ([]byte, status, error) {
	var out any
	switch name {
	case "$document":
		body, err := v.body()
		if err != nil {
			return nil, statusOK, err
		}
		d := v.d
		out = documentXattr{
			CAS: hex64(d.cas), Datatype: datatypeNames(d.visibleDatatype()), Deleted: d.deleted, Expiry: d.expiry, Flags: d.flags,
			LastModified: strconv.FormatUint(uint64(d.modified), 10), Revision: strconv.FormatUint(d.revision, 10), Seqno: hex64(d.seqno),
			ValueBytes: len(body), ValueCRC32C: hex32(crc32c(body)), VBucketUUID: hex64(v.t.b.uuids[v.q.vbucket]),
		}
	case "$XTOC":
		keys := []string{}
		for _, a := range v.d.xattrs {
			keys = append(keys, a.key)
		}
		out = keys
	case "$vbucket":
		type clock struct {
			Mode string `json:"mode"`
			Now  string `json:"now"`
		}
		out = map[string]clock{"HLC": {Mode: "real", Now: strconv.FormatInt(v.t.b.now().Unix(), 10)}}
	default:
		return nil, memd.StatusSubDocXattrUnknownVAttr, nil
	}
	raw, err := json.Marshal(out)
	return raw, statusOK, err
}

func datatypeNames(datatype uint8) (names []string) {
	for _, n := range []struct {
		bit  uint8
		name string
	}{{datatypeSnappy, "snappy"}, {datatypeJSON, "json"}, {datatypeXattr, "xattr"}} {
		if datatype&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if names == nil {
		return []string{"raw"}
	}
	return names
}

// The macros whose value is known only when the mutation is.
const (
	macroCAS      = `"${Mutation.CAS}"`
	macroSeqno    = `"${Mutation.seqno}"`
	macroCRC      = `"${Mutation.value_crc32c}"`
	macroDocument = `"${$document` // and a path, and }"
)

func isMacro(value []byte) bool {
	switch v := string(value); v {
	case macroCAS, macroSeqno, macroCRC:
		return true
	default:
		path, ok := documentMacro(v)
		return ok && (path == "" || path[0] == '.')
	}
}

func documentMacro(value string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(value, macroDocument)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, `}"`)
}

// expand returns what a macro stands for. The CAS is written with its bytes
// swapped: XDCR reads it so. $document is that of before the mutation.
func (m *mutation) expand(macro string) ([]byte, status, error) {
	switch macro {
	case macroCAS:
		swapped := binary.LittleEndian.Uint64(binary.BigEndian.AppendUint64(nil, m.next.cas))
		return strconv.AppendQuote(nil, hex64(swapped)), statusOK, nil
	case macroSeqno:
		return strconv.AppendQuote(nil, hex64(m.next.seqno)), statusOK, nil
	case macroCRC:
		m.wantsCRC = true
		return strconv.AppendQuote(nil, hex32(m.crc)), statusOK, nil
	}
	path, _ := documentMacro(macro)
	parsed, s := subdoc.ParsePath(strings.TrimPrefix(path, "."))
	if s != statusOK || m.view.d == nil {
		return nil, memd.StatusSubDocPathNotFound, nil
	}
	whole, s, err := m.view.virtualXattr("$document")
	if s != statusOK || err != nil {
		return nil, s, err
	}
	value, s := subdoc.Get(whole, parsed)
	return value, s, nil
}
