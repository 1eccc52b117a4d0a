package stack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Writer changes the table by SQL, as a seed decides. It is not safe for
// concurrent use.
type Writer struct {
	db   *sql.DB
	dice *rand.Rand
	ids  []int64 // as of the last look; some may be gone, or new
	look int     // steps until the next

	// KeepRows leaves out what removes a row or changes its primary key, KeepColumns
	// what changes the table's columns.
	KeepRows, KeepColumns bool

	Statements Statements
}

// Statements counts what became of those that were sent.
type Statements struct {
	Done    int `json:"done"`    // rolled back ones too
	Refused int `json:"refused"` // a key was there already
	Lost    int `json:"lost"`    // without an answer: the connection broke
}

// NewWriter needs the table (see Create).
func NewWriter(db *sql.DB, seed uint64) *Writer {
	return &Writer{db: db, dice: rand.New(rand.NewPCG(seed, 2))}
}

// Create makes the tutorial's table anew, empty. Where the tutorial forbids NULL,
// and two rows with one address, it does not; telephone numbers are unique
// instead, so that REPLACE can meet a row under another primary key.
func Create(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{
		`DROP TABLE IF EXISTS customers`,
		`CREATE TABLE customers (
			id INT NOT NULL PRIMARY KEY,
			name VARCHAR(500) NULL, email VARCHAR(500) NULL, password VARCHAR(500) NULL,
			address_line_1 VARCHAR(500) NULL, address_line_2 VARCHAR(500) NULL, city VARCHAR(500) NULL,
			state VARCHAR(2) NULL, zipcode VARCHAR(10) NULL, phonenumber VARCHAR(25) NULL UNIQUE
		) DEFAULT CHARACTER SET utf8mb4`,
		`CREATE TABLE IF NOT EXISTS signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("making the table: %w", err)
		}
	}
	return nil
}

// Steps makes n steps.
func (w *Writer) Steps(ctx context.Context, n int) error {
	for range n {
		if err := w.Step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Step sends one statement, or a few that belong together. That the database is
// away is no error: what was sent is counted as lost.
func (w *Writer) Step(ctx context.Context) error {
	if w.look--; w.look < 0 {
		w.look = 20
		if err := w.lookAgain(ctx); err != nil {
			return w.judge(ctx, err)
		}
	}
	return w.judge(ctx, w.change(ctx))
}

// lookAgain reads which rows there are.
func (w *Writer) lookAgain(ctx context.Context) error {
	rows, err := w.db.QueryContext(ctx, `SELECT id FROM customers ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err is asked
	w.ids = w.ids[:0]
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if id != 1 { // the checkpoint's
			w.ids = append(w.ids, id)
		}
	}
	return rows.Err()
}

// MySQL's numbers of errors.
const (
	duplicateKey   = 1062
	serverShutdown = 1053
	deadlock       = 1213
	lockTimeout    = 1205
	killed         = 1927
)

// judge counts an error that is expected, and waits a little where the database is away.
func (w *Writer) judge(ctx context.Context, err error) error {
	var said *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said) && said.Number == duplicateKey:
		w.Statements.Refused++
		return nil
	case errors.As(err, &said) && !slices.Contains([]uint16{serverShutdown, deadlock, lockTimeout, killed}, said.Number):
		return fmt.Errorf("the writer's statement: %w", err)
	}
	w.Statements.Lost++
	w.look = 0
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
	return ctx.Err()
}

// executor is a connection or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// queryExecutor can be read too.
type queryExecutor interface {
	executor
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (w *Writer) exec(ctx context.Context, on executor, query string, args ...any) error {
	_, err := on.ExecContext(ctx, query, args...)
	if err == nil {
		w.Statements.Done++
	}
	return err
}

// together runs f in a transaction and ends it.
func (w *Writer) together(ctx context.Context, commit bool, f func(*sql.Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if commit {
		return tx.Commit()
	}
	return tx.Rollback()
}

// ignoreDone: a transaction whose connection broke has ended.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, mysql.ErrInvalidConn) {
		return nil
	}
	return err
}

// CheckpointEmail is the key of the document of Checkpoint's row.
const CheckpointEmail = "checkpoint@example.com"

// Checkpoint writes one row that nobody else writes; when its document is there,
// so is everything that was written before. It tries until it is written.
func (w *Writer) Checkpoint(ctx context.Context, name string) error {
	for {
		err := w.exec(ctx, w.db, `INSERT INTO customers (id, name, email) VALUES (1, ?, ?) ON DUPLICATE KEY UPDATE name = VALUES(name)`, name, CheckpointEmail)
		if err == nil {
			return nil
		}
		if err := w.judge(ctx, err); err != nil {
			return fmt.Errorf("the checkpoint's row: %w", err)
		}
	}
}
