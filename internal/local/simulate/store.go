package simulate

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// StorePath is where the Online Store's endpoints lie.
const StorePath = "/api/onlineStore"

const jsonType = "application/json; charset=utf-8"

// store is the Online Store's REST API over the shop.
type store struct {
	mu       *sync.RWMutex // guards shop
	shop     *shop
	faults   faults
	requests atomic.Int64
	buffers  sync.Pool
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.faults.meet(w, r) {
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		text(w, http.StatusMethodNotAllowed, "Only GET is allowed.")
		return
	}
	endpoint, ok := strings.CutPrefix(r.URL.Path, StorePath+"/")
	if !ok {
		text(w, http.StatusNotFound, "Not found.")
		return
	}
	query := r.URL.Query()
	switch endpoint {
	case "getCustomerDetailsByEmail":
		s.customerDetails(w, r, query)
	case "getOrdersByCustomerId":
		s.orders(w, r, query)
	case "getProductDetailsByProductId":
		s.productDetails(w, r, query)
	default:
		text(w, http.StatusNotFound, "Not found.")
	}
}

func (s *store) customerDetails(w http.ResponseWriter, r *http.Request, query url.Values) {
	email := query.Get("customerEmail")
	if email == "" {
		text(w, http.StatusBadRequest, "customerEmail is required.")
		return
	}
	s.mu.RLock()
	c, ok := s.shop.byAddress(email)
	s.mu.RUnlock()
	if !ok {
		text(w, http.StatusNotFound, "Customer not found.")
		return
	}
	s.answer(w, r, func(b []byte) []byte { return appendCustomer(b, c) })
}

func (s *store) orders(w http.ResponseWriter, r *http.Request, query url.Values) {
	id, err := strconv.ParseInt(query.Get("customerId"), 10, 64)
	if err != nil {
		text(w, http.StatusBadRequest, "customerId is required, a number.")
		return
	}
	// Slices of the overlay are replaced, never written to, so they may be read unlocked.
	s.mu.RLock()
	orders := s.shop.ordersOf(id)
	s.mu.RUnlock()
	s.answer(w, r, func(b []byte) []byte { return appendOrders(b, orders) })
}

// productDetails fails for an unknown product as the tutorial's store does: it
// takes the first of an empty list.
func (s *store) productDetails(w http.ResponseWriter, r *http.Request, query url.Values) {
	if !query.Has("productId") {
		text(w, http.StatusBadRequest, "productId is required, a number.")
		return
	}
	id, err := strconv.Atoi(query.Get("productId"))
	if err != nil {
		text(w, http.StatusBadRequest, "productId is required, a number.")
		return
	}
	for _, p := range s.shop.p.products {
		if p.ID == id {
			s.answer(w, r, func(b []byte) []byte { return appendProduct(b, p) })
			return
		}
	}
	text(w, http.StatusInternalServerError, "Sequence contains no elements.")
}

// answer sends a body with its ETag, or 304 where the client has it already.
func (s *store) answer(w http.ResponseWriter, r *http.Request, body func([]byte) []byte) {
	buffer, _ := s.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer s.buffers.Put(buffer)
	*buffer = body((*buffer)[:0])
	tag := `"` + strconv.FormatUint(xxhash.Sum64(*buffer), 16) + `"`
	header := w.Header()
	header.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", jsonType)
	header.Set("Content-Length", strconv.Itoa(len(*buffer)))
	w.Write(*buffer) //nolint:errcheck // the client went away: nothing to tell it
}

func matches(ifNoneMatch, tag string) bool {
	for wanted := range strings.SplitSeq(ifNoneMatch, ",") {
		wanted = strings.TrimPrefix(strings.TrimSpace(wanted), "W/")
		if wanted == tag || wanted == "*" {
			return true
		}
	}
	return false
}

func text(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(message)) //nolint:errcheck // the client went away: nothing to tell it
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
