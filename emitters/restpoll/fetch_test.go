package restpoll

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// shop answers as handlers say and notes what it was asked for.
type shop struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string
	handlers map[string]http.HandlerFunc // by endpoint
}

func newShop(t testing.TB) *shop {
	s := &shop{handlers: make(map[string]http.HandlerFunc)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	endpoint := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	s.asked = append(s.asked, endpoint+"?"+r.URL.RawQuery)
	handler := s.handlers[endpoint]
	s.mu.Unlock()
	if handler == nil {
		handler = http.NotFound
	}
	handler(w, r)
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, text)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// tagged answers conditionally.
func tagged(tag, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body(text)(w, r)
	}
}

func (s *shop) fetcher(t *testing.T, change func(*Config)) *fetcher {
	cfg := DefaultConfig()
	cfg.BaseURL = s.URL + "/api/onlineStore/"
	cfg.Headers = map[string]string{"X-Api-Key": "secret-key"}
	if change != nil {
		change(&cfg)
	}
	c, err := newClient(cfg, nil, func() time.Time { return time.UnixMilli(start) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return &fetcher{client: c, limit: cfg.MaxBodyBytes,
		pace: func(ctx context.Context) error { return ctx.Err() }, asked: func(string, int, error, time.Duration) {}}
}

func poll(t *testing.T, f *fetcher, email string, known tags) result {
	t.Helper()
	r, ok := f.poll(t.Context(), email, 5, known)
	if !ok || r.Poll != 5 || r.Time != start {
		t.Fatalf("%v, %+v", ok, r)
	}
	if local, _, _ := strings.Cut(email, "@"); strings.Contains(r.Reason, local) || strings.Contains(r.Reason, url.QueryEscape(local)) || strings.Contains(r.Reason, "secret") {
		t.Errorf("the reason shows more than it may: %q", r.Reason)
	}
	return r
}

const details = `{"Id":7,"Email":"alice@example.com"}`

func TestPollOutcomes(t *testing.T) {
	redirect := func(to func(s *shop) string) func(s *shop) http.HandlerFunc {
		return func(s *shop) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to(s), http.StatusFound) }
		}
	}
	elsewhere := newShop(t)
	fixed := func(h http.HandlerFunc) func(*shop) http.HandlerFunc {
		return func(*shop) http.HandlerFunc { return h }
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `[{"OrderId":`)
	}
	for name, c := range map[string]struct {
		details, orders func(*shop) http.HandlerFunc
		kind            kind
		status          int
		reason          string
	}{
		"answer":                   {fixed(body(details)), fixed(body(`[]`)), kindAnswer, 200, ""},
		"unknown":                  {fixed(status(404)), nil, kindNotFound, 404, ""},
		"500 on details":           {fixed(status(500)), nil, kindFailed, 500, "details: status 500"},
		"500 on orders":            {fixed(body(details)), fixed(status(500)), kindFailed, 500, "orders: status 500"},
		"404 on orders":            {fixed(body(details)), nil, kindFailed, 404, "orders: status 404"},
		"unauthorised":             {fixed(status(401)), nil, kindFailed, 401, "details: status 401"},
		"304 that nobody asked":    {fixed(status(304)), nil, kindFailed, 304, "details: status 304"},
		"html":                     {fixed(status(200, "Content-Type", "text/html; charset=utf-8")), nil, kindBad, 200, "the details are no JSON object: the store sent text/html"},
		"no id":                    {fixed(body(`{}`)), nil, kindBad, 200, "the details hold no usable Id"},
		"orders cut off":           {fixed(body(details)), fixed(cut), kindCut, 200, "orders: the body was cut off"},
		"huge":                     {fixed(body(details)), fixed(body("[" + strings.Repeat(" ", 2000) + "]")), kindCut, 200, "orders: the body is larger than allowed"},
		"slow":                     {fixed(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), nil, kindFailed, 0, "details: no whole answer within"},
		"slow body":                {fixed(slowBody), nil, kindFailed, 200, "details: no whole answer within"},
		"redirect in the store":    {redirect(func(s *shop) string { return s.URL + "/other/getOrdersByCustomerId" }), fixed(body(details)), kindAnswer, 200, ""},
		"redirect to another host": {redirect(func(*shop) string { return elsewhere.URL + "/api" }), nil, kindFailed, 0, "details: the store redirects to another host"},
		"redirect to nowhere":      {redirect(func(s *shop) string { return s.URL + "/nowhere" }), nil, kindFailed, 0, "details: the store redirects to an address that is not there (404)"},
		"redirect in circles":      {redirect(func(s *shop) string { return s.URL + "/x/getCustomerDetailsByEmail" }), nil, kindFailed, 0, "details: the store redirects in circles"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.handlers[endpointDetails] = c.details(s)
			if c.orders != nil {
				s.handlers[endpointOrders] = c.orders(s)
			}
			f := s.fetcher(t, func(cfg *Config) { cfg.MaxBodyBytes, cfg.Timeout = 1000, 200*time.Millisecond })
			if !strings.HasPrefix(name, "slow") {
				f.client.timeout = 10 * time.Second
			}
			r := poll(t, f, "alice@example.com", tags{})
			if r.Kind != c.kind || r.Status != c.status || !strings.HasPrefix(r.Reason, c.reason) || (c.reason == "") != (r.Reason == "") {
				t.Errorf("%+v; want kind %d, status %d, reason %q", r, c.kind, c.status, c.reason)
			}
		})
	}
	if len(elsewhere.asked) > 0 {
		t.Errorf("another host was asked: %v", elsewhere.asked)
	}
}

