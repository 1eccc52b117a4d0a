package csvdir

import (
	"bytes"
	"io"
)

// maxRowBytes bounds a row, its quoted newlines included. It is also how far
// an unbalanced quote can reach before it is noticed, and what the reader keeps
// in memory; a row of that size in JSON still fits into a batch of 1 MB.
const maxRowBytes = 128 << 10

// keptBytes is how much of a row that is too long goes to the dead letters.
const keptBytes = 4 << 10

// What can be wrong with the shape of a row.
const (
	problemQuote = "a quote opens here and is never closed properly"
	problemLong  = "the line is longer than 128 KiB; only its beginning is kept"
)

// record is one row of a CSV file. Its slices are valid until the next one.
type record struct {
	line    int    // number of its first line in the file, from 1
	raw     []byte // as in the file, without the line's end
	fields  [][]byte
	problem string // not "": the shape is broken, fields are those before the break
	unended bool   // the file ends within its line
}

// parser reads CSV of any delimiter as encoding/csv does where the file is
// well-formed, but for newlines inside quotes, which stay as they are. Where it
// is not, one line is given up and reading goes on with the next one.
//
// Where the number of columns is known, a line of white space is empty, and a \r
// that stands alone ends a line too where a whole row lies before it.
type parser struct {
	src   io.Reader
	delim byte
	width int // columns; 0: not known

	buf        []byte // a window of the file
	start, end int    // what is unread of it
	eof        bool
	err        error
	line       int // lines read

	fields  [][]byte
	cuts    []cut
	scratch []byte // fields that had doubled quotes
}

// cut is a field's place in the window, counted from start, or in scratch.
type cut struct {
	from, to int
	unquoted bool // in scratch
}

func newParser(src io.Reader, delim byte) *parser {
	return &parser{src: src, delim: delim, buf: make([]byte, 2*maxRowBytes)}
}

// next returns the next row, skipping empty lines. io.EOF ends the file; any
// other error is one of reading.
func (p *parser) next() (record, error) {
	for {
		end, next, ok := p.lineEnd(0)
		if p.err != nil {
			return record{}, p.err
		}
		if !ok {
			return p.tooLong()
		}
		if next == 0 {
			return record{}, io.EOF
		}
		line := p.buf[p.start : p.start+end]
		if p.width > 0 {
			line = bytes.TrimRight(line, "\r") // of several
		}
		if len(line) == 0 || p.width > 1 && len(bytes.Trim(line, " \t\r\x1a")) == 0 { // Ctrl-Z: DOS's end of a file
			p.take(next, 1)
			continue
		}
		quotes := bytes.IndexByte(line, '"') >= 0
		if !quotes {
			if fields := p.split(line); len(fields) == p.width || bytes.IndexByte(line, '\r') < 0 {
				rec := record{line: p.line + 1, raw: line, fields: fields}
				p.take(next, 1)
				rec.unended = p.unended()
				return rec, nil
			}
		}
		if rec, ok := p.before(bytes.IndexByte(line, '\r')); ok {
			return rec, nil
		}
		rec := p.quoted(end, next)
		rec.unended = p.unended()
		return rec, p.err
	}
}

// before is the row that ends at a lone \r, if it is a whole one.
func (p *parser) before(cr int) (record, bool) {
	if p.width == 0 || cr < 0 || bytes.Count(p.window(0, cr), []byte{'"'})%2 != 0 {
		return record{}, false
	}
	start, line := p.start, p.line
	rec := p.quoted(cr, cr+1)
	if rec.problem != "" || len(rec.fields) != p.width {
		p.start, p.line = start, line
		return record{}, false
	}
	p.line = line // it goes on
	return rec, true
}

// unended says that the file has ended without a line's end.
func (p *parser) unended() bool { return p.eof && p.start == p.end && p.buf[p.end-1] != '\n' }

// split cuts a line without quotes.
func (p *parser) split(line []byte) [][]byte {
	p.fields = p.fields[:0]
	for {
		i := bytes.IndexByte(line, p.delim)
		if i < 0 {
			p.fields = append(p.fields, line)
			return p.fields
		}
		p.fields = append(p.fields, line[:i])
		line = line[i+1:]
	}
}

