package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func newWorld(t testing.TB, change func(*Config)) *World {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dir, cfg.CSVDir, cfg.Customers = t.TempDir(), t.TempDir(), 300
	if change != nil {
		change(&cfg)
	}
	w, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func get(w *World, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, StorePath+path, nil)
	for k := 0; k < len(headers); k += 2 {
		r.Header.Set(headers[k], headers[k+1])
	}
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, r)
	return answer
}

func TestTheStoreAnswersAsTheTutorialSays(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Customers = 0 })
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"/getCustomerDetailsByEmail?customerEmail=matthew.groves%40couchbase.com", 200,
			`{"Id":1,"Name":"Matthew Groves","Email":"matthew.groves@couchbase.com","Password":"edzchzmatv5"}`},
		{"/getCustomerDetailsByEmail?customerEmail=%20Matthew.GROVES%40couchbase.com", 200,
			`{"Id":1,"Name":"Matthew Groves","Email":"matthew.groves@couchbase.com","Password":"edzchzmatv5"}`},
		{"/getOrdersByCustomerId?customerId=1", 200, `[{"OrderId":1,"PurchaseDate":"2019-04-25T15:15:5800838522","CustomerId":1,"Items":[` +
			`{"OrderId":1,"ProductId":200,"Quantity":2,"Price":87.81},{"OrderId":1,"ProductId":400,"Quantity":4,"Price":129.86},` +
			`{"OrderId":1,"ProductId":410,"Quantity":1,"Price":78.64},{"OrderId":1,"ProductId":300,"Quantity":2,"Price":25.03},` +
			`{"OrderId":1,"ProductId":110,"Quantity":2,"Price":191.92}]},` +
			`{"OrderId":2,"PurchaseDate":"2019-04-13T16:15:5801361975","CustomerId":1,"Items":[{"OrderId":2,"ProductId":100,"Quantity":2,"Price":219.74}]}]`},
		{"/getProductDetailsByProductId?productId=410", 200, `{"ProductId":410,"Name":"Earrings","Category":"Jewelry","Description":"A pair of earrings"}`},
		{"/getOrdersByCustomerId?customerId=99", 200, `[]`},
		{"/getCustomerDetailsByEmail", 400, "customerEmail is required."},
		{"/getOrdersByCustomerId", 400, "customerId is required, a number."},
		{"/getProductDetailsByProductId?productId=x", 400, "productId is required, a number."},
		{"/getCustomerDetailsByEmail?customerEmail=nobody%40x.y", 404, "Customer not found."},
		{"/getProductDetailsByProductId?productId=999", 500, "Sequence contains no elements."},
		{"/getNothing", 404, "Not found."},
	} {
		answer := get(w, c.path)
		if answer.Code != c.status || answer.Body.String() != c.body {
			t.Errorf("%s: %d %s\nwant %d %s", c.path, answer.Code, answer.Body, c.status, c.body)
		}
	}
	if got := w.Status().Requests; got != 11 {
		t.Errorf("%d requests counted, 11 made", got)
	}
}

func TestEveryCustomerIsFoundByAnySpelling(t *testing.T) {
	w := newWorld(t, nil)
	found := 0
	for i := range w.home.p.n {
		email := w.home.p.identity(i).email
		answer := get(w, "/getCustomerDetailsByEmail?customerEmail="+url.QueryEscape(email))
		want := http.StatusNotFound
		if inStore(i) {
			want = http.StatusOK
			found++
		}
		if answer.Code != want {
			t.Errorf("%s: %d, want %d", email, answer.Code, want)
		}
		// The same number with another name is somebody else.
		if other := get(w, "/getCustomerDetailsByEmail?customerEmail=x"+url.QueryEscape(email)); other.Code != http.StatusNotFound {
			t.Errorf("x%s: %d, want 404", email, other.Code)
		}
	}
	if found != 150 {
		t.Errorf("%d of 300 are in the store", found)
	}
}

