package homesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// progress is how far the table has come: one row of simulator.progress.
type progress struct {
	rows   int64 // of the load that are in
	loaded bool
	step   int64
}

// openProgress makes the table where it is not there. A database that holds
// another world is refused.
func openProgress(ctx context.Context, db *sql.DB, seed int64, customers int) (p progress, err error) {
	for _, text := range []string{
		"CREATE DATABASE IF NOT EXISTS simulator",
		`CREATE TABLE IF NOT EXISTS simulator.progress (
			id INTEGER NOT NULL PRIMARY KEY, seed BIGINT NOT NULL, customers BIGINT NOT NULL,
			loaded_rows BIGINT NOT NULL, loaded BOOLEAN NOT NULL, step BIGINT NOT NULL)`,
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return p, fmt.Errorf("%s: %w", firstWords(text), err)
		}
	}
	var s, c int64
	err = db.QueryRowContext(ctx, "SELECT seed, customers, loaded_rows, loaded, step FROM simulator.progress WHERE id = 1").
		Scan(&s, &c, &p.rows, &p.loaded, &p.step)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = db.ExecContext(ctx, "INSERT INTO simulator.progress VALUES (1, ?, ?, 0, FALSE, 0)", seed, customers)
		return progress{}, err
	}
	if err == nil && (s != seed || c != int64(customers)) {
		err = permanentError{fmt.Errorf("the database holds a world of seed %d with %d customers, not seed %d with %d: use those values, or a fresh database",
			s, c, seed, customers)}
	}
	return p, err
}

// lockProgress reads it for this transaction alone.
func lockProgress(ctx context.Context, tx *sql.Tx) (p progress, err error) {
	err = tx.QueryRowContext(ctx, "SELECT loaded_rows, loaded, step FROM simulator.progress WHERE id = 1 FOR UPDATE").
		Scan(&p.rows, &p.loaded, &p.step)
	if errors.Is(err, sql.ErrNoRows) {
		err = permanentError{errors.New("the simulator's progress is gone from the database: start the simulator again, with a fresh database")}
	}
	return p, err
}

func saveProgress(ctx context.Context, tx *sql.Tx, p progress) error {
	_, err := tx.ExecContext(ctx, "UPDATE simulator.progress SET loaded_rows = ?, loaded = ?, step = ? WHERE id = 1", p.rows, p.loaded, p.step)
	return err
}
