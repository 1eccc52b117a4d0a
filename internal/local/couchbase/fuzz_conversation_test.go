package couchbase

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/iotest"

	"github.com/couchbase/gocbcore/v10/memd"
)

// converse plays a stream on a connection of a stranger, as a client would from
// its first byte on. dribble: what is sent arrives byte by byte.
func (n *Node) converse(stream []byte, dribble bool) (c *connection, answers []byte, err error) {
	var in io.Reader = bytes.NewReader(stream)
	if dribble {
		in = iotest.OneByteReader(in)
	}
	t := &tape{in: in}
	c = n.newConnection(t)
	err = c.serve()
	return c, t.out.Bytes(), err
}

// greeting is what SDKs begin with: features, error map, mechanisms, PLAIN, bucket.
func greeting(password string) []byte {
	var wanted []byte
	for _, f := range granted() {
		wanted = binary.BigEndian.AppendUint16(wanted, uint16(f))
	}
	return bytes.Join([][]byte{
		packetOf(memd.CmdHello, 0, 0, nil, []byte(`{"a":"fuzz"}`), wanted),
		packetOf(memd.CmdGetErrorMap, 0, 0, nil, nil, []byte{0, 2}),
		packetOf(memd.CmdSASLListMechs, 0, 0, nil, nil, nil),
		packetOf(memd.CmdSASLAuth, 0, 0, nil, []byte("PLAIN"), []byte("\x00Administrator\x00"+password)),
		packetOf(memd.CmdGetClusterConfig, 0, 0, nil, nil, nil),
		packetOf(memd.CmdSelectBucket, 0, 0, nil, []byte("default"), nil),
		packetOf(memd.CmdCollectionsGetManifest, 0, 0, nil, nil, nil),
	}, nil)
}

func conversations() [][]byte {
	key := []byte("\x00k")
	write := append(specOf(memd.SubDocOpDictSet, memd.SubdocFlagXattrPath|memd.SubdocFlagMkDirP, "_c360", `{"v":1}`), specOf(memd.SubDocOpSetDoc, 0, "", `{"n":1}`)...)
	set := packetOf(memd.CmdSet, 1, 0, make([]byte, 8), key, []byte(`{"a":1}`))
	hello, good := greeting("password"), packetOf(memd.CmdGet, 1, 0, nil, key, nil)
	long := packetOf(memd.CmdSet, 1, 0, make([]byte, 8), key, nil)
	binary.BigEndian.PutUint32(long[8:], 0x7fffffff)
	lying := packetOf(memd.CmdGet, 1, 0, nil, key, nil)
	lying[2], lying[3] = 0xff, 0xff // a key of 65535 bytes in a body of 2
	frames := []byte("\x08\x01\x02\x02\x08\x00\x00\x01\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00k")
	deep := packetOf(memd.CmdSubDocMultiLookup, 1, 0, nil, key, specOf(memd.SubDocOpGet, 0, string(bytes.Repeat([]byte("a."), 200))+"a", ""))
	nested := packetOf(memd.CmdSet, 1, 0, make([]byte, 8), key, bytes.Repeat([]byte("["), 4000))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	return [][]byte{
		join(hello, set, good), join(hello, packetOf(memd.CmdSubDocMultiMutation, 1, 0, []byte{1}, key, write), good),
		join(greeting("wrong"), set, good), join(set, hello, good), join(hello, hello, good), join(hello[:len(hello)-5]),
		join(hello, long, good), join(hello, lying, good), join(hello, frames, good), join(hello, deep, nested, good),
		join(hello, packetOf(memd.CmdGetLocked, 1, 0, nil, key, nil), set, packetOf(memd.CmdUnlockKey, 1, 1, nil, key, nil)),
		join(hello, packetOf(memd.CmdSASLAuth, 0, 0, nil, []byte("SCRAM-SHA512"), []byte("n,,n=Administrator,r=x")), set),
		join(packetOf(memd.CmdSASLAuth, 0, 0, nil, []byte("SCRAM-SHA1"), []byte("n,,n=a=2Cb,r=x")), packetOf(memd.CmdSASLStep, 0, 0, nil, []byte("SCRAM-SHA1"), []byte("c=biws,r=x,p=AAAA"))),
		join(hello, packetOf(memd.CmdHello, 0, 0, nil, nil, []byte{0}), packetOf(memd.CmdSelectBucket, 0, 0, nil, []byte("none"), nil), good),
		join(hello, packetOf(cmdQuit, 0, 0, nil, nil, nil), good), join(hello, []byte{0x81}, good), []byte("\x80"), {},
		[]byte("GET /pools/default/buckets/default HTTP/1.1\r\nHost: x\r\nAuthorization: Basic QWRtaW5pc3RyYXRvcjpwYXNzd29yZA==\r\n\r\n"), []byte("POST / HTTP/1.1\r\n\r\n"), []byte("GET"),
	}
}

