package csvdir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// layout is how a file's rows are to be read: what its first bytes and its
// header say, and its encoding, which all of its bytes decide.
type layout struct {
	gzip   bool
	bom    int  // length of the byte order mark of UTF-8
	loneCR bool // lines end with \r alone
	latin  bool // Windows-1252, not UTF-8
	dirty  bool // UTF-8 with invalid bytes in some rows
	delim  byte
	width  int // columns of the header; 0: the file is empty
	column [columns]int
}

// The columns that count, and their places in layout.column.
const (
	columnID = iota
	columnPassword
	columnFirstName
	columnLastName
	columnEmail
	columnPoints
	columns
)

// columnNames returns the header's names, as the tutorial's export spells them.
func columnNames() [columns]string {
	return [columns]string{"Id", "Password", "FirstName", "LastName", "Email", "Points"}
}

// refused is why a whole file cannot be read, with its remedy. It never holds
// text of the file: where the header is missing, its first line is a member.
func refused(format string, args ...any) error { return fmt.Errorf(format, args...) }

// sniff reads the layout off the first bytes of a file's unpacked text; whole
// says that they are all of it.
func sniff(head []byte, whole bool) (layout, error) {
	var l layout
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) || manyNULs(head) {
		return l, refused("the file is UTF-16: export it as UTF-8 or Windows-1252")
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return l, refused("the file is a zip archive (perhaps of a spreadsheet): put the CSV in it here, as it is or packed by gzip")
	}
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		l.bom, head = 3, head[3:]
	}
	if len(bytes.TrimSpace(head)) == 0 && whole {
		return l, nil
	}
	l.loneCR = bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(bytes.TrimRight(head, "\r"), '\r') >= 0
	if l.loneCR {
		head = bytes.ReplaceAll(head, []byte("\r"), []byte("\n"))
	}
	return l, l.readHeader(head)
}

// manyNULs says that the text looks like UTF-16 without a byte order mark: of
// plain letters, every second byte is NUL.
func manyNULs(head []byte) bool {
	head = head[:min(len(head), 16)]
	return len(head) >= 4 && bytes.Count(head, []byte{0})*3 > len(head)
}

// readHeader chooses the delimiter by which most names of columns are found.
func (l *layout) readHeader(head []byte) error {
	best := -1
	var twice string
	for _, delim := range []byte(",;\t") {
		header, err := newParser(bytes.NewReader(head), delim).next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		place, found, double := findColumns(header)
		if found > best {
			best, twice = found, double
			l.delim, l.width, l.column = delim, len(header.fields), place
		}
	}
	var missing []string
	for _, c := range []int{columnID, columnEmail} {
		if l.column[c] < 0 {
			missing = append(missing, columnNames()[c])
		}
	}
	switch {
	case twice != "":
		return refused("the header has the column %s twice: keep one of them", twice)
	case len(missing) > 0:
		return refused("the header lacks %s (%d columns by the delimiter %q): the first line must name the columns, like %s",
			strings.Join(missing, " and "), l.width, l.delim, strings.Join(namesOf(), ","))
	}
	return nil
}

// lacks names the columns that the header does not have.
func (l *layout) lacks() (names []string) {
	for c, name := range columnNames() {
		if l.column[c] < 0 {
			names = append(names, name)
		}
	}
	return names
}

func namesOf() []string { n := columnNames(); return n[:] }

// findColumns returns each column's place in the header, -1 where it is
// missing, how many there are, and the name of one that is there twice.
func findColumns(header record) (place [columns]int, found int, twice string) {
	for c, name := range columnNames() {
		place[c] = -1
		for i, field := range header.fields {
			if !strings.EqualFold(strings.TrimSpace(string(field)), name) {
				continue
			}
			if place[c] >= 0 {
				twice = name
				continue
			}
			place[c] = i
			found++
		}
	}
	return place, found, twice
}

// delimiter is how the layout's delimiter is shown to people.
func (l *layout) delimiter() string {
	if l.width == 0 {
		return ""
	}
	if l.delim == '\t' {
		return "tab"
	}
	return string(l.delim)
}

// encoding is the name of the file's encoding.
func (l *layout) encoding() string {
	if l.latin {
		return "windows-1252"
	}
	return "utf-8"
}
