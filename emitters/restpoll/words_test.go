package restpoll

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// raw answers with bytes of its own making: QUERY in them is the request's query,
// which holds the email.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close() //nolint:errcheck // its end is the answer's
		fmt.Fprint(c, strings.ReplaceAll(text, "QUERY", r.URL.RawQuery+" "+r.URL.Query().Get("customerEmail")))
	}
}

// Whatever a store sends back of the request: no reason shows it. poll looks.
func TestReasonsRepeatNothing(t *testing.T) {
	location := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://user:secret@store:$port/api?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusFound)
	}
	scheme := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "alice://"+r.Host+"/api?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusFound)
	}
	const ok, chunked = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		reason  string
	}{
		"a Location that cannot be parsed": {location, "failed to parse Location header"},
		"a scheme that nobody speaks":      {scheme, "unsupported protocol scheme"},
		"no HTTP":                          {raw("alice@example.com\r\n\r\n"), "malformed HTTP response"},
		"another version of HTTP":          {raw("HTTP/1.alice@example.com 200 OK\r\n\r\n"), "malformed HTTP version"},
		"a status that is no number":       {raw("HTTP/1.1 20alice OK\r\n\r\n"), "malformed HTTP status code"},
		"a header without a colon":         {raw(ok + "QUERY\r\n\r\n"), "malformed MIME header"},
		"a length that is no number":       {raw(ok + "Content-Length: QUERY\r\n\r\n"), "bad Content-Length"},
		"two lengths":                      {raw(ok + "Content-Length: 1\r\nContent-Length: QUERY\r\n\r\n"), "multiple Content-Length headers"},
		"another transfer encoding":        {raw(ok + "Transfer-Encoding: QUERY\r\n\r\n"), "unsupported transfer encoding"},
		"a chunk of no length":             {raw(chunked + "\r\nQUERY\r\n\r\n"), "invalid byte in chunk length"},
		"a trailer without a colon":        {raw(chunked + "\r\n0\r\nQUERY\r\n\r\n"), "malformed MIME header"},
		"a media type":                     {raw(ok + "Content-Type: QUERY\r\n\r\nx"), errNoObject.Error()},
		"nothing":                          {raw(""), "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.handlers[endpointDetails] = c.handler
			f := s.fetcher(t, func(cfg *Config) { cfg.BaseURL = strings.Replace(cfg.BaseURL, "http://", "http://user:secret@", 1) })
			if r := poll(t, f, "alice@example.com", tags{}); r.Reason != "details: "+c.reason && r.Reason != c.reason {
				t.Errorf("%+v; want the reason %q", r, c.reason)
			}
		})
	}
}

// A proxy's address and its answers go the same way.
func TestReasonsAreSilentOfProxies(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(refusing.Close)
	for name, c := range map[string]struct {
		proxy  func(*http.Request) (*url.URL, error)
		reason string
	}{
		"an address that is none": {func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "http://user:secret@proxy:$port"`)
		}, "details: invalid proxy address"},
		"one that refuses": {func(*http.Request) (*url.URL, error) {
			return url.Parse(strings.Replace(refusing.URL, "http://", "http://user:secret@", 1))
		}, "details: the proxy refuses: Proxy Authentication Required"},
	} {
		s := newShop(t)
		f := s.fetcher(t, func(cfg *Config) { cfg.BaseURL = "https://store.example.invalid/api" })
		f.client.http.Transport = &http.Transport{Proxy: c.proxy}
		if r := poll(t, f, "alice@example.com", tags{}); r.Reason != c.reason {
			t.Errorf("%s: %+v; want the reason %q", name, r, c.reason)
		}
	}
}

// What nobody has thought of is not passed on either.
func TestUnknownErrorsAreNotQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"something about alice@example.com":                         errUnreadable.Error(),
		"alice@example.com, server sent GOAWAY, debug=alice secret": "server sent GOAWAY",
		"tls: alice secret":                                         errTLS.Error(),
		"Forbidden":                                                 "the proxy refuses: Forbidden",
		"":                                                          errUnreadable.Error(),
	} {
		inner := errors.New(text)
		for _, err := range []error{inner, &url.Error{Op: "Get", URL: "http://store?customerEmail=alice", Err: inner}} {
			if got := ownWords(err).Error(); got != want {
				t.Errorf("%q becomes %q, want %q", err, got, want)
			}
		}
	}
}

func TestMediaType(t *testing.T) {
	for header, want := range map[string]string{
		"text/html; charset=utf-8": "text/html", " Application/Problem+JSON ": "application/problem+json", "application/vnd.ms-excel": "application/vnd.ms-excel",
		"": "", "html": "", "text/": "", "/html": "", "text/ann@x.org": "", "a b/c": "", "text/customerEmail=ann%40x.org": "",
		"text/" + strings.Repeat("x", 64): "",
	} {
		if got := mediaType(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
