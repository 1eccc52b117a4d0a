package csvdir

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// parsed is a record that outlives the next one.
type parsed struct {
	line    int
	fields  []string
	problem string
	raw     string
}

func parseAll(t interface{ Fatalf(string, ...any) }, in io.Reader, delim byte) []parsed {
	p := newParser(in, delim)
	var all []parsed
	for {
		rec, err := p.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("parsing: %v", err)
		}
		r := parsed{line: rec.line, problem: rec.problem, raw: string(rec.raw)}
		for _, f := range rec.fields {
			r.fields = append(r.fields, string(f))
		}
		all = append(all, r)
	}
}

// What encoding/csv reads without complaint, the parser reads alike, but for
// \r\n inside quotes, which it keeps.
func agree(t interface{ Fatalf(string, ...any) }, text []byte, delim byte) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord = rune(delim), -1
	want, err := r.ReadAll()
	if err != nil {
		return
	}
	got := parseAll(t, bytes.NewReader(text), delim)
	if len(got) != len(want) {
		t.Fatalf("%q: %d rows, encoding/csv reads %d", text, len(got), len(want))
	}
	for n, row := range got {
		for i := range row.fields {
			row.fields[i] = strings.ReplaceAll(row.fields[i], "\r\n", "\n")
		}
		if row.problem != "" || !slices.Equal(row.fields, want[n]) {
			t.Fatalf("%q: row %d is %q (%s), encoding/csv reads %q", text, n+1, row.fields, row.problem, want[n])
		}
	}
}

func TestParserAgreesWithEncodingCSV(t *testing.T) {
	field := rapid.OneOf(
		rapid.StringMatching(`[a-z0-9@.]{0,8}`),
		rapid.StringOfN(rapid.SampledFrom([]rune("ab\",;\t\n\r é'")), 0, 12, -1))
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 1, 6), 0, 12).Draw(t, "rows")
		delim := rapid.SampledFrom([]byte(",;\t")).Draw(t, "delimiter")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma, w.UseCRLF = rune(delim), rapid.Bool().Draw(t, "crlf")
		if err := w.WriteAll(rows); err != nil {
			t.Fatalf("writing: %v", err)
		}
		agree(t, b.Bytes(), delim)
		whole := parseAll(t, bytes.NewReader(b.Bytes()), delim)
		slow := parseAll(t, iotest.OneByteReader(bytes.NewReader(b.Bytes())), delim)
		if fmt.Sprint(whole) != fmt.Sprint(slow) {
			t.Fatalf("read byte by byte, it differs: %q", b.Bytes())
		}
	})
}

// However a file is broken, the parser ends, loses no line and invents none.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		header + member(1, 1), "a,b\r\n\"x\r\ny\",z\r\n", "a,\"b\n\"c\n", "\"\"\"\"", "a\"b,c\n", "\"a\"b\",c\nd,e", "\n\n\r\n", "a,\x00\n", "\xff\xfe",
		"a;b\n\"open\n;;\n", "\"a\"\r", "\r\r\r", "\"a\r\"\r\n",
	} {
		f.Add([]byte(seed), byte(','))
	}
	f.Fuzz(func(t *testing.T, text []byte, delim byte) {
		if !slices.Contains([]byte(",;\t"), delim) {
			delim = ','
		}
		agree(t, text, delim)
		var lines int
		last := 0
		for _, r := range parseAll(t, bytes.NewReader(text), delim) {
			if r.line <= last {
				t.Fatalf("%q: line %d after line %d", text, r.line, last)
			}
			if len(r.fields) == 0 && r.problem == "" {
				t.Fatalf("%q: a row without fields", text)
			}
			if !bytes.Contains(text, []byte(r.raw)) || r.raw == "" {
				t.Fatalf("%q: raw %q is not in it", text, r.raw)
			}
			last = r.line + strings.Count(r.raw, "\n")
			for lines < r.line-1 { // only empty lines are passed over
				if line := bytes.Split(text, []byte("\n"))[lines]; len(bytes.TrimSuffix(line, []byte("\r"))) > 0 {
					t.Fatalf("%q: line %d was passed over", text, lines+1)
				}
				lines++
			}
			lines = last
		}
		if e, err := sniffAll(text); err == nil && e.width > 0 && e.column[columnEmail] < 0 {
			t.Fatalf("%q: a layout without an email", text)
		}
	})
}

