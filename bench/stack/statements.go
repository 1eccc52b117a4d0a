package stack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Ids of rows are taken from [firstID, firstID+ids).
const (
	firstID = 1000
	ids     = 450
)

const columns = `(id, name, email, password, address_line_1, address_line_2, city, state, zipcode, phonenumber)`

// change sends what the dice say.
func (w *Writer) change(ctx context.Context) error {
	n := w.dice.IntN(100)
	switch {
	case len(w.ids) < ids/3 && n < 50:
		n = 0
	case len(w.ids) < 2:
		n = n % 22
	}
	switch {
	case n < 12:
		return w.exec(ctx, w.db, `INSERT INTO customers `+columns+` VALUES `+placeholders(1), w.row(w.newID())...)
	case n < 17:
		return w.insertMany(ctx, w.db)
	case n < 22:
		return w.exec(ctx, w.db, `INSERT INTO customers `+columns+` VALUES `+placeholders(1)+
			` ON DUPLICATE KEY UPDATE name = VALUES(name), email = VALUES(email), address_line_2 = NULL`, w.row(w.newID())...)
	case n < 40:
		return w.exec(ctx, w.db, `UPDATE customers SET name = ?, address_line_1 = ?, city = ?, state = ?, zipcode = ? WHERE id = ?`,
			w.text(), w.text(), w.text(), "OH", fmt.Sprint(10000+w.dice.IntN(90000)), w.id())
	case n < 52:
		id := w.id()
		return w.exec(ctx, w.db, `UPDATE customers SET email = ? WHERE id = ?`, w.email(id), id)
	case n < 56:
		return w.swap(ctx)
	case n < 60: // several rows; and what changes nothing in some of them
		return w.exec(ctx, w.db, `UPDATE customers SET city = ?, address_line_2 = NULL WHERE id % 17 = ?`, w.text(), w.dice.IntN(17))
	case n < 63:
		return w.exec(ctx, w.db, `UPDATE customers SET name = NULL, password = NULL, zipcode = '' WHERE id = ?`, w.id())
	case n < 65:
		return w.exec(ctx, w.db, `UPDATE customers SET email = UPPER(email) WHERE id % 13 = ?`, w.dice.IntN(13))
	case n < 67:
		return w.exec(ctx, w.db, `UPDATE customers SET name = name WHERE id = ?`, w.id())
	case n < 71:
		return w.together(ctx, false, func(tx *sql.Tx) error { return w.several(ctx, tx) })
	case n < 76:
		return w.together(ctx, true, func(tx *sql.Tx) error { return w.several(ctx, tx) })
	case w.KeepRows && n >= 77, w.KeepColumns && n == 76:
		return w.exec(ctx, w.db, `UPDATE customers SET password = ? WHERE id = ?`, w.text(), w.id())
	case n < 77:
		return w.alter(ctx)
	case n < 85:
		return w.exec(ctx, w.db, `DELETE FROM customers WHERE id = ?`, w.id())
	case n < 87:
		return w.exec(ctx, w.db, `DELETE FROM customers WHERE id > 1 AND id % 41 = ?`, w.dice.IntN(41))
	case n < 93: // the primary key
		return w.exec(ctx, w.db, `UPDATE customers SET id = ? WHERE id = ?`, w.newID(), w.id())
	case n < 94: // and of several rows, in an order that lets no two meet
		id := w.id()
		return w.exec(ctx, w.db, `UPDATE customers SET id = id + 1 WHERE id BETWEEN ? AND ? ORDER BY id DESC`, id, id+3)
	}
	return w.exec(ctx, w.db, `REPLACE INTO customers `+columns+` VALUES `+placeholders(1), w.row(w.newOrOld())...)
}

func (w *Writer) insertMany(ctx context.Context, on executor) error {
	var args []any
	n := 2 + w.dice.IntN(4)
	for range n {
		args = append(args, w.row(w.newID())...)
	}
	return w.exec(ctx, on, `INSERT IGNORE INTO customers `+columns+` VALUES `+placeholders(n), args...)
}

