package csvdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// checked is what the first pass found: everything the second one needs beside
// the file itself. It is as large as a bit or two per row.
type checked struct {
	rows, rejected, duplicates int64
	usable                     int64 // rows to publish
	known                      int64 // members before the import
	removes                    int64 // members that the file withdraws
	superseded, withdraws      bitmap
	missing                    string // file of the known ids that the file lacks
	first                      string // what is wrong with the first rejected row, and in which line
	cut                        bool   // the last row is broken, and its line has no end
}

// bitmap has a bit per row.
type bitmap []uint64

func newBitmap(rows int64) bitmap   { return make(bitmap, rows/64+1) }
func (b bitmap) set(row int64)      { b[row/64] |= 1 << (row % 64) }
func (b bitmap) has(row int64) bool { return b[row/64]&(1<<(row%64)) != 0 }

// check is the first pass: it reads the whole file, sorts its ids on disk and
// walks them along with the known members. beat is called every now and then.
func check(ctx context.Context, f *os.File, e *examined, known *knownFile, dir string, beat func(row int64) error) (*checked, error) {
	ids, err := newSorter(dir)
	if err != nil {
		return nil, err
	}
	defer ids.close()
	c := &checked{}
	err = eachRow(ctx, f, e, func(row int64, rec *record, r *reading) error {
		c.rows = row
		q, id, reason := r.judge(rec)
		if q != usable {
			c.rejected++
		}
		if q != usable && c.first == "" {
			c.first = fmt.Sprintf("line %d: %s", rec.line, reason)
		}
		c.cut = q == broken && rec.unended
		if row%beatRows == 0 {
			if err := beat(row); err != nil {
				return err
			}
		}
		if id == nil {
			return nil
		}
		return ids.add(entry{id: id, at: row, kind: byte(q)})
	})
	if err != nil {
		return nil, err
	}
	c.superseded, c.withdraws = newBitmap(c.rows), newBitmap(c.rows)
	if err := c.compare(ids, known, dir); err != nil {
		return nil, fmt.Errorf("comparing the file with the known members: %w", err)
	}
	return c, nil
}

// beatRows is how often a pass looks up from its work, in rows.
const beatRows = 4096

// eachRow reads the file from its beginning and numbers its rows from 1. It
// fails with errChanged where the bytes are not those that were examined.
func eachRow(ctx context.Context, f *os.File, e *examined, fn func(row int64, rec *record, r *reading) error) error {
	c, err := openContent(f, e.layout)
	if err != nil {
		return err
	}
	rows, r := newParser(c, e.layout.delim), &reading{layout: e.layout}
	rows.width = e.layout.width
	for n := int64(-1); e.layout.width > 0; { // the header is row 0
		rec, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading line %d: %w", rows.line+1, err)
		}
		if n++; n == 0 {
			continue
		}
		if n%beatRows == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := fn(n, &rec, r); err != nil {
			return err
		}
	}
	return sameBytes(c, e.hash)
}

// compare merges the sorted ids of the file with the sorted known ones.
func (c *checked) compare(ids *sorter, known *knownFile, dir string) error {
	sorted, err := ids.sorted()
	if err != nil {
		return err
	}
	members, err := known.open()
	if err != nil {
		return err
	}
	defer members.close()
	missing, err := newIDWriter(dir, "missing-*")
	if err != nil {
		return err
	}
	defer missing.close()
	c.missing = missing.name()

	group := &idGroup{entries: sorted, replaced: c.replace}
	more, err := group.next()
	if err != nil {
		return err
	}
	for {
		id, err := members.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := err != nil
		for more && (end || string(group.id) < string(id)) { // new members
			c.settle(group, false)
			if more, err = group.next(); err != nil {
				return err
			}
		}
		if end {
			break
		}
		c.known++
		if more && string(group.id) == string(id) {
			c.settle(group, true)
			if more, err = group.next(); err != nil {
				return err
			}
			continue
		}
		c.removes++
		if err := missing.add(id); err != nil {
			return err
		}
	}
	return missing.finish()
}

// settle decides about the rows of one id: the last one of a right shape counts.
func (c *checked) settle(g *idGroup, known bool) {
	switch {
	case g.last.at == 0: // broken ones only: the member stays as it was
	case g.last.kind == byte(usable):
		c.usable++
	case known:
		c.withdraws.set(g.last.at)
		c.removes++
	}
}

// replace notes a row that a later one of the same id replaces.
func (c *checked) replace(row entry) {
	c.superseded.set(row.at)
	c.duplicates++
	if row.kind == byte(unusable) {
		c.rejected-- // it is replaced, not refused
	}
}

// idGroup is all entries of one id.
type idGroup struct {
	entries  *merge
	replaced func(entry) // is told those of a right shape before the last one
	id       []byte
	last     entry // the last one of a right shape; at 0: there is none

	ahead   entry
	started bool
	end     bool
}

// next goes to the next id, false behind the last one.
func (g *idGroup) next() (bool, error) {
	if !g.started {
		g.started = true
		if err := g.advance(); err != nil {
			return false, err
		}
	}
	if g.end {
		return false, nil
	}
	g.id = append(g.id[:0], g.ahead.id...)
	g.last = entry{}
	for !g.end && string(g.ahead.id) == string(g.id) {
		if g.ahead.kind != byte(broken) {
			if g.last.at != 0 {
				g.replaced(g.last)
			}
			g.last = entry{at: g.ahead.at, kind: g.ahead.kind}
		}
		if err := g.advance(); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (g *idGroup) advance() (err error) {
	if g.ahead, err = g.entries.next(); errors.Is(err, io.EOF) {
		g.end, err = true, nil
	}
	return err
}