func slowBody(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, `{"Id":`)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestStoreIsDown(t *testing.T) {
	s := newShop(t)
	f := s.fetcher(t, nil)
	s.Close()
	r := poll(t, f, "alice@example.com", tags{})
	if r.Kind != kindFailed || r.Status != 0 || !strings.Contains(r.Reason, "refused") || r.health() != unhealthy {
		t.Errorf("%+v", r)
	}
}

func TestConditionalRequests(t *testing.T) {
	s := newShop(t)
	s.handlers[endpointDetails], s.handlers[endpointOrders] = tagged(`"d1"`, details), tagged(`"o1"`, `[]`)
	f := s.fetcher(t, nil)
	first := poll(t, f, "alice@example.com", tags{})
	if want := (tags{`"d1"`, `"o1"`, "7"}); first.Kind != kindAnswer || first.Tags != want {
		t.Fatalf("%+v", first)
	}
	known := first.Tags
	if r := poll(t, f, "alice@example.com", known); r.Kind != kindUnchanged || r.Tags != known || len(s.asked) != 4 {
		t.Errorf("nothing changed: %+v after %v", r, s.asked)
	}
	// Both are published together: orders that changed need the details too.
	s.handlers[endpointOrders] = tagged(`"o2"`, `[{}]`)
	if r := poll(t, f, "alice@example.com", known); r.Kind != kindAnswer || string(r.Customer) != details || string(r.Orders) != `[{}]` || r.Tags.Orders != `"o2"` {
		t.Errorf("orders changed: %+v", r)
	}
	s.handlers[endpointDetails], s.handlers[endpointOrders] = tagged(`"d2"`, `{"id":8}`), tagged(`"o1"`, `[]`)
	if r := poll(t, f, "alice@example.com", known); r.Kind != kindAnswer || string(r.Customer) != `{"id":8}` || string(r.Orders) != `[]` {
		t.Errorf("details changed: %+v", r)
	}
	s.handlers[endpointDetails] = status(404)
	if r := poll(t, f, "alice@example.com", known); r.Kind != kindNotFound {
		t.Errorf("gone: %+v", r)
	}
}

func TestAbandonedPollIsNoResult(t *testing.T) {
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.handlers[endpointDetails] = func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }
	if r, ok := s.fetcher(t, nil).poll(ctx, "x@example.com", 1, tags{}); ok {
		t.Errorf("%+v", r)
	}
}
