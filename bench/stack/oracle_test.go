package stack

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
)

// table is a database that answers every query with its rows.
type table [][]driver.Value

func (t table) Connect(context.Context) (driver.Conn, error) { return t, nil }
func (t table) Driver() driver.Driver                        { return nil }
func (t table) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not used") }
func (t table) Begin() (driver.Tx, error)                    { return nil, errors.New("not used") }
func (t table) Close() error                                 { return nil }
func (t table) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &answer{rows: t}, nil
}

type answer struct{ rows table }

func (a *answer) Columns() []string { return make([]string, 10) }
func (a *answer) Close() error      { return nil }
func (a *answer) Next(row []driver.Value) error {
	if len(a.rows) == 0 {
		return io.EOF
	}
	copy(row, a.rows[0])
	a.rows = a.rows[1:]
	return nil
}

// TestQuery: the contract of the data in a few rows, with documents written by hand.
func TestQuery(t *testing.T) {
	db := sql.OpenDB(table{
		{int64(7), "Z<oë>", " A@Example.com ", "p7", "1 Street", nil, "", "OH", "01234", nil},
		{int64(10), "Other", "a@example.com", "", nil, "Suite", nil, nil, nil, "555"},
		{int64(8), nil, nil, "p8", nil, nil, nil, nil, nil, nil},
		{int64(9), "Only a store's", "nobody", "p9", nil, nil, nil, nil, nil, nil},
	})
	defer db.Close() //nolint:errcheck // not a real one
	store := &Store{customers: map[int]*customer{
		1: {details: []byte(`{"id":2,"name":" Zoë ","email":"a@EXAMPLE.com","password":"s"}`), email: "a@example.com",
			orders: [][]byte{[]byte(`{ "OrderId": 5, "Price": 1.50 }`)}},
		2: {details: []byte(`{"Id":3,"Name":"L","Email":"l@x","Password":""}`), email: "l@x", orders: [][]byte{[]byte(`{"OrderId":5}`), []byte(`{"OrderId":6}`)}},
		3: {details: []byte(`{"Id":4,"Name":"N","Email":"n@x","Password":""}`), email: "n@x", orders: [][]byte{[]byte(`{"OrderId":7}`)}},
	}}
	truth, err := Query(t.Context(), db, []Member{
		{ID: "27", Password: "m", FirstName: "M", LastName: "N", Email: "A@example.COM", Points: "47"},
		{ID: "9", FirstName: "Lo", Email: "L@x "},
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"a@example.com": `{"type":"user","profile":{"name":"Zoë","address1":"1 Street","address2":"Suite","state":"OH","zipcode":"01234","phone":"555","email":"a@EXAMPLE.com","loyaltyPoints":"47"},` +
			`"xrefs":[{"external_system":"online_store","external_ID":2,"pass":"s"},{"external_system":"home_delivery","external_ID":7,"pass":"p7"},` +
			`{"external_system":"home_delivery","external_ID":10},{"external_system":"loyalty","external_ID":"27","pass":"m"}]}`,
		"l@x":      `{"type":"user","profile":{"name":"L","email":"l@x"},"xrefs":[{"external_system":"online_store","external_ID":3},{"external_system":"loyalty","external_ID":"9"}]}`,
		"order::5": `{"OrderId":5,"Price":1.50}`,
		"order::6": `{"OrderId":6}`,
	}
	got := map[string]string{}
	for key, body := range truth.Documents {
		got[key] = string(body)
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	staged := slices.Sorted(maps.Keys(truth.Staged))
	if !slices.Equal(staged, []string{"loyalty-member-27", "loyalty-member-9", `{"id":10}`, `{"id":7}`, `{"id":8}`, `{"id":9}`}) || truth.Rows != 4 || truth.Members != 2 {
		t.Errorf("%q, %d rows, %d members", staged, truth.Rows, truth.Members)
	}
}

// TestNight: files are whole, newer each time, and hold what Members says.
func TestNight(t *testing.T) {
	l := NewLoyalty(t.TempDir(), 7)
	seen := map[string]bool{}
	for range 20 {
		if err := l.Night(); err != nil {
			t.Fatal(err)
		}
		now := map[string]bool{}
		for _, m := range l.Members() {
			now[m.ID] = true
			seen[m.ID] = true
		}
		if len(now) < 50 {
			t.Fatalf("only %d members", len(now))
		}
	}
	if len(seen) == len(l.Members()) {
		t.Error("nobody has left")
	}
}
