package pipeline

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// store is an Online Store whose answers the test sets.
type store struct {
	url  string
	gate *gate

	mu        sync.Mutex
	customers map[string]string // email -> details; missing: 404
	orders    map[string]string // customer id -> orders; missing: []
	asked     map[string]int    // email -> requests of its details
}

func startStore(t *testing.T) *store {
	t.Helper()
	s := &store{customers: map[string]string{}, orders: map[string]string{}, asked: map[string]int{}, gate: newGate()}
	server := httptest.NewServer(s.gate.before(s))
	t.Cleanup(func() {
		s.gate.open()
		server.Close()
	})
	s.url = server.URL + "/api/onlineStore"
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/api/onlineStore/getCustomerDetailsByEmail":
		email := r.URL.Query().Get("customerEmail")
		s.asked[email]++
		body, ok := s.customers[email]
		if !ok {
			http.Error(w, "unknown customer", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(body))
	case "/api/onlineStore/getOrdersByCustomerId":
		body, ok := s.orders[r.URL.Query().Get("customerId")]
		if !ok {
			body = "[]"
		}
		_, _ = w.Write([]byte(body))
	default:
		_, _ = w.Write([]byte(`{"ProductId":100,"Name":"Tennis Shoes","Category":"Footwear","Description":""}`))
	}
}

// set changes the store at once; an empty body takes the customer away.
func (s *store) set(change func(customers, orders map[string]string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.customers, s.orders)
}

// requests is how often an email was asked for.
func (s *store) requests(email string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[email]
}