func TestAnUnchangedAnswerIs304(t *testing.T) {
	w := newWorld(t, nil)
	first := get(w, "/getOrdersByCustomerId?customerId=2")
	tag := first.Header().Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	for _, known := range []string{tag, `"other", W/` + tag, "*"} {
		if again := get(w, "/getOrdersByCustomerId?customerId=2", "If-None-Match", known); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes", known, again.Code, again.Body.Len())
		}
	}
	w.shop.orders[2] = w.shop.ordersOf(2)[:0]
	if changed := get(w, "/getOrdersByCustomerId?customerId=2", "If-None-Match", tag); changed.Code != http.StatusOK {
		t.Errorf("a changed answer: %d", changed.Code)
	}
}

func TestFaultsMeetTheirShare(t *testing.T) {
	w := newWorld(t, nil)
	w.SetFault(Fault{Path: "getOrders", Share: 0.25, Status: 503, Body: "<html>", RetryAfter: 1500 * time.Millisecond})
	failed := 0
	for range 100 {
		if answer := get(w, "/getOrdersByCustomerId?customerId=1"); answer.Code == 503 {
			failed++
			if answer.Header().Get("Retry-After") != "2" || answer.Body.String() != "<html>" {
				t.Fatalf("answer %v %s", answer.Header(), answer.Body)
			}
		}
		if answer := get(w, "/getProductDetailsByProductId?productId=100"); answer.Code != 200 {
			t.Fatalf("a path the fault is not for: %d", answer.Code)
		}
	}
	if failed != 25 {
		t.Errorf("%d of 100 failed, want 25", failed)
	}
	w.SetFault(Fault{Share: 1, Delay: 30 * time.Millisecond})
	begin := time.Now()
	if answer := get(w, "/getOrdersByCustomerId?customerId=1"); answer.Code != 200 || time.Since(begin) < 30*time.Millisecond {
		t.Errorf("delayed: %d after %v", answer.Code, time.Since(begin))
	}
	w.SetFault(Fault{})
	if answer := get(w, "/getOrdersByCustomerId?customerId=1"); answer.Code != 200 {
		t.Errorf("after the fault: %d", answer.Code)
	}
}

func TestTheStoreAnswersWhatIsExpected(t *testing.T) {
	w := newWorld(t, nil)
	for step := range int64(4000) {
		w.happen(step + 1)
	}
	customers := int64(0)
	owner := map[int64]int64{}
	for c, orders := range w.ExpectStore() {
		customers++
		answer := get(w, "/getCustomerDetailsByEmail?customerEmail="+url.QueryEscape(normalise(c.Email)))
		var told struct{ Id int64 } //nolint:revive // the API's spelling
		if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil || told.Id != c.ID {
			t.Fatalf("customer %d: %d %v", c.ID, answer.Code, err)
		}
		body := get(w, fmt.Sprint("/getOrdersByCustomerId?customerId=", c.ID)).Body.String()
		var want []string
		for _, o := range orders {
			want = append(want, string(o.JSON()))
			if other, ok := owner[o.ID]; ok || o.CustomerID != c.ID {
				t.Fatalf("order %d is customer %d's, and %d's", o.ID, c.ID, other)
			}
			owner[o.ID] = c.ID
		}
		if body != "["+strings.Join(want, ",")+"]" {
			t.Fatalf("orders of %d: %s", c.ID, body)
		}
	}
	if customers != w.shop.live || customers == 150 {
		t.Errorf("%d customers, counted %d", customers, w.shop.live)
	}
}

func BenchmarkAnswer(b *testing.B) {
	w := newWorld(b, func(c *Config) { c.Customers = 100_000 })
	var requests []*http.Request
	for c := range w.ExpectStore() {
		requests = append(requests,
			httptest.NewRequest(http.MethodGet, StorePath+"/getCustomerDetailsByEmail?customerEmail="+url.QueryEscape(normalise(c.Email)), nil),
			httptest.NewRequest(http.MethodGet, StorePath+fmt.Sprint("/getOrdersByCustomerId?customerId=", c.ID), nil))
		if len(requests) >= 2000 {
			break
		}
	}
	answer := discard{http.Header{}}
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		w.Handler().ServeHTTP(answer, requests[k%len(requests)])
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
