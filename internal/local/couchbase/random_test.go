package couchbase

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Whatever is done to two documents, in whatever order and while time passes:
// counts and indexes fit the documents, a CAS is never seen twice on different
// versions, sequence numbers grow.
func TestRandomOperations(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		node := memoryNode(t)
		now := time.Now()
		b := node.buckets["default"]
		b.now = func() time.Time { return now }
		m := &randomClient{seen: map[uint64]bool{0: true}}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)
			if rapid.IntRange(0, 9).Draw(rt, "sweep") == 0 {
				if err := b.sweep(t.Context(), 5*time.Second); err != nil {
					rt.Fatal(err)
				}
			}
			answers, _ := node.play(m.request(rt), allFeatures())
			m.note(rt, answers)
			checkIndexes(rt, b)
		}
	})
}

type randomClient struct {
	seen     map[uint64]bool // CAS values of mutations
	cas      []uint64
	lastSeqn uint64
}

func (m *randomClient) request(t *rapid.T) []byte {
	opcode := rapid.SampledFrom([]memd.CmdCode{memd.CmdSet, memd.CmdAdd, memd.CmdReplace, memd.CmdDelete, memd.CmdTouch, memd.CmdGAT, memd.CmdGet,
		memd.CmdIncrement, memd.CmdAppend, memd.CmdGetLocked, memd.CmdUnlockKey, memd.CmdSubDocMultiMutation, memd.CmdSubDocMultiMutation,
		memd.CmdSubDocMultiMutation, memd.CmdSubDocMultiLookup}).Draw(t, "opcode")
	key := rapid.SampledFrom([]string{"\x00a", "\x08a"}).Draw(t, "key")
	expiry := rapid.SampledFrom([]uint32{0, 0, 1, 2, 60}).Draw(t, "expiry")
	cas := rapid.SampledFrom(append([]uint64{0, 0, 0}, m.cas...)).Draw(t, "cas")
	var extras, value []byte
	switch opcode {
	case memd.CmdSet, memd.CmdAdd, memd.CmdReplace:
		extras, value = binary.BigEndian.AppendUint32(make([]byte, 4), expiry), []byte(rapid.SampledFrom([]string{`{"a":1}`, `text`, `7`, ``}).Draw(t, "value"))
	case memd.CmdTouch, memd.CmdGAT, memd.CmdGetLocked:
		extras = binary.BigEndian.AppendUint32(nil, expiry)
	case memd.CmdAppend:
		value = []byte("1")
	case memd.CmdIncrement:
		extras = binary.BigEndian.AppendUint32(make([]byte, 16), expiry)
	case memd.CmdSubDocMultiMutation:
		flags := rapid.SampledFrom([]byte{0, 0, 1, 2, 4, 5, 0x0d, 0x0e, 0x14}).Draw(t, "flags")
		extras, value = append(binary.BigEndian.AppendUint32(nil, expiry), flags), m.specs(t)
	case memd.CmdSubDocMultiLookup:
		extras, value = []byte{4}, []byte("\xc5\x04\x00\x09$document")
	}
	return packetOf(opcode, 1, cas, extras, []byte(key), value)
}

func (m *randomClient) specs(t *rapid.T) []byte {
	const x, p, macros = memd.SubdocFlagXattrPath, memd.SubdocFlagMkDirP, memd.SubdocFlagExpandMacros
	all := [][]byte{
		specOf(memd.SubDocOpDictSet, x|p, "_c360", `{"v":1}`), specOf(memd.SubDocOpDictSet, x|p, "c360.a", `[1]`),
		specOf(memd.SubDocOpDictSet, x|p|macros, "_m", macroCRC), specOf(memd.SubDocOpDictSet, x|p|macros, "_d", `"${$document}"`),
		specOf(memd.SubDocOpDictSet, x|p, "_staged", `{"n":2}`), specOf(memd.SubDocOpReplaceBodyWithXattr, x, "_staged", ""),
		specOf(memd.SubDocOpDelete, x, "_staged", ""), specOf(memd.SubDocOpDictSet, p, "b.c", `2`), specOf(memd.SubDocOpCounter, 0, "a", `1`),
		specOf(memd.SubDocOpSetDoc, 0, "", `{"a":3}`), specOf(memd.SubDocOpDeleteDoc, 0, "", ""),
	}
	picked := rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 4, rapid.ID).Draw(t, "specs")
	var out []byte
	for i := range all { // in the order that is allowed, mostly
		for _, p := range picked {
			if p == i {
				out = append(out, all[i]...)
			}
		}
	}
	return out
}

// note looks at the tokens of successful mutations.
func (m *randomClient) note(t *rapid.T, answer []byte) {
	if len(answer) < headerBytes+16 || answer[4] != 16 {
		return
	}
	cas, seqno := binary.BigEndian.Uint64(answer[16:]), binary.BigEndian.Uint64(answer[headerBytes+8:])
	if m.seen[cas] || seqno <= m.lastSeqn {
		t.Fatalf("CAS %x, sequence number %d after %d", cas, seqno, m.lastSeqn)
	}
	m.seen[cas], m.lastSeqn, m.cas = true, seqno, append(m.cas, cas)
}
