package debezium

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"customer360/codec"
)

// Layouts of the table: where a customer's name stands.
const (
	LayoutName      = "name"       // one column, name
	LayoutFirstLast = "first_last" // first_name and last_name, joined by a space
	LayoutAuto      = "auto"       // name where the row has it and it is not empty, else first_name and last_name
)

// Mapping says which column holds which field. Columns of the table that no
// field is mapped to are ignored. A column is found by its exact name, else by
// its name in another case.
type Mapping struct {
	Layout string
	// Columns names the column of a field where it differs from the tutorial's
	// table, which is the default: id, email, pass (password), name,
	// first_name, last_name, address1 (address_line_1), address2
	// (address_line_2), city, state, zipcode, phone (phonenumber). An empty
	// column leaves the field out.
	Columns map[string]string
}

// Config configures the decoder.
type Config struct {
	// Table is the one table whose rows count, as database.table or, where
	// records name a schema, schema.table; "" takes every table that the topic has.
	Table string
	// Epoch is raised by hand when binlog positions started again in a way that
	// server ids do not tell. It outranks server ids and positions.
	Epoch   int64
	Pass    codec.PassMode // what becomes of passwords
	Mapping Mapping
	// Registry reads keys and values that a schema registry's converter wrote;
	// nil: they are dead letters.
	Registry Registry
}

// DefaultConfig is the tutorial's table, in either layout.
func DefaultConfig() Config {
	return Config{Table: "inventory.customers", Pass: codec.PassKeep, Mapping: Mapping{Layout: LayoutAuto}}
}

// Validate reports a setting that makes no decoder.
func (c Config) Validate() error {
	if db, table, ok := strings.Cut(c.Table, "."); c.Table != "" && (!ok || db == "" || table == "") {
		return fmt.Errorf("table %q: write it as database.table", c.Table)
	}
	if c.Epoch < 0 {
		return fmt.Errorf("epoch %d: epochs count from 0", c.Epoch)
	}
	if err := c.Pass.Validate(); err != nil {
		return err
	}
	return c.Mapping.validate()
}

func (m Mapping) validate() error {
	if m.Layout != LayoutName && m.Layout != LayoutFirstLast && m.Layout != LayoutAuto {
		return fmt.Errorf("layout %q: use %s, %s or %s", m.Layout, LayoutName, LayoutFirstLast, LayoutAuto)
	}
	for field := range m.Columns {
		if !slices.ContainsFunc(columns[:], func(c column) bool { return c.field == field }) {
			return fmt.Errorf("columns: there is no field %q: use one of %s", field, fieldNames())
		}
	}
	if m.column(slotEmail) == "" {
		return errors.New("columns: email has no column, and without an email there is no customer")
	}
	return nil
}
