package emitters

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"customer360/emitters/csvdir"
)

// importFile is csvdir.
func importFile(ctx context.Context, o order, c *clock) (int64, error) {
	state, err := os.MkdirTemp("", "customer360-bench-")
	if err != nil {
		return 0, fmt.Errorf("a folder for the importer: %w", err)
	}
	defer func() { _ = os.RemoveAll(state) }()
	cfg := csvdir.DefaultConfig()
	cfg.Dir, cfg.StateDir, cfg.Instance = filepath.Dir(o.File), state, "bench"
	cfg.Stable = 0 // nobody writes the file any more
	if err := c.start(); err != nil {
		return 0, err
	}
	f, err := csvdir.Import(ctx, cfg, csvdir.Deps{Kafka: o.Places.kafka()}, o.File, true)
	if err != nil {
		return 0, err
	}
	if err := c.stop(); err != nil {
		return 0, err
	}
	if f.Written != f.Rows {
		return 0, fmt.Errorf("%w: %d of %d rows were written", ErrVoid, f.Written, f.Rows)
	}
	return f.Rows, nil
}

// readFile is encoding-csv.
func readFile(_ context.Context, o order, c *clock) (rows int64, err error) {
	f, err := os.Open(o.File)
	if err != nil {
		return 0, fmt.Errorf("the CSV file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	if err := c.start(); err != nil {
		return 0, err
	}
	r := csv.NewReader(f)
	r.ReuseRecord = true
	for rows = -1; ; rows++ { // the header is none
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, c.stop()
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrVoid, err)
		}
		for _, field := range record {
			c.bytes += int64(len(field))
		}
	}
}
