package onlinestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"customer360/codec"
)

func TestOrderIDs(t *testing.T) {
	longest := strings.Repeat("9", maxOrderID)
	for _, id := range []string{"0", "-7", "9007199254740993", "18446744073709551616", longest, "-" + longest[1:]} {
		c, err := newDecoder(t, codec.PassKeep).Decode(answered("a@x", ann, `[ { "OrderId" : `+id+` , "X":"a\" b" } ]`))
		if err != nil || len(c.Assertions) != 2 {
			t.Errorf("%s: %+v, %v", id, c, err)
			continue
		}
		key, body := c.Assertions[1].Key, string(c.Assertions[1].Fields.Get(codec.FieldBody))
		if key != "order::"+id || len(key) > codec.MaxKeyBytes || !codec.IsOrderKey(key) || body != `{"OrderId":`+id+`,"X":"a\" b"}` {
			t.Errorf("%s: key %s, body %s", id, key, body)
		}
	}
}

func index(t testing.TB, orders string) string {
	t.Helper()
	c, err := newDecoder(t, codec.PassKeep).Decode(answered("a@x", ann, orders))
	if err != nil {
		t.Fatal(err)
	}
	return string(c.Assertions[0].Fields.Get(codec.FieldOrders))
}

func TestIndexOrder(t *testing.T) {
	got := index(t, `[
		{"OrderId":1,"PurchaseDate":"2019-04-25T15:15:5800838522"},
		{"OrderId":2,"PurchaseDate":"2019-04-25T15:15:58.0083853"},
		{"OrderId":3,"PurchaseDate":"2019-04-25 15:15"},
		{"OrderId":4,"PurchaseDate":"2019-04-25T18:15:00+02:00"},
		{"OrderId":5,"PurchaseDate":"yesterday"},
		{"OrderId":10,"PurchaseDate":null},
		{"OrderId":9},
		{"OrderId":-11,"PurchaseDate":17},
		{"OrderId":-12,"PurchaseDate":""},
		{"OrderId":6,"PurchaseDate":"2020\u002d01-01"},
		{"OrderId":7,"PurchaseDate":"2020-01-01T00:00:00Z"}]`)
	want := `{"count":11,"orders":[{"id":7,"date":"2020-01-01T00:00:00Z"},{"id":6,"date":"2020-01-01"},` +
		`{"id":4,"date":"2019-04-25T18:15:00+02:00"},{"id":2,"date":"2019-04-25T15:15:58.0083853"},` +
		`{"id":1,"date":"2019-04-25T15:15:5800838522"},{"id":3,"date":"2019-04-25 15:15"},` +
		`{"id":10},{"id":9},{"id":5,"date":"yesterday"},{"id":-11},{"id":-12,"date":""}]}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestIndexOfMany(t *testing.T) {
	var orders []string
	for i := range 250 {
		orders = append(orders, fmt.Sprintf(`{"OrderId":%d,"PurchaseDate":"2019-01-01T00:%02d:%02d"}`, i, i/60, i%60))
	}
	forward := index(t, "["+strings.Join(orders, ",")+"]")
	slices.Reverse(orders)
	if backward := index(t, "["+strings.Join(orders, ",")+"]"); backward != forward {
		t.Error("the index depends on the order in the answer")
	}
	var read struct {
		Count  int
		Orders []struct{ ID int }
	}
	if err := json.Unmarshal([]byte(forward), &read); err != nil || read.Count != 250 || len(read.Orders) != 100 ||
		read.Orders[0].ID != 249 || read.Orders[99].ID != 150 {
		t.Errorf("%v: %s", err, forward)
	}
}

func TestTotals(t *testing.T) {
	for items, want := range map[string]string{
		`[]`: "0", `[{"Price":1,"Quantity":0}]`: "0", `[{"Price":0.1,"Quantity":3}]`: "0.3", `[{"Price":0.1,"Quantity":1},{"Price":0.2,"Quantity":1}]`: "0.3",
		`[{"price":87.81,"quantity":2},{"Price":1.190,"Quantity":1}]`: "176.81", `[{"Price":100.00,"Quantity":2}]`: "200",
		`[{"Price":-0.05,"Quantity":1}]`: "-0.05", `[{"Price":0.05,"Quantity":-1},{"Price":5e-2,"Quantity":1}]`: "0", `[{"Price":1.5E+2,"Quantity":0.5}]`: "75",
		`[{"Price":9007199254740993.01,"Quantity":1000000000000}]`: "9007199254740993010000000000", `[{"Price":-0,"Quantity":1}]`: "0",
		`[{"Price":1e64,"Quantity":1}]`: "1" + strings.Repeat("0", 64), `[{"Price":1,"Quantity":2,"Price2":"x"}]`: "2",
		`null`: "", `{}`: "", `"x"`: "", `[1]`: "", `[{}]`: "", `[{"Price":1}]`: "", `[{"Quantity":1}]`: "", `[{"Price":"1","Quantity":1}]`: "",
		`[{"Price":null,"Quantity":1}]`: "", `[{"Price":1e65,"Quantity":1}]`: "", `[{"Price":1e999999999999999999999,"Quantity":1}]`: "",
		`[{"Price":1,"Quantity":1},{"Price":[],"Quantity":1}]`: "", `[{"Price":1,"price":1,"Quantity":1}]`: "",
		`[{"Price":1` + strings.Repeat("0", 200) + `,"Quantity":1}]`: "",
	} {
		want := map[bool]string{true: `,"total":` + want}[want != ""]
		if got := index(t, `[{"OrderId":1,"Items":`+items+`}]`); got != `{"count":1,"orders":[{"id":1`+want+`}]}` {
			t.Errorf("%.60s: %s, want %s", items, got, want)
		}
	}
}

// TestTotalsAgainstRationals holds the decimals to big.Rat.
func TestTotalsAgainstRationals(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-5]?[0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		want := new(big.Rat)
		var items []string
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			price, quantity := number.Draw(t, "price"), number.Draw(t, "quantity")
			p, _ := new(big.Rat).SetString(price)
			q, _ := new(big.Rat).SetString(quantity)
			want.Add(want, p.Mul(p, q))
			items = append(items, fmt.Sprintf(`{"Price":%s,"Quantity":%s}`, price, quantity))
		}
		got := total(jsontext.Value("[" + strings.Join(items, ",") + "]"))
		value, ok := new(big.Rat).SetString(got)
		if !ok || value.Cmp(want) != 0 || !json.Valid([]byte(got)) || strings.Contains(got, ".") && strings.HasSuffix(got, "0") || got == "-0" {
			t.Fatalf("%s of %v, want %s", got, items, want.RatString())
		}
	})
}

func TestDates(t *testing.T) {
	// In ascending order; those of one line are equal.
	lines := [][]string{
		{"", "2019", "2019-13-01", "2019-04-32", "2019-04-25X", "2019-04-25T", "2019-04-25T1", "2019-04-25T15:60", "2019-04-25T25:00", "2019-04-25T15:15:5", "2019-04-25T15:15:61", "2019-04-25T15:15 nonsense", "2019-04-25T15:15+1", "2019-04-25T15:15+25:00", "25.04.2019", "2019/04/25", "éééé-04-25"},
		{"1950-01-01"},
		{"2019-04-25", "2019-04-25T00:00", "2019-04-25T00:00:00Z", " 2019-04-25t00:00:00.000 ", "2019-04-24T24:00"},
		{"2019-04-25T15:15", "2019-04-25T17:15+02:00", "2019-04-25T17:15:00 +0200", "2019-04-25T13:15-02"},
		{"2019-04-25T15:15:5800838522", "2019-04-25T15:15:58.00838522", "2019-04-25T15:15:58,008385220", "2019-04-25T15:15:58.0083852209"},
		{"2019-04-25T15:15:5801361975"},
		{"9999-12-31T23:59:59.999999999"},
	}
	for i, line := range lines {
		for _, s := range line {
			if d := parseDate(s); d.known != (i > 0) {
				t.Errorf("%q: %+v", s, d)
			}
			for k, other := range lines {
				for _, o := range other {
					if got := parseDate(s).compare(parseDate(o)); got != min(max(i-k, -1), 1) {
						t.Errorf("%q against %q: %d", s, o, got)
					}
				}
			}
		}
	}
}

func TestCompareIntegers(t *testing.T) {
	ascending := []string{"-100", "-99", "-9", "-1", "0", "1", "2", "10", "99", "100", "18446744073709551616"}
	for i, a := range ascending {
		for k, b := range ascending {
			if got := compareIntegers([]byte(a), []byte(b)); got != min(max(i-k, -1), 1) {
				t.Errorf("%s against %s: %d", a, b, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	customer, orders := sample(f, "customer.json"), sample(f, "orders.json")
	f.Add([]byte("matthew.groves@couchbase.com"), Answer{Status: 200, Customer: customer, Orders: orders}.Append(nil))
	f.Add([]byte("a@x"), answered("a@x", ann, `[{"OrderId":1 ,"x":"\\\" \u0041"},{"orderId":-2,"items":[{"price":1e2,"quantity":.5}]}]`).Value)
	f.Add([]byte("a@x"), answered("a@x", ann, "[ { \"OrderId\":1,\t\"PurchaseDate\":\"2019-04-25T15:15:5800838522\",\"Items\":[ ] } ]").Value)
	f.Add([]byte("a@x"), []byte(`{"status":404}`))
	d := newDecoder(f, codec.PassKeep)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c, err := d.Decode(&codec.Raw{Key: key, Value: value})
		if err != nil || len(c.Assertions) == 0 {
			return
		}
		seen := map[string]bool{}
		for i, a := range c.Assertions {
			if seen[a.Key] || len(a.Key) > codec.MaxKeyBytes || codec.IsOrderKey(a.Key) != (i > 0) {
				t.Fatalf("key %q", a.Key)
			}
			seen[a.Key] = true
			body := a.Fields.Get(codec.FieldBody)
			if i == 0 {
				body = a.Fields.Get(codec.FieldOrders)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, body); err != nil || !bytes.Equal(compact.Bytes(), body) {
				t.Fatalf("%q is not compact JSON: %v", body, err)
			}
		}
		again, _ := ParseAnswer(value)
		var elements []json.RawMessage
		if json.Unmarshal(again.Orders, &elements) != nil || len(elements) != len(c.Assertions)-1 {
			t.Fatalf("%d orders", len(elements))
		}
		for i, element := range elements {
			var compact bytes.Buffer
			if body := c.Assertions[1+i].Fields.Get(codec.FieldBody); json.Compact(&compact, element) != nil || !bytes.Equal(compact.Bytes(), body) {
				t.Fatalf("%q, want %q", body, compact.Bytes())
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(b, codec.PassKeep)
	raw := answered("matthew.groves@couchbase.com", string(sample(b, "customer.json")), string(sample(b, "orders.json")))
	b.SetBytes(int64(len(raw.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if c, err := d.Decode(raw); err != nil || len(c.Assertions) != 3 {
			b.Fatal(err)
		}
	}
}
