package homesql

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/simulate"
)

// database starts a private MariaDB by the stack's own script.
func database(t *testing.T) Config {
	t.Helper()
	if os.Getenv("STACK") == "" {
		t.Skip("needs MariaDB: set STACK=1 (deploy/stack/install.sh installs it)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir := t.TempDir()
	script := func(arg string) {
		c := exec.Command("../../../deploy/stack/mariadb.sh", arg)
		c.Env = append(os.Environ(), "MARIADB_DIR="+dir, "MARIADB_PORT="+port, "APP_PASSWORD=it's \\ fine")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	script("start")
	t.Cleanup(func() { script("stop") })
	return Config{Address: "127.0.0.1:" + port, Username: "mysqluser", Password: "it's \\ fine", Seed: 3, Customers: 1000}
}

// run lets a writer run for a while: until the table has come to a step.
func run(t *testing.T, c Config, until int64) *Writer {
	t.Helper()
	w, err := New(c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for ctx.Err() == nil {
		var step int64
		var loaded bool
		err := db.QueryRow("SELECT step, loaded FROM simulator.progress").Scan(&step, &loaded)
		if err == nil && loaded && step >= until {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Fatal("it does not come to that step")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return w
}

func rows(t *testing.T, c Config) []simulate.Row {
	t.Helper()
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.Query("SELECT id, name, email, password, address_line_1, COALESCE(address_line_2, ''), city, state, zipcode, phonenumber" +
		" FROM inventory.customers WHERE id < 1000000 ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var all []simulate.Row
	for found.Next() {
		var r simulate.Row
		if err := found.Scan(&r.ID, &r.Name, &r.Email, &r.Password, &r.Address1, &r.Address2, &r.City, &r.State, &r.Zipcode, &r.Phone); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// The database's table is the simulated one at every stop, rows of somebody else
// aside.
func TestTheTableIsTheSimulatedOne(t *testing.T) {
	c := database(t)
	c.Every = time.Millisecond
	for _, until := range []int64{0, 40, 300} {
		run(t, c, until)
		db, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		var step int64
		if err := db.QueryRow("SELECT step FROM simulator.progress").Scan(&step); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO inventory.customers (name, email, password, address_line_1, city, state, zipcode, phonenumber)" +
			" VALUES ('x', 'x@x', '', '', '', '', '', '')"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		table, err := simulate.NewTable(c.Seed, c.Customers)
		if err != nil {
			t.Fatal(err)
		}
		table.Skip(step)
		if got, want := rows(t, c), slices.Collect(table.Rows()); !slices.Equal(got, want) {
			t.Fatalf("at step %d the table has %d rows, the simulated one %d, or they differ", step, len(got), len(want))
		}
	}
	other := c
	other.Seed = 4
	w, err := New(other, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || !strings.Contains(fmt.Sprint(err), "seed 3 with 1000 customers") {
		t.Errorf("another world: %v", err)
	}
}
