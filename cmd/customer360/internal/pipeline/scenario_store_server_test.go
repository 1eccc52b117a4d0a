package pipeline

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// store is an Online Store whose answers the test sets.
type store struct {
	url  string
	gate *gate

	mu        sync.Mutex
	customers map[string]string           // email -> details; missing: 404
	orders    map[string]string           // customer id -> orders; missing: []
	trouble   map[string]http.HandlerFunc // endpoint -> what it does instead of answering
	late      map[string]*late            // email -> what keeps its next answer back
	asked     map[string]int              // email or customer id -> requests
}

// The store's endpoints.
const (
	detailsEndpoint = "getCustomerDetailsByEmail"
	ordersEndpoint  = "getOrdersByCustomerId"
)

func startStore(t *testing.T) *store {
	t.Helper()
	s := &store{customers: map[string]string{}, orders: map[string]string{}, trouble: map[string]http.HandlerFunc{},
		late: map[string]*late{}, asked: map[string]int{}, gate: newGate()}
	server := httptest.NewServer(s.gate.before(s))
	t.Cleanup(func() {
		s.gate.open()
		server.Close()
	})
	s.url = server.URL + "/api/onlineStore"
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	status, body := http.StatusOK, ""
	s.mu.Lock()
	instead, kept := s.trouble[endpoint], (*late)(nil)
	switch endpoint {
	case detailsEndpoint:
		email := r.URL.Query().Get("customerEmail")
		s.asked[email]++
		kept = s.late[email]
		delete(s.late, email)
		var known bool
		if body, known = s.customers[email]; !known {
			status, body = http.StatusNotFound, "unknown customer"
		}
	case ordersEndpoint:
		id := r.URL.Query().Get("customerId")
		s.asked[id]++
		if body = s.orders[id]; body == "" {
			body = "[]"
		}
	default:
		body = `{"ProductId":100,"Name":"Tennis Shoes","Category":"Footwear","Description":""}`
	}
	s.mu.Unlock()
	if kept != nil {
		s.gate.held.Add(1)
		close(kept.made)
		select {
		case <-kept.release:
		case <-r.Context().Done(): // its poller has ended
		}
		s.gate.held.Add(-1)
	}
	if instead != nil {
		instead(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// set changes the store at once.
func (s *store) set(change func(customers, orders map[string]string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.customers, s.orders)
}

// broken makes an endpoint do something else than answer; nil mends it.
func (s *store) broken(endpoint string, instead http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble[endpoint] = instead
}

// late is an answer that the store has made and that is on its way.
type late struct{ made, release chan struct{} }

// delay keeps the next answer about an email back, as it is when it is made,
// until release is closed.
func (s *store) delay(email string) *late {
	l := &late{make(chan struct{}), make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late[email] = l
	return l
}

// requests is how often an email's details, or a customer id's orders, were
// asked for.
func (s *store) requests(emailOrID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[emailOrID]
}

// polled waits for two polls that begin from now on: the second one begins only
// when the first one's result has been decided about.
func (c *cluster) polled(emailOrID string) {
	c.t.Helper()
	before := c.store.requests(emailOrID)
	c.until("two polls", func() bool { return c.store.requests(emailOrID) >= before+2 })
}