// quoted reads the row whose first line ends at end, the next one beginning at
// next, and which holds a quote. A quote inside an unquoted field is a
// character like any other, and so is one inside a quoted field that neither
// delimiter nor line end follow; but a field with such a quote ends in its own
// line, and one that spans lines has none: there the quote that opened it is
// the mistake, and only its line is given up.
func (p *parser) quoted(end, next int) record {
	firstEnd, firstNext := end, next
	p.cuts, p.scratch = p.cuts[:0], p.scratch[:0]
	lines := 1
	for pos, last := 0, false; !last; {
		if pos >= end || p.at(pos) != '"' {
			i := bytes.IndexByte(p.window(pos, end), p.delim)
			if last = i < 0; last {
				i = end - pos
			}
			p.cuts = append(p.cuts, cut{from: pos, to: pos + i})
			pos += i + 1
			continue
		}
		segment, scan, scratch, bare, spans := pos+1, pos+1, -1, false, false
		for open := true; open; {
			i := bytes.IndexByte(p.window(scan, end), '"')
			if i < 0 { // goes on in the next line
				scan = next
				var ok bool
				end, next, ok = p.lineEnd(scan)
				if bare || !ok || next == scan {
					return p.broken(firstEnd, firstNext)
				}
				lines, spans = lines+1, true
				continue
			}
			quote := scan + i
			switch {
			case quote+1 < end && p.at(quote+1) == '"':
				if scratch < 0 {
					scratch = len(p.scratch)
				}
				p.scratch = append(p.scratch, p.window(segment, quote+1)...)
				segment, scan = quote+2, quote+2
			case quote+1 == end || p.at(quote+1) == p.delim:
				if scratch >= 0 {
					p.scratch = append(p.scratch, p.window(segment, quote)...)
					p.cuts = append(p.cuts, cut{from: scratch, to: len(p.scratch), unquoted: true})
				} else {
					p.cuts = append(p.cuts, cut{from: segment, to: quote})
				}
				pos, last, open = quote+2, quote+1 == end, false
			case spans:
				return p.broken(firstEnd, firstNext)
			default:
				bare, scan = true, quote+1
			}
		}
	}
	rec := record{line: p.line + 1, raw: p.window(0, end), fields: p.cutFields()}
	p.take(next, lines)
	return rec
}

// broken gives up the first line of the row.
func (p *parser) broken(end, next int) record {
	rec := record{line: p.line + 1, raw: p.window(0, end), fields: p.cutFields(), problem: problemQuote}
	p.take(next, 1)
	return rec
}

// tooLong gives up a line that does not fit into the window.
func (p *parser) tooLong() (record, error) {
	p.scratch = append(p.scratch[:0], p.window(0, keptBytes)...)
	rec := record{line: p.line + 1, raw: p.scratch, problem: problemLong}
	if fields := p.split(p.scratch); bytes.IndexByte(p.scratch, '"') < 0 {
		rec.fields = fields[:len(fields)-1] // the last one is not whole
	}
	for {
		if i := bytes.IndexByte(p.buf[p.start:p.end], '\n'); i >= 0 {
			p.take(i+1, 1)
			return rec, nil
		}
		p.start = p.end
		if !p.more() {
			p.line++
			return rec, p.err
		}
	}
}

func (p *parser) cutFields() [][]byte {
	p.fields = p.fields[:0]
	for _, c := range p.cuts {
		if c.unquoted {
			p.fields = append(p.fields, p.scratch[c.from:c.to])
		} else {
			p.fields = append(p.fields, p.window(c.from, c.to))
		}
	}
	return p.fields
}

func (p *parser) at(i int) byte              { return p.buf[p.start+i] }
func (p *parser) window(from, to int) []byte { return p.buf[p.start+from : p.start+to] }
func (p *parser) take(bytes, lines int)      { p.start += bytes; p.line += lines }

// lineEnd finds the end of the line that begins at from (counted from start),
// and where the next one begins. Not ok: the row does not fit into the window.
// next == from: the file has ended.
func (p *parser) lineEnd(from int) (end, next int, ok bool) {
	for searched := from; ; {
		if i := bytes.IndexByte(p.buf[p.start+searched:p.end], '\n'); i >= 0 {
			end, next = searched+i, searched+i+1
			break
		}
		searched = p.end - p.start
		if searched >= maxRowBytes {
			return 0, 0, false
		}
		if !p.more() {
			end, next = searched, searched
			break
		}
	}
	if next > maxRowBytes {
		return 0, 0, false
	}
	if end > from && p.at(end-1) == '\r' {
		end--
	}
	return end, next, true
}

// more reads on, keeping what is unread. False: the file or the disk ended.
func (p *parser) more() bool {
	if p.eof {
		return false
	}
	if p.start > 0 {
		copy(p.buf, p.buf[p.start:p.end])
		p.start, p.end = 0, p.end-p.start
	}
	for range 100 {
		n, err := p.src.Read(p.buf[p.end:])
		p.end += n
		if err != nil {
			p.eof = true
			if err != io.EOF {
				p.err = err
			}
		}
		if n > 0 || p.eof {
			return n > 0
		}
	}
	p.eof, p.err = true, io.ErrNoProgress
	return false
}
