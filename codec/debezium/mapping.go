package debezium

import (
	"fmt"
	"strings"
)

// slot numbers what a row can hold for us.
type slot uint8

const (
	slotID slot = iota
	slotEmail
	slotPass
	slotName
	slotFirstName
	slotLastName
	slotAddress1
	slotAddress2
	slotCity
	slotState
	slotZipcode
	slotPhone
	slots
)

// column is a field's name in configuration, and its column in the tutorial.
type column struct{ field, name string }

var columns = [slots]column{
	slotID: {"id", "id"}, slotEmail: {"email", "email"}, slotPass: {"pass", "password"},
	slotName: {"name", "name"}, slotFirstName: {"first_name", "first_name"}, slotLastName: {"last_name", "last_name"},
	slotAddress1: {"address1", "address_line_1"}, slotAddress2: {"address2", "address_line_2"}, slotCity: {"city", "city"},
	slotState: {"state", "state"}, slotZipcode: {"zipcode", "zipcode"}, slotPhone: {"phone", "phonenumber"},
}

func fieldNames() string {
	names := make([]string, slots)
	for s, c := range columns {
		names[s] = c.field
	}
	return strings.Join(names, ", ")
}

// column returns the column of a slot, "" where it has none.
func (m Mapping) column(s slot) string {
	switch {
	case s == slotName && m.Layout == LayoutFirstLast, (s == slotFirstName || s == slotLastName) && m.Layout == LayoutName:
		return ""
	}
	if name, ok := m.Columns[columns[s].field]; ok {
		return name
	}
	return columns[s].name
}

// String is the whole mapping, canonical, for the fingerprint.
func (m Mapping) String() string {
	var b strings.Builder
	b.WriteString(m.Layout)
	for s := range slots {
		fmt.Fprintf(&b, " %s=%q", columns[s].field, m.column(s))
	}
	return b.String()
}
