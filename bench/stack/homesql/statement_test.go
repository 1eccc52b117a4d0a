package homesql

import (
	"fmt"
	"testing"

	"customer360/internal/local/simulate"
)

func TestStatementsOfAStep(t *testing.T) {
	row := simulate.Row{ID: 7, Name: "A", Email: "a@x", Password: "p", Address1: "1", City: "C", State: "OH", Zipcode: "1", Phone: "2"}
	moved, changed, id := row, row, int64(9)
	moved.ID = id
	changed.Address2, changed.City = "Suite 1", "D"
	const into = "INSERT INTO inventory.customers (" + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?)"
	for _, c := range []struct {
		name    string
		changes []simulate.Change
		want    string
	}{
		{"insert", []simulate.Change{{Op: 'c', After: &row}}, "[{" + into + " [7 A a@x p 1 { false} C OH 1 2]}]"},
		{"delete", []simulate.Change{{Op: 'd', Before: &row}}, "[{DELETE FROM inventory.customers WHERE id = ? [7]}]"},
		{"update", []simulate.Change{{Op: 'u', Before: &row, After: &changed}},
			"[{UPDATE inventory.customers SET address_line_2 = ?, city = ? WHERE id = ? [{Suite 1 true} D 7]}]"},
		{"nothing", []simulate.Change{{Op: 'u', Before: &row, After: &row}}, "[{UPDATE inventory.customers SET id = id WHERE id = ? [7]}]"},
		{"key", []simulate.Change{{Op: 'd', Before: &row, MovedTo: &id}, {Op: 'c', After: &moved}},
			"[{UPDATE inventory.customers SET id = ? WHERE id = ? [9 7]}]"},
		{"two", []simulate.Change{{Op: 'u', Before: &row, After: &changed}, {Op: 'u', Before: &changed, After: &row}},
			"[{UPDATE inventory.customers SET address_line_2 = ?, city = ? WHERE id = ? [{Suite 1 true} D 7]} {UPDATE inventory.customers SET address_line_2 = ?, city = ? WHERE id = ? [{ false} C 7]}]"},
	} {
		if got := fmt.Sprint(statements(c.changes)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}