// FuzzConversation sends arbitrary bytes to a node that does not know the
// client: from HELLO over SASL and the bucket to documents. Nobody gets at
// documents without the password, answers are whole packets in whatever pieces
// the requests arrive, and the node serves on.
func FuzzConversation(f *testing.F) {
	for i, c := range conversations() {
		f.Add(c, i%2 == 0)
	}
	node := memoryNode(f)
	password := []byte("password")
	f.Fuzz(func(t *testing.T, stream []byte, dribble bool) {
		c, answers, _ := node.converse(stream, dribble)
		if len(stream) > 0 && stream[0] >= 'A' && stream[0] <= 'Z' {
			if len(answers) > 0 && !bytes.HasPrefix(answers, []byte("HTTP/1.1 ")) {
				t.Fatalf("no HTTP: %q", answers)
			}
		} else {
			checkAnswers(t, answers)
		}
		if !bytes.Contains(stream, password) && (c.authenticated || c.bucket != nil) {
			t.Fatal("authenticated without the password")
		}
		if _, again, err := node.converse(append(greeting("password"), packetOf(memd.CmdNoop, 0, 0, nil, nil, nil)...), false); err != io.EOF || len(again) < 8*headerBytes {
			t.Errorf("a client afterwards: %d bytes, %v", len(again), err)
		}
		checkIndexes(t, node.buckets["default"])
	})
}

// FuzzForms makes packets of the right form out of the input, in sequence on one
// connection: an opcode, which of the allowed lengths its extras have, flags,
// CAS, a key among few, and the rest as value. What decoders refuse at once hides
// nothing then.
func FuzzForms(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x09{\"a\":[1]}\xd1\x01\x14\x00\x20\xc8\x14\x00\x05\x00\x00\x00\x03_c360{} \x00\x00\x00\x00\x00"))
	f.Add([]byte("\x94\x00\x00\x00\x00\x01\x00\x00\x01\x02{}\x04\x00\x00\x01\x00\x0e\x00\x00\x00\x01x"))
	node := memoryNode(f)
	known := commands()
	f.Fuzz(func(t *testing.T, in []byte) {
		stream := greeting("password")
		for len(in) >= 5 {
			opcode, form, flag, cas, size := memd.CmdCode(in[0]), int(in[1]), in[2], uint64(in[3]), int(in[4])
			in = in[5:]
			size = min(size, len(in))
			c := known[opcode]
			if c == nil || opcode == cmdQuit {
				in = in[size:]
				continue
			}
			var extras []byte
			if len(c.extras) > 0 {
				extras = bytes.Repeat([]byte{flag}, c.extras[form%len(c.extras)])
			}
			key, value := []byte{0, 'a' + byte(form%3)}, in[:size]
			if c.key == mustNot {
				key = nil
			}
			if c.parse != nil && c.extras == nil { // a sub-document operation: its own parser looks at the extras
				extras = []byte{flag}
			}
			stream = append(stream, packetOf(opcode, 1, cas, extras, key, value)...)
			in = in[size:]
		}
		c, answers, err := node.converse(stream, false)
		checkAnswers(t, answers)
		if err != io.EOF || !c.authenticated && !bytes.Contains(stream[len(greeting("password")):], []byte{0x80, byte(memd.CmdSASLAuth)}) {
			t.Fatalf("the connection ended with %v", err)
		}
		checkIndexes(t, node.buckets["default"])
	})
}
