package homesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"customer360/internal/local/simulate"
)

// batchRows is how many rows of the load are one statement and one transaction.
const batchRows = 500

// Writer writes the table.
type Writer struct {
	cfg   Config
	log   *slog.Logger
	table *simulate.Table
	db    *sql.DB
}

// New makes a writer. It connects to nothing.
func New(c Config, log *slog.Logger) (*Writer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	table, err := simulate.NewTable(c.Seed, c.Customers)
	if err != nil {
		return nil, err
	}
	return &Writer{cfg: c, log: log, table: table}, nil
}

// Run loads the table where it is not loaded yet, and lets its life go on until
// ctx ends (nil).
func (w *Writer) Run(ctx context.Context) error {
	db, err := Open(w.cfg)
	if err != nil {
		return err
	}
	w.db = db
	defer db.Close() //nolint:errcheck // nothing is under way
	if err := w.run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (w *Writer) run(ctx context.Context) error {
	var p progress
	err := persist(ctx, w.log, "its progress", func() (err error) {
		p, err = openProgress(ctx, w.db, w.cfg.Seed, w.cfg.Customers)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.load(ctx, p); err != nil {
		return err
	}
	w.table.Skip(p.step)
	w.log.Info("the table is loaded", "rows", w.table.Count(), "step", p.step)
	if w.cfg.Every == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.next(ctx); err != nil {
			return err
		}
	}
}

// load inserts the rows that are not there yet. They are those of the beginning:
// nothing has happened before the last of them.
func (w *Writer) load(ctx context.Context, p progress) error {
	if p.loaded {
		return nil
	}
	var batch []simulate.Row
	done := int64(0)
	flush := func(last bool) error {
		after := p.step
		return persist(ctx, w.log, "the load", func() error {
			return w.transact(ctx, func(tx *sql.Tx) error {
				at, err := lockProgress(ctx, tx)
				if err != nil {
					return err
				}
				if at.rows >= done || at.loaded {
					return nil // committed, and the answer was lost
				}
				if len(batch) > 0 {
					if err := insert(batch).exec(ctx, tx); errors.Is(err, errTaken) {
						return permanentError{fmt.Errorf("inventory.customers has rows of its own between the ids %d and %d, which the simulated people need: empty it, or run without the simulator",
							batch[0].ID, batch[len(batch)-1].ID)}
					} else if err != nil {
						return err
					}
				}
				return saveProgress(ctx, tx, progress{rows: done, loaded: last, step: after})
			})
		})
	}
	for row := range w.table.Rows() {
		if done++; done <= p.rows {
			continue
		}
		if batch = append(batch, row); len(batch) == batchRows {
			if err := flush(false); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	done++ // so that the last one counts even where it has no row
	if err := flush(true); err != nil {
		return err
	}
	return nil
}

// next lets one step happen.
func (w *Writer) next(ctx context.Context) error {
	before := w.table.Step()
	changes := w.table.Next()
	step := w.table.Step()
	return persist(ctx, w.log, "a change", func() error {
		var skipped error
		err := w.transact(ctx, func(tx *sql.Tx) error {
			at, err := lockProgress(ctx, tx)
			if err != nil {
				return err
			}
			if at.step >= step {
				return nil // committed, and the answer was lost
			}
			if at.step < before {
				return permanentError{fmt.Errorf("the database is at step %d, behind step %d that it had: it was replaced by an older one; start the simulator again", at.step, before)}
			}
			skipped = nil
			for _, s := range statements(changes) {
				if err := s.exec(ctx, tx); errors.Is(err, errTaken) {
					skipped = err
				} else if err != nil {
					return err
				}
			}
			at.step = step
			return saveProgress(ctx, tx, at)
		})
		if err == nil && skipped != nil {
			w.log.Info("a change was skipped", "step", step, "reason", skipped)
		}
		return err
	})
}

// transact commits what f did, or nothing.
func (w *Writer) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
