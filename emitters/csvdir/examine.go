package csvdir

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"
)

// sniffBytes is how much of a file's beginning decides its layout.
const sniffBytes = maxRowBytes

// examined is what the first reading of a file tells: the hash that names its
// content, and its layout or why it cannot be read.
type examined struct {
	hash    string
	layout  layout
	refusal error
}

// examine reads the whole file once. An error is one of the disk; a file that
// no row can be read of has a refusal and a hash all the same.
func examine(ctx context.Context, f *os.File) (examined, error) {
	packed, err := isGzip(f)
	if err != nil {
		return examined{}, err
	}
	c, err := openContent(f, layout{gzip: packed})
	if err != nil && !packed {
		return examined{}, err
	}
	if err != nil { // its header is broken: no text, but a hash
		if c, err = openContent(f, layout{}); err != nil {
			return examined{}, err
		}
		sum, err := c.sum()
		return examined{hash: sum, refusal: refused("the file begins like gzip but is none: export it again")}, err
	}
	var e examined
	in := bufio.NewReaderSize(c, sniffBytes)
	head, err := in.Peek(sniffBytes)
	whole := errors.Is(err, io.EOF)
	if err == nil || whole {
		e.layout, e.refusal = sniff(head, whole)
	}
	e.layout.gzip = packed
	valid, invalid, err := countEncoded(ctx, in)
	var disk *fs.PathError
	if packed && err != nil && ctx.Err() == nil && !errors.As(err, &disk) {
		e.refusal, err = refused("the gzip stream is damaged or cut off (%v): export it again", gzipProblem(err)), nil
	}
	if err != nil {
		return examined{}, err
	}
	// A single damaged row does not make a file Windows-1252, in which text
	// hardly ever looks like UTF-8 by chance.
	e.layout.latin = e.layout.bom == 0 && invalid > valid
	e.layout.dirty = !e.layout.latin && invalid > 0
	e.hash, err = c.sum()
	return e, err
}

func isGzip(f *os.File) (bool, error) {
	var magic [2]byte
	n, err := f.ReadAt(magic[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == 2 && magic == [2]byte{0x1F, 0x8B}, nil
}

func gzipProblem(err error) error {
	for _, known := range []error{gzip.ErrChecksum, gzip.ErrHeader, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("bad data")
}

// countEncoded reads to the end and counts sequences of several bytes that are
// valid UTF-8, and bytes that are none.
func countEncoded(ctx context.Context, r io.Reader) (valid, invalid int64, err error) {
	buf, kept := make([]byte, 64<<10), 0
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		n, err := r.Read(buf[kept:])
		end := err != nil
		if end && !errors.Is(err, io.EOF) {
			return 0, 0, fmt.Errorf("reading: %w", err)
		}
		b := buf[:kept+n]
		for b = b[ascii(b):]; len(b) > 0; b = b[ascii(b):] {
			if !end && !utf8.FullRune(b) {
				break
			}
			r, size := utf8.DecodeRune(b)
			if r == utf8.RuneError && size == 1 {
				invalid++
			} else {
				valid++
			}
			b = b[size:]
		}
		if end {
			return valid, invalid, nil
		}
		kept = copy(buf, b)
	}
}

// ascii is the length of the ASCII text that b begins with.
func ascii(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// sameBytes compares a hash with that of a later reading.
func sameBytes(c *content, hash string) error {
	sum, err := c.sum()
	if err != nil {
		return err
	}
	if !bytes.Equal([]byte(sum), []byte(hash)) {
		return errChanged
	}
	return nil
}

// errChanged ends an import whose file is being written to.
var errChanged = errors.New("the file changed while it was being read")
