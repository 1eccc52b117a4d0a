package result

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/writer"
)

// Write writes the rows as one Parquet file to w.
func Write(w io.Writer, rows []Row) error {
	if len(rows) == 0 {
		return errors.New("results: no rows to write")
	}
	var b bytes.Buffer
	p, err := writer.NewParquetWriterFromWriter(&b, new(Row), 1)
	if err != nil {
		return fmt.Errorf("results: the Parquet schema: %w", err)
	}
	unset := noChecksum()
	p.Footer.KeyValueMetadata = append(p.Footer.KeyValueMetadata, &parquet.KeyValue{Key: checksumKey, Value: &unset})
	for i, row := range rows {
		if err := row.validate(); err != nil {
			return fmt.Errorf("results: row %d: %w", i, err)
		}
		if err := p.Write(row); err != nil {
			return fmt.Errorf("results: row %d: %w", i, err)
		}
	}
	if err := p.WriteStop(); err != nil {
		return fmt.Errorf("results: ending the Parquet file: %w", err)
	}
	content := b.Bytes()
	_, sum, ok := checksum(content)
	if !ok {
		return errors.New("results: the Parquet file has no place for its checksum")
	}
	copy(content[checksumAt(content):], sum)
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}

// Save replaces the file at path: readers see all rows or the former file.
func Save(path string, rows []Row) error {
	var b bytes.Buffer
	if err := Write(&b, rows); err != nil {
		return err
	}
	temporary := path + ".tmp"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if err := os.WriteFile(temporary, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}
