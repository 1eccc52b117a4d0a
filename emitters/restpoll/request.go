package restpoll

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The store's endpoints and their parameters.
const (
	endpointDetails = "getCustomerDetailsByEmail"
	endpointOrders  = "getOrdersByCustomerId"
	endpointProduct = "getProductDetailsByProductId"
)

var parameters = map[string]string{
	endpointDetails: "customerEmail", endpointOrders: "customerId", endpointProduct: "productId",
}

// keptOfCut is how much of a body that was not read to its end goes into the
// dead letter.
const keptOfCut = 64 << 10

// client asks the store for one thing at a time.
type client struct {
	base    *url.URL
	header  http.Header
	http    *http.Client
	timeout time.Duration
	now     func() time.Time
}

func newClient(cfg Config, custom *http.Client, now func() time.Time) (*client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &client{base: base, header: make(http.Header), timeout: cfg.Timeout, now: now}
	for name, value := range cfg.Headers {
		c.header.Set(name, value)
	}
	c.header.Set("Accept", "application/json")
	if c.header.Get("User-Agent") == "" {
		c.header.Set("User-Agent", "customer360")
	}
	own := http.Client{Transport: transport(cfg.Concurrency)}
	if custom != nil {
		own = *custom
	}
	own.CheckRedirect = sameHost
	c.http = &own
	return c, nil
}

// transport keeps a connection per request under way: with net/http's default
// of two idle ones, all others would be made anew each time.
func transport(connections int) *http.Transport {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConns:        connections,
		MaxIdleConnsPerHost: connections,
		MaxConnsPerHost:     connections,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
	return t
}

// sameHost follows redirects within the store only: the configured headers
// would go along.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case !strings.EqualFold(req.URL.Host, first.Host), first.Scheme == "https" && req.URL.Scheme != "https":
		return errElsewhere
	case len(via) >= 5:
		return errCircles
	}
	return nil
}

// response is what came back; the body is appended to the caller's buffer.
type response struct {
	status  int
	tag     string    // ETag
	retryAt time.Time // of Retry-After; zero: not said
	kind    string    // media type, for reasons
}

// get asks once. Its errors hold no email: they are kept and shown.
func (c *client) get(ctx context.Context, endpoint, value, tag string, buf []byte, limit int) (response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u := *c.base
	u.Path += "/" + endpoint
	if u.RawPath != "" {
		u.RawPath += "/" + endpoint
	}
	u.RawQuery = parameters[endpoint] + "=" + url.QueryEscape(value)
	req := (&http.Request{Method: http.MethodGet, URL: &u, Header: c.header, Host: u.Host}).WithContext(ctx)
	if tag != "" {
		req.Header = c.header.Clone()
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return response{}, buf, c.clean(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode == http.StatusNotFound && resp.Request.Response != nil {
		return response{}, buf, errMoved // it is no word about the customer
	}
	r := response{status: resp.StatusCode, tag: resp.Header.Get("ETag"), retryAt: c.retryAfter(resp.Header.Get("Retry-After"))}
	r.kind = mediaType(resp.Header.Get("Content-Type"))
	if len(r.tag) > 256 {
		r.tag = "" // costs memory for each customer
	}
	if resp.StatusCode != http.StatusOK {
		// A short text, read so that the connection can be used again.
		if _, err := readBody(buf, resp.Body, -1, keptOfCut); err != nil && ctx.Err() != nil {
			return r, buf, c.clean(ctx, err)
		}
		return r, buf, nil
	}
	body, err := readBody(buf, resp.Body, resp.ContentLength, limit)
	if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errCut) {
		err = c.clean(ctx, err)
	}
	return r, body, err
}

// clean says what failed in words that hold neither the URL nor what was sent.
func (c *client) clean(ctx context.Context, err error) error {
	if ctx.Err() == context.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no whole answer within %v", c.timeout)
	}
	return ownWords(err)
}

// retryAfter reads the header's two forms, seconds and date.
func (c *client) retryAfter(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	if seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
		if seconds < 0 {
			return time.Time{}
		}
		return c.now().Add(time.Duration(min(seconds, 1<<31)) * time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return at
}
