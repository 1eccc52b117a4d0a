package restpoll

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBodyBytes leaves a mebibyte of topology.MaxMessageBytes to keys, headers
// and framing.
const maxBodyBytes = 16 << 20

// Config says how the store is asked.
type Config struct {
	// BaseURL is what the three endpoints follow, as in
	// http://store.example/api/onlineStore.
	BaseURL string
	// Headers go out with every request: authentication, mostly. Never logged.
	Headers map[string]string

	Interval         time.Duration // between two polls of a customer
	NotFoundInterval time.Duration // the same for one that the store does not know
	Timeout          time.Duration // of one request, body included

	// RequestsPerSecond is the budget of all instances together: each takes its
	// share by partitions owned.
	RequestsPerSecond float64
	Concurrency       int // requests under way in this instance
	MaxBodyBytes      int // of details and orders together

	// RetryBackoff is the wait after the first failure of an email; it doubles
	// up to RetryBackoffMax, less a jitter of up to half.
	RetryBackoff, RetryBackoffMax time.Duration
	// RetryAfterMax bounds how long the store may silence the poller by a
	// Retry-After header.
	RetryAfterMax time.Duration

	// CircuitFailures polls in a row that fail open the circuit: from then on a
	// single request after CircuitWait, doubling up to CircuitWaitMax.
	CircuitFailures             int
	CircuitWait, CircuitWaitMax time.Duration

	// EntityTags is how many emails are asked for with If-None-Match; each
	// costs about 100 bytes of memory.
	EntityTags int
	// ProductAttempts is how often an unknown product is asked for.
	ProductAttempts int
}

// DefaultConfig is everything but BaseURL.
func DefaultConfig() Config {
	return Config{
		Interval: 15 * time.Minute, NotFoundInterval: time.Hour, Timeout: 10 * time.Second,
		RequestsPerSecond: 50, Concurrency: 16, MaxBodyBytes: maxBodyBytes,
		RetryBackoff: time.Second, RetryBackoffMax: 5 * time.Minute, RetryAfterMax: time.Hour,
		CircuitFailures: 20, CircuitWait: time.Second, CircuitWaitMax: 30 * time.Second,
		EntityTags: 100_000, ProductAttempts: 3,
	}
}

// Validate returns every mistake at once. It repeats no header's value and no
// password of the URL.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("restpoll: "+format, args...))
		}
	}
	if _, err := parseBase(c.BaseURL); err != nil {
		errs = append(errs, fmt.Errorf("restpoll: %w", err))
	}
	for name, value := range c.Headers {
		check(name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }),
			"header %q: not a header's name", beforeColon(name))
		check(!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }),
			"header %q: its value holds control characters", name)
		check(http.CanonicalHeaderKey(name) != "If-None-Match", "header If-None-Match is the poller's own")
	}
	// Milliseconds are the unit of due times.
	check(c.Interval >= time.Millisecond, "interval is %v, not 1ms or more", c.Interval)
	check(c.NotFoundInterval >= time.Millisecond, "not found interval is %v, not 1ms or more", c.NotFoundInterval)
	check(c.Timeout > 0, "timeout is %v, not above 0", c.Timeout)
	check(c.RequestsPerSecond > 0, "requests per second is %v, not above 0", c.RequestsPerSecond)
	check(c.Concurrency >= 1 && c.Concurrency <= 10_000, "concurrency is %d, not 1 to 10000", c.Concurrency)
	check(c.MaxBodyBytes >= 1 && c.MaxBodyBytes <= maxBodyBytes, "max body bytes is %d, not 1 to %d", c.MaxBodyBytes, maxBodyBytes)
	check(c.RetryBackoff >= time.Millisecond && c.RetryBackoffMax >= c.RetryBackoff,
		"retry backoff is %v, its maximum %v: not 1ms or more, in that order", c.RetryBackoff, c.RetryBackoffMax)
	check(c.RetryAfterMax >= 0, "retry after max is %v, below 0", c.RetryAfterMax)
	check(c.CircuitFailures >= 1, "circuit failures is %d, not 1 or more", c.CircuitFailures)
	check(c.CircuitWait > 0 && c.CircuitWaitMax >= c.CircuitWait,
		"circuit wait is %v, its maximum %v: not above 0, in that order", c.CircuitWait, c.CircuitWaitMax)
	check(c.EntityTags >= 0, "entity tags is %d, below 0", c.EntityTags)
	check(c.ProductAttempts >= 1, "product attempts is %d, not 1 or more", c.ProductAttempts)
	return errors.Join(errs...)
}

// beforeColon is the name where somebody wrote "name: value" for it.
func beforeColon(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

// shown is a URL without what may be a credential: user, query, fragment.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// parseBase reads BaseURL. url.Parse's own error would repeat a password in it.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case base == "":
		return nil, errors.New("base URL is empty: want http://host/api/onlineStore")
	case err != nil:
		return nil, errors.New("base URL is not a URL: want http://host/api/onlineStore")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("base URL %s: want http:// or https://, and a host", shown(u))
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("base URL %s: it has a query or a fragment", shown(u))
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}