func sniffAll(text []byte) (layout, error) {
	return sniff(text[:min(len(text), sniffBytes)], len(text) <= sniffBytes)
}

func TestBrokenQuotes(t *testing.T) {
	long := strings.Repeat("x", maxRowBytes)
	for name, c := range map[string]struct{ text, want string }{
		"bare quote in an unquoted field": {`a,b "c" d,e`, `1 [a|b "c" d|e]`},
		"bare quote in a quoted field":    {`a,"b "c" d",e`, `1 [a|b "c" d|e]`},
		"doubled quotes":                  {`"a ""b"" c",""""`, `1 [a "b" c|"]`},
		"open to the end":                 {"a,\"b\nc,d\ne,f\n", `1 BAD [a] ; 2 [c|d] ; 3 [e|f]`},
		"open to the next quoted field":   {"a,\"b\nc,\"d\"\ne,f\n", `1 BAD [a] ; 2 [c|d] ; 3 [e|f]`},
		"open in the last line":           {"a,b\nc,\"d", `1 [a|b] ; 2 BAD [c]`},
		"a bare quote and no end":         {"a,\"b\"c\nd,e\n", `1 BAD [a] ; 2 [d|e]`},
		"newline in quotes":               {"a,\"b\nc\",d\ne,f", "1 [a|b\nc|d] ; 3 [e|f]"},
		"newline, then a bare quote":      {"a,\"b\nc\"x,d\ne,f", `1 BAD [a] ; 2 [c"x|d] ; 3 [e|f]`},
		"too long":                        {"a,b\nc," + long + "\nd,e\n", "1 [a|b] ; 2 BAD [c] ; 3 [d|e]"},
		"too long, the last one":          {"a,b\nc," + long + long + long, "1 [a|b] ; 2 BAD [c]"},
		"quote open too long":             {"a,\"" + strings.Repeat("x\n", maxRowBytes/2) + "y,z\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			rows := parseAll(t, strings.NewReader(c.text), ',')
			for _, r := range rows {
				bad := ""
				if r.problem != "" {
					bad = "BAD "
				}
				got = append(got, fmt.Sprintf("%d %s[%s]", r.line, bad, strings.Join(r.fields, "|")))
			}
			if c.want == "" { // one line given up, each of the others read
				if len(rows) != maxRowBytes/2+1 || rows[0].problem == "" || rows[1].fields[0] != "x" || rows[len(rows)-1].fields[0] != "y" {
					t.Errorf("%d rows, first %+v", len(rows), got[0])
				}
				return
			}
			if s := strings.Join(got, " ; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestReadErrorsAreNoEnd(t *testing.T) {
	fault := errors.New("disk")
	p := newParser(io.MultiReader(strings.NewReader("a,b\nc,"), iotest.ErrReader(fault)), ',')
	_, _ = p.next()
	if rec, err := p.next(); !errors.Is(err, fault) {
		t.Errorf("got %q, %v", rec.raw, err)
	}
}

// BenchmarkParse reads a million-row file's worth, against encoding/csv.
func BenchmarkParse(b *testing.B) {
	text := []byte(header + members(1, 20_000, 47))
	b.Run("csvdir", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			p := newParser(bytes.NewReader(text), ',')
			for {
				if _, err := p.next(); err != nil {
					break
				}
			}
		}
	})
	b.Run("csvdir and row", func(b *testing.B) { // what the second pass does
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		l, err := sniff(text[:1000], false)
		if err != nil {
			b.Fatal(err)
		}
		var json []byte
		for b.Loop() {
			p, r := newParser(bytes.NewReader(text), ','), &reading{layout: l}
			for {
				rec, err := p.next()
				if err != nil {
					break
				}
				if q, _, _ := r.judge(&rec); q == usable {
					row := r.row(&rec)
					json = row.AppendJSON(json[:0])
				}
			}
		}
	})
	b.Run("encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(text))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err != nil {
					break
				}
			}
		}
	})
}
