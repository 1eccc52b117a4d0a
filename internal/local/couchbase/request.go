package couchbase

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

const (
	headerBytes = 24
	maxPacket   = 30 << 20 // the engine's max_packet_size: a connection that exceeds it is closed
	maxStranger = 64 << 10 // before authentication
)

// The magic bytes that memd keeps to itself: packets with frames in front of the extras.
const (
	magicRequest        = byte(memd.CmdMagicReq)
	magicRequestFrames  = 0x08
	magicResponse       = byte(memd.CmdMagicRes)
	magicResponseFrames = 0x18
)

// request is a packet from a client. Its byte slices are its own.
type request struct {
	opcode   memd.CmdCode
	datatype uint8
	vbucket  uint16
	opaque   uint32
	cas      uint64
	extras   []byte
	key      []byte // without the collection id, once located
	value    []byte
	frames   frames
	received time.Time

	address address // once located
	specs   *specs  // of a sub-document operation, once parsed
}

// frames are what a request's flexible frames ask for.
type frames struct {
	durability     bool
	level          byte
	preserveExpiry bool
	problem        response // of frames that cannot be read: its status is not success
}

var errMagic = errors.New("not a request packet")

// readRequest reads the next packet, of limit bytes at most without its header.
// After an error the stream is of no use any more.
func readRequest(r *bufio.Reader, limit uint32) (*request, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[8:])
	if size > limit {
		return nil, fmt.Errorf("a packet of %d bytes exceeds %d", size, limit)
	}
	if header[0] != magicRequest && header[0] != magicRequestFrames {
		return nil, fmt.Errorf("%w: magic 0x%02x", errMagic, header[0])
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return decodeRequest(header, body)
}

func decodeRequest(header [headerBytes]byte, body []byte) (*request, error) {
	q := &request{
		opcode:   memd.CmdCode(header[1]),
		datatype: header[5],
		vbucket:  binary.BigEndian.Uint16(header[6:]),
		opaque:   binary.BigEndian.Uint32(header[12:]),
		cas:      binary.BigEndian.Uint64(header[16:]),
	}
	framesLen, keyLen := 0, int(binary.BigEndian.Uint16(header[2:]))
	if header[0] == magicRequestFrames {
		framesLen, keyLen = int(header[2]), int(header[3])
	}
	extrasLen := int(header[4])
	if framesLen+extrasLen+keyLen > len(body) {
		return nil, fmt.Errorf("a body of %d bytes cannot hold frames of %d, extras of %d and a key of %d", len(body), framesLen, extrasLen, keyLen)
	}
	q.frames = decodeFrames(body[:framesLen])
	body = body[framesLen:]
	q.extras, q.key, q.value = body[:extrasLen:extrasLen], body[extrasLen:extrasLen+keyLen:extrasLen+keyLen], body[extrasLen+keyLen:]
	return q, nil
}

const (
	frameBarrier        = 0
	frameDurability     = 1
	frameStreamID       = 2
	frameOpenTracing    = 3
	frameImpersonation  = 4
	framePreserveExpiry = 5
)

func decodeFrames(b []byte) (f frames) {
	for len(b) > 0 {
		kind, size := int(b[0]>>4), int(b[0]&0x0f)
		b = b[1:]
		for _, n := range []*int{&kind, &size} { // 15 means: and the next byte
			if *n == 15 && len(b) > 0 {
				*n += int(b[0])
				b = b[1:]
			}
		}
		if size > len(b) {
			f.problem = invalid("Invalid frame encoding")
			return f
		}
		f.take(kind, b[:size])
		b = b[size:]
	}
	return f
}

func (f *frames) take(kind int, data []byte) {
	switch kind {
	case frameBarrier, frameStreamID, frameOpenTracing: // of no effect on a node that answers in order
	case frameDurability:
		if len(data) != 1 && len(data) != 3 {
			f.problem = invalid("Invalid durability frame")
			return
		}
		f.durability, f.level = true, data[0]
	case framePreserveExpiry:
		f.preserveExpiry = true
	case frameImpersonation:
		f.problem = failure(memd.StatusAccessError)
	default:
		f.problem = failure(statusUnknownFrame)
	}
}

// buffered tells whether a whole packet can be read without waiting.
func buffered(r *bufio.Reader) bool {
	if r.Buffered() < headerBytes {
		return false
	}
	header, err := r.Peek(headerBytes)
	return err == nil && uint64(r.Buffered()) >= headerBytes+uint64(binary.BigEndian.Uint32(header[8:]))
}
