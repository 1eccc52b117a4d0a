package result

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"unicode/utf8"

	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"
)

// ErrDamaged: the bytes are no Parquet file of rows, or no longer the ones that were written.
var ErrDamaged = errors.New("no readable Parquet file of results")

// maxFile bounds what a file's footer can make its reader allocate.
const maxFile = 256 << 20

// Load reads the file at path.
func Load(path string) ([]Row, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("results: %s has %d bytes, more than a file of results can have (%d)", path, info.Size(), maxFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	rows, err := Read(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// Read decodes one Parquet file that Write wrote, and no other: nothing is given
// to the Parquet reader, which trusts lengths, before the checksum is right.
// Columns that Row does not have are ignored. Every error is an ErrDamaged.
func Read(content []byte) (rows []Row, err error) {
	defer func() {
		if p := recover(); p != nil { // the reader's way to report a schema of another kind
			rows, err = nil, fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	if err := frame(content); err != nil {
		return nil, err
	}
	r, err := reader.NewParquetColumnReader(&memory{Reader: bytes.NewReader(content), content: content}, 1)
	if err != nil {
		return nil, fmt.Errorf("%w: its footer: %w", ErrDamaged, err)
	}
	defer r.ReadStop()
	n := r.GetNumRows()
	if n <= 0 || n > int64(len(content)) {
		return nil, fmt.Errorf("%w: its footer tells of %d rows", ErrDamaged, n)
	}
	rows = make([]Row, n)
	for _, c := range columns {
		if err := c.read(r, rows); err != nil {
			return nil, fmt.Errorf("%w: column %s: %w", ErrDamaged, c.name, err)
		}
	}
	for i, row := range rows {
		if err := row.validate(); err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", ErrDamaged, i, err)
		}
	}
	return rows, nil
}

// frame looks at what a Parquet file begins and ends with, and at the checksum.
func frame(content []byte) error {
	magic := []byte("PAR1")
	switch {
	case len(content) == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	case !bytes.HasPrefix(content, magic):
		return fmt.Errorf("%w: it does not begin with PAR1", ErrDamaged)
	case len(content) < 12 || !bytes.HasSuffix(content, magic):
		return fmt.Errorf("%w: it does not end with PAR1, so its end is missing", ErrDamaged)
	}
	want, sum, ok := checksum(content)
	if !ok {
		return fmt.Errorf("%w: it has no checksum, so customer360-bench did not write it", ErrDamaged)
	}
	if want != sum {
		return fmt.Errorf("%w: its checksum is wrong, so its bytes have changed since it was written", ErrDamaged)
	}
	return nil
}

// column reads one field of all rows.
type column struct {
	name string
	set  func(*Row, any) bool
}

func text(field func(*Row) *string) func(*Row, any) bool {
	return func(r *Row, v any) bool { s, ok := v.(string); *field(r) = s; return ok && utf8.ValidString(s) }
}

func number[T any](field func(*Row) *T) func(*Row, any) bool {
	return func(r *Row, v any) bool { n, ok := v.(T); *field(r) = n; return ok }
}

var columns = []column{
	{"benchmark", text(func(r *Row) *string { return &r.Benchmark })},
	{"contender", text(func(r *Row) *string { return &r.Contender })},
	{"round", number(func(r *Row) *int32 { return &r.Round })},
	{"metric", text(func(r *Row) *string { return &r.Metric })},
	{"unit", text(func(r *Row) *string { return &r.Unit })},
	{"value", number(func(r *Row) *float64 { return &r.Value })},
	{"commit", text(func(r *Row) *string { return &r.Commit })},
	{"machine", text(func(r *Row) *string { return &r.Machine })},
	{"go_version", text(func(r *Row) *string { return &r.GoVersion })},
	{"cores", number(func(r *Row) *int32 { return &r.Cores })},
	{"settings", text(func(r *Row) *string { return &r.Settings })},
	{"time", number(func(r *Row) *int64 { return &r.Time })},
}

func (c column) read(r *reader.ParquetReader, rows []Row) error {
	for i, path := range r.SchemaHandler.ValueColumns {
		element := r.SchemaHandler.MapIndex[path]
		if r.SchemaHandler.GetExName(int(element)) != c.name {
			continue
		}
		values, _, _, err := r.ReadColumnByIndex(int64(i), int64(len(rows)))
		if err != nil {
			return err
		}
		if len(values) != len(rows) {
			return fmt.Errorf("%d values for %d rows", len(values), len(rows))
		}
		for j, v := range values {
			if !c.set(&rows[j], v) {
				return fmt.Errorf("row %d has %T %.40v", j, v, v)
			}
		}
		return nil
	}
	return errors.New("missing")
}

func (r Row) validate() error {
	if r.Benchmark == "" || r.Contender == "" || r.Metric == "" {
		return errors.New("benchmark, contender or metric is empty")
	}
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return fmt.Errorf("%s of %s is %v", r.Metric, r.Contender, r.Value)
	}
	if _, err := ParseSettings(r.Settings); err != nil {
		return err
	}
	return nil
}

// The checksum is SHA-256 of the whole file with zeros in the place of the
// checksum's digits, under this key of the footer's metadata.
const checksumKey = "customer360.sha256"

func noChecksum() string { return string(bytes.Repeat([]byte("0"), hex.EncodedLen(sha256.Size))) }

// checksumAt is where the digits are: thrift's compact form has one byte of
// field header and one of length between key and value.
func checksumAt(content []byte) int {
	at := bytes.LastIndex(content, []byte(checksumKey))
	if at < 0 || at+len(checksumKey)+2+len(noChecksum()) > len(content) {
		return -1
	}
	return at + len(checksumKey) + 2
}

// checksum is what the file says and what its bytes have.
func checksum(content []byte) (want, sum string, ok bool) {
	at := checksumAt(content)
	if at < 0 {
		return "", "", false
	}
	end := at + len(noChecksum())
	h := sha256.New()
	h.Write(content[:at])
	h.Write([]byte(noChecksum()))
	h.Write(content[end:])
	return string(content[at:end]), hex.EncodeToString(h.Sum(nil)), true
}

// memory is a file that is only read. The reader opens it once per column, each
// with a place of its own.
type memory struct {
	*bytes.Reader
	content []byte
}

func (m *memory) Open(string) (source.ParquetFile, error) {
	return &memory{Reader: bytes.NewReader(m.content), content: m.content}, nil
}
func (*memory) Create(string) (source.ParquetFile, error) { return nil, errors.ErrUnsupported }
func (*memory) Write([]byte) (int, error)                 { return 0, errors.ErrUnsupported }
func (*memory) Close() error                              { return nil }
