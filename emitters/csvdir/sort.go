package csvdir

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// entry is one id with the place where it was met (row or offset) and what was
// met there. Sorted: by id, then by place.
type entry struct {
	id   []byte // valid until the next entry
	at   int64
	kind byte
}

// Bounds of what sorter keeps in memory; a full load is sorted and written to
// disk as a run. Runs are merged at the end, so memory does not grow with files.
const (
	sorterBytes   = 3 << 20
	sorterEntries = 160_000
	runBuffer     = 16 << 10
)

// sorter sorts any number of entries in bounded memory.
type sorter struct {
	file  *os.File
	arena []byte
	index []place
	runs  []run
	size  int64
}

// place finds an entry in the arena; the first bytes of its id save most
// comparisons the way there.
type place struct {
	prefix uint64
	from   uint32
}

type run struct{ from, to int64 }

// newSorter keeps its runs in a file of that folder, which close removes.
func newSorter(dir string) (*sorter, error) {
	f, err := os.CreateTemp(dir, "sort-*")
	if err != nil {
		return nil, fmt.Errorf("a file to sort in: %w", err)
	}
	return &sorter{file: f}, nil
}

func (s *sorter) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

func (s *sorter) add(e entry) error {
	if len(s.index) == sorterEntries || len(s.arena)+len(e.id)+3*binary.MaxVarintLen64 > sorterBytes {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.arena == nil {
		s.arena, s.index = make([]byte, 0, sorterBytes), make([]place, 0, sorterEntries)
	}
	var prefix [8]byte
	copy(prefix[:], e.id)
	s.index = append(s.index, place{binary.BigEndian.Uint64(prefix[:]), uint32(len(s.arena))})
	s.arena = e.append(s.arena)
	return nil
}

func (e entry) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(e.id)))
	dst = append(dst, e.id...)
	dst = binary.AppendUvarint(dst, uint64(e.at))
	return append(dst, e.kind)
}

// spill writes the load as a sorted run.
func (s *sorter) spill() error {
	slices.SortFunc(s.index, func(a, b place) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		x, y := s.id(a), s.id(b)
		if c := bytes.Compare(x, y); c != 0 {
			return c
		}
		return cmp.Compare(a.from, b.from) // the arena is in the order of the places
	})
	out := bufio.NewWriterSize(s.file, 64<<10)
	from := s.size
	for _, p := range s.index {
		b := s.whole(p)
		s.size += int64(len(b))
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("sorting ids: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("sorting ids: %w", err)
	}
	s.runs = append(s.runs, run{from, s.size})
	s.arena, s.index = s.arena[:0], s.index[:0]
	return nil
}

func (s *sorter) id(p place) []byte {
	size, n := binary.Uvarint(s.arena[p.from:])
	return s.arena[int(p.from)+n:][:size]
}

func (s *sorter) whole(p place) []byte {
	b := s.arena[p.from:]
	size, n := binary.Uvarint(b)
	_, m := binary.Uvarint(b[n+int(size):])
	return b[:n+int(size)+m+1]
}

// sorted ends the adding and returns the entries in order.
func (s *sorter) sorted() (*merge, error) {
	if len(s.index) > 0 {
		if err := s.spill(); err != nil {
			return nil, err
		}
	}
	s.arena, s.index = nil, nil
	m := &merge{}
	for _, r := range s.runs {
		in := &runReader{in: bufio.NewReaderSize(io.NewSectionReader(s.file, r.from, r.to-r.from), runBuffer)}
		if err := in.advance(); err != nil {
			return nil, err
		}
		m.runs = append(m.runs, in)
	}
	for i := len(m.runs)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

// merge reads sorted runs as one, by a heap of them.
type merge struct {
	runs    []*runReader
	started bool
}

// next returns io.EOF behind the last entry.
func (m *merge) next() (entry, error) {
	if m.started && len(m.runs) > 0 {
		switch err := m.runs[0].advance(); {
		case errors.Is(err, io.EOF):
			last := len(m.runs) - 1
			m.runs[0] = m.runs[last]
			m.runs = m.runs[:last]
		case err != nil:
			return entry{}, err
		}
		m.sink(0)
	}
	m.started = true
	if len(m.runs) == 0 {
		return entry{}, io.EOF
	}
	return m.runs[0].entry, nil
}

func (m *merge) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(m.runs) {
			return
		}
		if right := child + 1; right < len(m.runs) && m.runs[right].before(m.runs[child]) {
			child = right
		}
		if !m.runs[child].before(m.runs[i]) {
			return
		}
		m.runs[i], m.runs[child] = m.runs[child], m.runs[i]
		i = child
	}
}

type runReader struct {
	in    *bufio.Reader
	entry entry
}

func (r *runReader) before(o *runReader) bool {
	if c := bytes.Compare(r.entry.id, o.entry.id); c != 0 {
		return c < 0
	}
	return r.entry.at < o.entry.at
}

func (r *runReader) advance() error {
	id, err := readSized(r.in, r.entry.id)
	if err != nil {
		return err // io.EOF only at an entry's beginning
	}
	at, err := binary.ReadUvarint(r.in)
	if err != nil {
		return fmt.Errorf("a file of sorted ids: %w", noEOF(err))
	}
	kind, err := r.in.ReadByte()
	if err != nil {
		return fmt.Errorf("a file of sorted ids: %w", noEOF(err))
	}
	r.entry = entry{id: id, at: int64(at), kind: kind}
	return nil
}

// readSized reads bytes behind their length into buf, which it may replace.
func readSized(in *bufio.Reader, buf []byte) ([]byte, error) {
	size, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if size > maxRowBytes*4 {
		return nil, fmt.Errorf("a file of sorted ids is damaged: an id of %d bytes", size)
	}
	buf = slices.Grow(buf[:0], int(size))[:size]
	if _, err := io.ReadFull(in, buf); err != nil {
		return nil, fmt.Errorf("a file of sorted ids: %w", noEOF(err))
	}
	return buf, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
