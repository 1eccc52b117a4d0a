package csvdir

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// content reads a file's text: unpacked, without its byte order mark, with \n
// as the end of lines. It hashes the file's own bytes on the way.
type content struct {
	io.Reader
	raw  io.Reader // the file's bytes, hashed as they pass
	hash hash.Hash
}

// openContent reads f from its beginning.
func openContent(f *os.File, l layout) (*content, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c := &content{hash: sha256.New()}
	c.raw = io.TeeReader(f, c.hash)
	c.Reader = c.raw
	if l.gzip {
		unpacked, err := gzip.NewReader(c.raw)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		c.Reader = unpacked
	}
	if l.bom > 0 {
		if _, err := io.CopyN(io.Discard, c.Reader, int64(l.bom)); err != nil {
			return nil, err
		}
	}
	if l.loneCR {
		c.Reader = crReader{c.Reader}
	}
	return c, nil
}

// sum is the hash of all bytes of the file; what is behind the end of the gzip
// stream, or of the rows, is read for it.
func (c *content) sum() (string, error) {
	if _, err := io.Copy(io.Discard, c.raw); err != nil {
		return "", err
	}
	return hex.EncodeToString(c.hash.Sum(nil)), nil
}

// crReader reads files of old Macs, which end lines with \r alone.
type crReader struct{ io.Reader }

func (r crReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	for b := p[:n]; ; {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return n, err
		}
		b[i], b = '\n', b[i+1:]
	}
}