// swap lets two neighbours change addresses, by way of a value in between.
func (w *Writer) swap(ctx context.Context) error {
	i := w.dice.IntN(len(w.ids) - 1)
	swap := func(on queryExecutor) error {
		var emails [2]*string
		for k := range emails {
			if err := on.QueryRowContext(ctx, `SELECT email FROM customers WHERE id = ?`, w.ids[i+k]).Scan(&emails[k]); errors.Is(err, sql.ErrNoRows) {
				return nil
			} else if err != nil {
				return err
			}
		}
		between := fmt.Sprintf("swap%d@example.com", w.ids[i]) // one for all would be a mailbox of 257 identities after ten minutes
		for k, email := range []*string{&between, emails[0], emails[1]} {
			if err := w.exec(ctx, on, `UPDATE customers SET email = ? WHERE id = ?`, email, w.ids[i+k%2]); err != nil {
				return err
			}
		}
		return nil
	}
	if w.dice.IntN(2) == 0 {
		return swap(w.db)
	}
	return w.together(ctx, true, func(tx *sql.Tx) error { return swap(tx) })
}

// several changes, among them one row twice.
func (w *Writer) several(ctx context.Context, tx *sql.Tx) error {
	id := w.id()
	if err := w.exec(ctx, tx, `UPDATE customers SET email = ? WHERE id = ?`, w.email(id), id); err != nil {
		return err
	}
	if err := w.insertMany(ctx, tx); err != nil {
		return err
	}
	if !w.KeepRows {
		if err := w.exec(ctx, tx, `DELETE FROM customers WHERE id = ?`, w.id()); err != nil {
			return err
		}
	}
	return w.exec(ctx, tx, `UPDATE customers SET email = ?, city = ? WHERE id = ?`, w.email(id), w.text(), id)
}

// added is how many columns the table can have beside its own: a row has a limit.
const added = 8

// alter adds a column, or drops one, by copying the table: MariaDB would keep the place of what is dropped in each row.
func (w *Writer) alter(ctx context.Context) error {
	column := w.dice.IntN(added)
	if w.dice.IntN(3) == 0 {
		return w.exec(ctx, w.db, fmt.Sprintf(`ALTER TABLE customers DROP COLUMN IF EXISTS extra%d, ALGORITHM=COPY`, column))
	}
	return w.exec(ctx, w.db, fmt.Sprintf(`ALTER TABLE customers ADD COLUMN IF NOT EXISTS extra%d VARCHAR(40) NOT NULL DEFAULT 'ü😀'`, column))
}

func placeholders(rows int) string {
	return strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?,?,?,?,?),", rows), ",")
}

func (w *Writer) newID() int64 { return firstID + w.dice.Int64N(ids) }

func (w *Writer) id() int64 { return w.ids[w.dice.IntN(len(w.ids))] }

func (w *Writer) newOrOld() int64 {
	if w.dice.IntN(2) == 0 {
		return w.id()
	}
	return w.newID()
}

// row is the values of a whole row, in the order of columns.
func (w *Writer) row(id int64) []any {
	var second, phone any
	if w.dice.IntN(2) == 0 {
		second = w.text()
	}
	if w.dice.IntN(4) > 0 {
		phone = fmt.Sprintf("811.128.%04d", w.dice.IntN(5000))
	}
	return []any{id, w.text(), w.email(id), w.text(), w.text(), second, w.text(), "NH", fmt.Sprintf("%05d", w.dice.IntN(100000)), phone}
}

func (w *Writer) text() string { return word(w.dice) }

// email is an address for a row; a few are none that can be used.
func (w *Writer) email(id int64) any {
	switch w.dice.IntN(40) {
	case 0:
		return nil
	case 1:
		return ""
	case 2:
		return "nobody at all"
	case 3:
		return strings.Repeat("é", 130) + "@example.com"
	}
	return spelled(w.dice, int(id))
}
