package result

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/xitongsys/parquet-go/writer"
)

// Write writes the rows as one Parquet file to w.
func Write(w io.Writer, rows []Row) error {
	if len(rows) == 0 {
		return errors.New("results: no rows to write")
	}
	p, err := writer.NewParquetWriterFromWriter(w, new(Row), 1)
	if err != nil {
		return fmt.Errorf("results: the Parquet schema: %w", err)
	}
	for i, row := range rows {
		if err := p.Write(row); err != nil {
			return fmt.Errorf("results: row %d: %w", i, err)
		}
	}
	if err := p.WriteStop(); err != nil {
		return fmt.Errorf("results: ending the Parquet file: %w", err)
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
