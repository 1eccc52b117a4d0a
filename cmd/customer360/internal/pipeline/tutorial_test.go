package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// matthew is the tutorial's customer in the three systems.
type matthew struct {
	Row struct {
		ID                                                                     int64
		Name, Email, Password, Address1, Address2, City, State, Zipcode, Phone string
	}
	Member struct {
		ID, Points                           int
		Password, FirstName, LastName, Email string
	}
	Customer struct {
		ID                    int
		Name, Email, Password string
	}
	Orders []struct {
		ID, CustomerID int
		PurchaseDate   string
		Items          []struct{ ProductID, Quantity, Cents int }
	}
}

// value is the row's insert, as Debezium 0.9 of the tutorial writes it, with schemas.
func (m matthew) value() []byte {
	r := m.Row
	after, _ := json.Marshal(map[string]any{"id": r.ID, "name": r.Name, "email": r.Email, "password": r.Password,
		"address_line_1": r.Address1, "address_line_2": r.Address2, "city": r.City, "state": r.State,
		"zipcode": r.Zipcode, "phonenumber": r.Phone})
	return fmt.Appendf(nil, `{"schema":{"name":"dbserver1.inventory.customers.Envelope","optional":false,"type":"struct"},`+
		`"payload":{"op":"c","before":null,"after":%s,"source":{"ts_sec":1556559563,"query":null,"thread":28,"server_id":223344,`+
		`"version":"0.9.3.Final","file":"mysql-bin.000003","connector":"mysql","pos":11971,"name":"dbserver1","gtid":null,"row":0,`+
		`"snapshot":false,"db":"inventory","table":"customers"},"ts_ms":1556559563137}}`, after)
}

// orders is the store's answer, laid out as the tutorial shows it.
func (m matthew) orders() string {
	var orders []string
	for _, o := range m.Orders {
		var items []string
		for _, i := range o.Items {
			items = append(items, fmt.Sprintf("      { \"OrderId\": %d, \"ProductId\": %d, \"Quantity\": %d, \"Price\": %d.%02d }",
				o.ID, i.ProductID, i.Quantity, i.Cents/100, i.Cents%100))
		}
		orders = append(orders, fmt.Sprintf("  {\n    \"OrderId\": %d,\n    \"PurchaseDate\": %q,\n    \"CustomerId\": %d,\n    \"Items\": [\n%s\n    ]\n  }",
			o.ID, o.PurchaseDate, o.CustomerID, strings.Join(items, ",\n")))
	}
	return "[\n" + strings.Join(orders, ",\n") + "\n]\n"
}

func TestTutorial(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(filepath.Join("testdata", "matthew.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m matthew
	if err := json.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	c := start(t)
	c.store.set(func(customers, orders map[string]string) {
		s := m.Customer
		customers[s.Email] = fmt.Sprintf(`{"Id": %d, "Name": %q, "Email": %q, "Password": %q}`, s.ID, s.Name, s.Email, s.Password)
		orders[fmt.Sprint(s.ID)] = m.orders()
	})
	c.run("one")
	member := m.Member
	c.csv("loyalty04302019_020000.csv", time.Hour, "Id,Password,FirstName,LastName,Email,Points", fmt.Sprintf("%d,%s,%s,%s,%s,%d",
		member.ID, member.Password, member.FirstName, member.LastName, member.Email, member.Points))
	key := fmt.Appendf(nil, `{"id":%d}`, m.Row.ID)
	c.produce(&kgo.Record{Topic: topology.HomeDeliveryTopic, Key: key, Value: m.value(), Partition: c.place(key)})

	want := golden(t, "matthew", nil)
	c.expect(want)
	c.noLetters()
	staged := map[string]string{
		string(key): string(m.value()),
		"loyalty-member-27": fmt.Sprintf(`{"id":"27","password":%q,"firstName":"Matthew","lastName":"Groves","email":%q,"points":"47"}`,
			member.Password, member.Email),
	}
	if d := difference(staged, c.documents("staging")); d != "" {
		t.Error("staging: ", d)
	}
	if n := c.store.requests(m.Customer.Email); n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
}
