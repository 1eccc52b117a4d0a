package csvdir

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// A file of ids: each behind its length, sorted, then a footer (JSON), its
// length (4 bytes) and a mark. Such files are caches: a damaged one is dropped.
const idFileMark = "c360ids1"

// footer describes the ids before it.
type footer struct {
	Count   int64  `json:"count"`
	CRC     uint32 `json:"crc"` // of the ids' bytes
	Members cursor `json:"members,omitzero"`
}

// idWriter writes a file of ids.
type idWriter struct {
	file *os.File
	out  *bufio.Writer
	foot footer
	buf  []byte
}

func newIDWriter(dir, pattern string) (*idWriter, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, fmt.Errorf("a file for ids: %w", err)
	}
	return &idWriter{file: f, out: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (w *idWriter) name() string { return w.file.Name() }

func (w *idWriter) add(id []byte) error {
	w.buf = append(binary.AppendUvarint(w.buf[:0], uint64(len(id))), id...)
	w.foot.CRC = crc32.Update(w.foot.CRC, crc32.IEEETable, w.buf)
	w.foot.Count++
	_, err := w.out.Write(w.buf)
	return err
}

func (w *idWriter) finish() error {
	foot, err := json.Marshal(w.foot)
	if err != nil {
		return err
	}
	foot = binary.BigEndian.AppendUint32(foot, uint32(len(foot)))
	_, _ = w.out.Write(append(foot, idFileMark...)) // Flush has its error
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(w.name()), err)
	}
	return w.file.Close()
}

// close gives the file up, unless it is finished.
func (w *idWriter) close() { _ = w.file.Close() }

// knownFile names a file of ids; none, "", is empty.
type knownFile struct{ path string }

// ids reads a file of ids in order.
type ids struct {
	file *os.File
	in   *bufio.Reader
	foot footer
	left int64
	crc  uint32
	id   []byte
	buf  []byte
}

var errDamaged = errors.New("a file of ids is damaged")

func (k *knownFile) open() (*ids, error) {
	if k.path == "" {
		return &ids{}, nil
	}
	f, err := os.Open(k.path)
	if err != nil {
		return nil, err
	}
	r := &ids{file: f}
	if err := r.readFooter(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ids) readFooter() error {
	const tail = 4 + int64(len(idFileMark))
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	var end [tail]byte
	if _, err := r.file.ReadAt(end[:], info.Size()-tail); info.Size() < tail || err != nil || string(end[4:]) != idFileMark {
		return errDamaged
	}
	size := int64(binary.BigEndian.Uint32(end[:]))
	from := info.Size() - tail - size
	if from < 0 || size > 1<<20 {
		return errDamaged
	}
	foot := make([]byte, size)
	if _, err := r.file.ReadAt(foot, from); err != nil {
		return err
	}
	if json.Unmarshal(foot, &r.foot) != nil {
		return errDamaged
	}
	r.left = r.foot.Count
	r.in = bufio.NewReaderSize(io.NewSectionReader(r.file, 0, from), 64<<10)
	return nil
}

// next returns the next id, valid until the one after it. io.EOF: that was
// all, and they were undamaged.
func (r *ids) next() ([]byte, error) {
	if r.left == 0 {
		if r.file != nil && r.crc != r.foot.CRC {
			return nil, errDamaged
		}
		return nil, io.EOF
	}
	id, err := readSized(r.in, r.id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, noEOF(err))
	}
	r.left, r.id = r.left-1, id
	r.buf = append(binary.AppendUvarint(r.buf[:0], uint64(len(id))), id...)
	r.crc = crc32.Update(r.crc, crc32.IEEETable, r.buf)
	return id, nil
}

func (r *ids) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
}
