package couchbase

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/couchbase/gocbcore/v10/memd"
)

// tape is a client that has sent all it will ever send.
type tape struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (t *tape) Read(b []byte) (int, error)      { return t.in.Read(b) }
func (t *tape) Write(b []byte) (int, error)     { return t.out.Write(b) }
func (t *tape) Close() error                    { return nil }
func (t *tape) SetReadDeadline(time.Time) error { return nil }

// memoryNode is a node without a network, its store in memory.
func memoryNode(t testing.TB) *Node {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.Password = "memory", "password"
	cfg.Buckets = []Bucket{{Name: "default", Collections: map[string][]string{"app": {"docs"}}}}
	n, err := New(cfg, Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	db, err := leveldb.Open(storage.NewMemStorage(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := n.openBuckets(db); err != nil {
		t.Fatal(err)
	}
	_, n.cancel = context.WithCancelCause(context.Background())
	t.Cleanup(func() { n.cancel(nil) })
	n.port = 11210
	if err := n.renderMaps(); err != nil {
		t.Fatal(err)
	}
	return n
}

// play sends bytes on an authenticated connection with the bucket selected and returns the answers.
func (n *Node) play(stream []byte, f features) ([]byte, error) {
	tape := &tape{in: bytes.NewReader(stream)}
	c := n.newConnection(tape)
	c.authenticated, c.bucket, c.features = true, n.buckets["default"], f
	err := c.serve()
	return tape.out.Bytes(), err
}

func allFeatures() (f features) {
	for _, h := range granted() {
		f |= 1 << h
	}
	return f &^ (1 << memd.FeatureDurations)
}

// packetOf encodes a request.
func packetOf(opcode memd.CmdCode, vbucket uint16, cas uint64, extras, key, value []byte) []byte {
	p := binary.BigEndian.AppendUint16([]byte{magicRequest, byte(opcode)}, uint16(len(key)))
	p = binary.BigEndian.AppendUint16(append(p, byte(len(extras)), 0), vbucket)
	p = binary.BigEndian.AppendUint32(p, uint32(len(extras)+len(key)+len(value)))
	p = binary.BigEndian.AppendUint64(append(p, 0, 0, 0, 1), cas)
	return append(append(append(p, extras...), key...), value...)
}

func specOf(op memd.SubDocOpType, flags memd.SubdocFlag, path, value string) []byte {
	s := binary.BigEndian.AppendUint16([]byte{byte(op), byte(flags)}, uint16(len(path)))
	s = binary.BigEndian.AppendUint32(s, uint32(len(value)))
	return append(append(s, path...), value...)
}

// FuzzRequest sends arbitrary bytes to a node. It must not panic, its answers
// must be whole packets, and afterwards it must still serve.
func FuzzRequest(f *testing.F) {
	key := []byte("\x00k")
	const x, p = memd.SubdocFlagXattrPath, memd.SubdocFlagMkDirP
	write := append(specOf(memd.SubDocOpDictSet, x|p, "_c360", `{"v":1}`), specOf(memd.SubDocOpSetDoc, 0, "", `{"n":1}`)...)
	macro := specOf(memd.SubDocOpDictSet, x|p|memd.SubdocFlagExpandMacros, "_m.c", macroCRC)
	lookup := []byte("\xc5\x04\x00\x09$document\x00\x00\x00\x00")
	f.Add(packetOf(memd.CmdSet, 1, 0, make([]byte, 8), key, []byte(`{"a":[1,{"b":2}]}`)))
	f.Add(packetOf(memd.CmdSubDocMultiMutation, 1, 0, []byte{1}, key, write))
	f.Add(packetOf(memd.CmdSubDocMultiMutation, 1, 0, []byte{0x14}, key, macro))
	f.Add(packetOf(memd.CmdSubDocMultiLookup, 1, 0, []byte{4}, key, lookup))
	f.Add(packetOf(memd.CmdSubDocCounter, 1, 0, []byte{0, 1, 0}, key, []byte("n5")))
	f.Add(packetOf(memd.CmdIncrement, 1, 0, make([]byte, 20), key, nil))
	f.Add(packetOf(cmdGATQ, 1, 0, make([]byte, 4), key, nil))
	f.Add(packetOf(memd.CmdObserve, 1, 0, nil, nil, []byte("\x00\x01\x00\x02\x00k")))
	f.Add(packetOf(memd.CmdHello, 0, 0, nil, []byte("agent"), []byte("\x00\x0a\x00\x0b")))
	f.Add(packetOf(memd.CmdSASLAuth, 0, 0, nil, []byte("SCRAM-SHA1"), []byte("n,,n=Administrator,r=x")))
	f.Add(packetOf(memd.CmdSASLStep, 0, 0, nil, []byte("SCRAM-SHA1"), []byte("c=biws,r=x,p=AAAA")))
	f.Add(append(packetOf(memd.CmdStat, 0, 0, nil, nil, nil), packetOf(memd.CmdGetErrorMap, 0, 0, nil, nil, []byte{0, 2})...))
	f.Add([]byte("\x08\x01\x02\x02\x08\x00\x00\x01\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00k"))
	node := memoryNode(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		answers, _ := node.play(stream, allFeatures())
		checkAnswers(t, answers)
		if again, err := node.play(packetOf(memd.CmdNoop, 0, 0, nil, nil, nil), 0); err != io.EOF || len(again) != headerBytes {
			t.Errorf("NOOP afterwards: %x, %v", again, err)
		}
		checkIndexes(t, node.buckets["default"])
	})
}

func checkAnswers(t *testing.T, answers []byte) {
	for r := bufio.NewReader(bytes.NewReader(answers)); ; {
		var head [headerBytes]byte
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("a header is cut off: %x", answers)
		}
		if head[0] != magicResponse && head[0] != magicResponseFrames {
			t.Fatalf("magic 0x%x", head[0])
		}
		if n, err := r.Discard(int(binary.BigEndian.Uint32(head[8:]))); err != nil {
			t.Fatalf("a body is cut off after %d bytes: %x", n, answers)
		}
	}
}

// checkIndexes compares what the bucket counts and its indexes with the documents themselves.
func checkIndexes(t interface{ Errorf(string, ...any) }, b *bucket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	live, timed := uint64(0), map[string]bool{}
	it := b.db.NewIterator(bytesPrefix(prefixed(keyDocument, b.id)), nil)
	defer it.Release()
	for it.Next() {
		d, err := parseRecord(it.Value())
		if err != nil {
			t.Errorf("%q: %v", it.Key(), err)
			continue
		}
		a := address(it.Key()[5:])
		switch {
		case d.deleted:
			timed[string(timedKey(keyTombstone, b.id, d.expiry, a))] = true
		case d.expiry != 0:
			timed[string(timedKey(keyExpiry, b.id, d.expiry, a))] = true
		}
		if !d.deleted {
			live++
		}
	}
	if live != b.state.live {
		t.Errorf("%d documents live, counted %d", live, b.state.live)
	}
	for _, kind := range []byte{keyExpiry, keyTombstone} {
		index := b.db.NewIterator(bytesPrefix(prefixed(kind, b.id)), nil)
		for index.Next() {
			if !timed[string(index.Key())] {
				t.Errorf("%q stands in an index for nothing", index.Key())
			}
			delete(timed, string(index.Key()))
		}
		index.Release()
	}
	for key := range timed {
		t.Errorf("%q stands in no index", key)
	}
}

func TestDurationsAreTold(t *testing.T) {
	node := memoryNode(t)
	answer, _ := node.play(packetOf(memd.CmdNoop, 0, 0, nil, nil, nil), 1<<memd.FeatureDurations)
	if len(answer) != headerBytes+3 || answer[0] != magicResponseFrames || answer[headerBytes] != 0x02 {
		t.Errorf("%x", answer)
	}
	if d := memd.DecodeSrvDura16(binary.BigEndian.Uint16(answer[headerBytes+1:])); d > time.Minute {
		t.Errorf("a NOOP took %v", d)
	}
}
