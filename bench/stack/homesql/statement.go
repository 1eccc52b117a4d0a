package homesql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"customer360/internal/local/simulate"
)

const columns = "id, name, email, password, address_line_1, address_line_2, city, state, zipcode, phonenumber"

// values are a row's, in the order of columns.
func values(r *simulate.Row) []any {
	return []any{r.ID, r.Name, r.Email, r.Password, r.Address1, sql.NullString{String: r.Address2, Valid: r.Address2 != ""},
		r.City, r.State, r.Zipcode, r.Phone}
}

// statement is one of SQL with its arguments.
type statement struct {
	text string
	args []any
}

// insert is one statement for all rows.
func insert(rows []simulate.Row) statement {
	s := statement{text: "INSERT INTO inventory.customers (" + columns + ") VALUES "}
	for i := range rows {
		if i > 0 {
			s.text += ","
		}
		s.text += "(?,?,?,?,?,?,?,?,?,?)"
		s.args = append(s.args, values(&rows[i])...)
	}
	return s
}

// statements are what makes a step's changes: one for each, but one for a changed
// key.
func statements(changes []simulate.Change) []statement {
	var all []statement
	for i := 0; i < len(changes); i++ {
		switch c := changes[i]; {
		case c.MovedTo != nil:
			all = append(all, statement{"UPDATE inventory.customers SET id = ? WHERE id = ?", []any{*c.MovedTo, c.Before.ID}})
			i++ // its create
		case c.Op == 'c':
			all = append(all, insert([]simulate.Row{*c.After}))
		case c.Op == 'd':
			all = append(all, statement{"DELETE FROM inventory.customers WHERE id = ?", []any{c.Before.ID}})
		default:
			all = append(all, update(c))
		}
	}
	return all
}

// update sets the columns that change.
func update(c simulate.Change) statement {
	names, before, after := strings.Split(columns, ", "), values(c.Before), values(c.After)
	var set []string
	var args []any
	for i := range names {
		if before[i] != after[i] {
			set, args = append(set, names[i]+" = ?"), append(args, after[i])
		}
	}
	if len(set) == 0 { // moved into the same house
		set, args = []string{"id = id"}, nil
	}
	return statement{"UPDATE inventory.customers SET " + strings.Join(set, ", ") + " WHERE id = ?", append(args, c.After.ID)}
}

// errTaken: somebody else has inserted a row under that id.
var errTaken = errors.New("a row with this id is there already")

func (s statement) exec(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, s.text, s.args...)
	const duplicate = 1062
	if refused := (*mysql.MySQLError)(nil); errors.As(err, &refused) && refused.Number == duplicate {
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("%s: %w", firstWords(s.text), err)
	}
	return nil
}

// firstWords are the verb and its table: the rest may be long.
func firstWords(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(3, len(words))], " ")
}
