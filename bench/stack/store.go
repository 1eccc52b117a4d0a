package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
)

// Store is an Online Store: an http.Handler whose answers the oracle knows.
type Store struct {
	mu        sync.Mutex
	dice      *rand.Rand
	customers map[int]*customer // by id, which is also the number of the address
	requests  int
	changes   int
	fails     int // percent of requests
	failures  *rand.Rand
}

type customer struct {
	details []byte // the JSON that is served
	email   string // normalised as the oracle's documents are
	orders  [][]byte
}

// NewStore returns a store with customers.
func NewStore(seed uint64) *Store {
	s := &Store{dice: rand.New(rand.NewPCG(seed, 4)), failures: rand.New(rand.NewPCG(seed, 5)), customers: map[int]*customer{}}
	for i := range addresses {
		if s.dice.IntN(2) == 0 {
			s.sign(i)
			for range s.dice.IntN(4) {
				s.customers[i].orders = unique(append(s.customers[i].orders, s.order(i)))
			}
		}
	}
	return s
}

// Change lets one thing happen: a customer comes, goes, is renamed, buys, sends back.
func (s *Store) Change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	i := s.dice.IntN(addresses)
	c := s.customers[i]
	switch n := s.dice.IntN(10); {
	case c == nil || n < 2:
		s.sign(i)
	case n == 2:
		delete(s.customers, i)
	case n < 6:
		c.orders = append(c.orders, s.order(i))
	case len(c.orders) > 0:
		k := s.dice.IntN(len(c.orders))
		c.orders = append(append([][]byte{}, c.orders[:k]...), c.orders[k+1:]...)
	}
	if c = s.customers[i]; c != nil {
		c.orders = unique(c.orders)
	}
}

// Fail lets that many percent of the requests fail from now on.
func (s *Store) Fail(percent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = percent
}

// Changes and Requests that there were.
func (s *Store) Changes() int { s.mu.Lock(); defer s.mu.Unlock(); return s.changes }

// Requests that were answered or failed.
func (s *Store) Requests() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requests }

// Answer is what the store says about an address: the customer's JSON and the
// orders' array, nil where it answers 404.
func (s *Store) Answer(email string) (details, orders []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.customers {
		if c.email == key(email) {
			return c.details, array(c.orders)
		}
	}
	return nil, nil
}

func (s *Store) sign(i int) {
	name, _ := json.Marshal(word(s.dice)) // text only
	pass, _ := json.Marshal(word(s.dice))
	e := email(i)
	if s.dice.IntN(4) == 0 {
		e = " " + capital(e) + " "
	}
	address, _ := json.Marshal(e)
	form := `{"Id":%d,"Name":%s,"Email":%s,"Password":%s}`
	if s.dice.IntN(3) == 0 {
		form = "{ \"id\" : %d,\n \"name\":%s, \"email\":%s, \"password\":%s, \"extra\":[1e400,null] }"
	}
	orders := [][]byte{}
	if old := s.customers[i]; old != nil {
		orders = old.orders
	}
	s.customers[i] = &customer{details: fmt.Appendf(nil, form, i+1, name, address, pass), email: key(e), orders: orders}
}

// order is one of a customer's: of ids near the customer's, so that two customers
// sometimes claim the same one.
func (s *Store) order(i int) []byte {
	id := 100*(i/3) + s.dice.IntN(60)
	form := `{"OrderId":%d,"PurchaseDate":"2019-04-25T15:15:%d","CustomerId":%d,"Items":[{"OrderId":%[1]d,"ProductId":100,"Quantity":1,"Price":%[2]d.10}]}`
	if s.dice.IntN(3) == 0 {
		form = "{ \"orderId\":%d,\n\t\"purchaseDate\":\"2019-04-25T15:15:%d\", \"customerId\":%d, \"items\":[], \"big\":12345678901234567890.000, \"é\":\"<\\u0026>\" }"
	}
	return fmt.Appendf(nil, form, id, s.dice.IntN(1_000_000_000), i+1)
}

// unique keeps the newest order of each id: an answer with an id twice is none.
func unique(orders [][]byte) [][]byte {
	seen := map[string]bool{}
	var kept [][]byte
	for k := len(orders) - 1; k >= 0; k-- {
		digits := bytes.TrimLeft(orders[k][bytes.IndexByte(orders[k], ':')+1:], " ")
		id := string(digits[:bytes.IndexByte(digits, ',')])
		if !seen[id] {
			kept = append([][]byte{orders[k]}, kept...)
		}
		seen[id] = true
	}
	return kept
}

func array(orders [][]byte) []byte {
	return append(append([]byte("["), bytes.Join(orders, []byte(" , "))...), ']')
}

// Path is where the endpoints lie.
const Path = "/api/onlineStore"

// ServeHTTP answers as the tutorial's store.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	failed := s.failures.IntN(100) < s.fails
	s.mu.Unlock()
	if failed {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	var body []byte
	switch r.URL.Path {
	case Path + "/getCustomerDetailsByEmail":
		if body, _ = s.Answer(r.URL.Query().Get("customerEmail")); body == nil {
			http.Error(w, "Customer not found.", http.StatusNotFound)
			return
		}
	case Path + "/getOrdersByCustomerId":
		id, err := strconv.Atoi(r.URL.Query().Get("customerId"))
		if err != nil {
			http.Error(w, "customerId is required, a number.", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		body = array(nil)
		if c := s.customers[id-1]; c != nil {
			body = array(c.orders)
		}
		s.mu.Unlock()
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(body) //nolint:errcheck // the client went away: nothing to tell it
}
