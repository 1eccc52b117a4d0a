package restpoll

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEmailsAreEscaped(t *testing.T) {
	s := newShop(t)
	seen := ""
	s.handlers[endpointDetails] = func(w http.ResponseWriter, r *http.Request) {
		seen = r.URL.Query().Get("customerEmail")
		w.WriteHeader(404)
	}
	f := s.fetcher(t, nil)
	for _, email := range []string{"a+b@example.com", "100%@example.com", "a&b=c@example.com", "änne b#?/;@example.com"} {
		if r := poll(t, f, email, tags{}); r.Kind != kindNotFound || seen != email {
			t.Errorf("asked for %q, the store saw %q", email, seen)
		}
	}
}

func TestIDIsEscapedAndHeadersGoAlong(t *testing.T) {
	s := newShop(t)
	key := ""
	s.handlers[endpointDetails] = body(`{"Id":"a b&c"}`)
	s.handlers[endpointOrders] = func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("X-Api-Key") + " " + r.URL.Query().Get("customerId")
		body(`[]`)(w, r)
	}
	if r := poll(t, s.fetcher(t, nil), "x@example.com", tags{}); r.Kind != kindAnswer || key != "secret-key a b&c" {
		t.Errorf("%+v, %q", r, key)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.UnixMilli(start)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 0 ": 0, now.Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
		"99999999999": (1 << 31) * time.Second,
	} {
		s := newShop(t)
		s.handlers[endpointDetails] = status(429, "Retry-After", header)
		r := poll(t, s.fetcher(t, nil), "x@example.com", tags{})
		if got := time.Duration(r.RetryAt-start) * time.Millisecond; r.Kind != kindFailed || got != want {
			t.Errorf("Retry-After %q: %v, want %v", header, got, want)
		}
	}
	for _, header := range []string{"", "soon", "-1"} {
		s := newShop(t)
		s.handlers[endpointDetails] = status(503, "Retry-After", header)
		if r := poll(t, s.fetcher(t, nil), "x@example.com", tags{}); r.RetryAt != 0 {
			t.Errorf("Retry-After %q: %d", header, r.RetryAt)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := newShop(t)
	s.handlers[endpointDetails], s.handlers[endpointOrders] = body(details), body(`[]`)
	f := s.fetcher(t, nil)
	var mu sync.Mutex
	remotes := map[string]bool{}
	note := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			remotes[r.RemoteAddr] = true
			mu.Unlock()
			h(w, r)
		}
	}
	s.handlers[endpointDetails], s.handlers[endpointOrders] = note(body(details)), note(body(`[]`))
	for i := range 20 {
		if i == 10 {
			s.handlers[endpointOrders] = note(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, strings.Repeat("no", 500), 500) })
		}
		poll(t, f, "x@example.com", tags{})
	}
	if len(remotes) != 1 {
		t.Errorf("20 polls one after the other used %d connections", len(remotes))
	}
}

// net/http keeps two idle connections a host by default.
func TestConnectionsAreKeptPerWorker(t *testing.T) {
	s := newShop(t)
	const workers = 8
	var mu sync.Mutex
	remotes := map[string]bool{}
	var all sync.WaitGroup // so that each round uses as many connections as workers
	s.handlers[endpointDetails] = func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		remotes[r.RemoteAddr] = true
		mu.Unlock()
		all.Done()
		all.Wait()
		w.WriteHeader(404)
	}
	f := s.fetcher(t, func(cfg *Config) { cfg.Concurrency = workers })
	for range 5 {
		var polls sync.WaitGroup
		all.Add(workers)
		for range workers {
			polls.Go(func() {
				own := *f
				own.poll(t.Context(), "x@example.com", 1, tags{})
			})
		}
		polls.Wait()
	}
	if len(remotes) > workers {
		t.Errorf("%d workers used %d connections", workers, len(remotes))
	}
}
