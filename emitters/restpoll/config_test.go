package restpoll

import (
	"strings"
	"testing"
	"time"
)

func TestConfigIsValidated(t *testing.T) {
	valid := DefaultConfig()
	valid.BaseURL = "https://store.example/api/onlineStore"
	valid.Headers = map[string]string{"Authorization": "Bearer secret"}
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"base URL is empty":   func(c *Config) { c.BaseURL = "" },
		"http://":             func(c *Config) { c.BaseURL = "ftp://u:secret@store.example" },
		"not a URL":           func(c *Config) { c.BaseURL = "http://u:secret@store example" },
		"query":               func(c *Config) { c.BaseURL += "?x=1" },
		"not a header's name": func(c *Config) { c.Headers = map[string]string{"a b": "secret"} },
		"control characters":  func(c *Config) { c.Headers = map[string]string{"a": "secret\n"} },
		"If-None-Match":       func(c *Config) { c.Headers = map[string]string{"if-none-match": "secret"} },
		"interval is":         func(c *Config) { c.Interval = time.Microsecond },
		"not found interval":  func(c *Config) { c.NotFoundInterval = 0 },
		"timeout is":          func(c *Config) { c.Timeout = 0 },
		"requests per second": func(c *Config) { c.RequestsPerSecond = 0 },
		"concurrency is":      func(c *Config) { c.Concurrency = 0 },
		"max body bytes":      func(c *Config) { c.MaxBodyBytes = 17 << 20 },
		"retry backoff is":    func(c *Config) { c.RetryBackoffMax = time.Millisecond },
		"retry after max":     func(c *Config) { c.RetryAfterMax = -1 },
		"circuit failures":    func(c *Config) { c.CircuitFailures = 0 },
		"circuit wait":        func(c *Config) { c.CircuitWait = 0 },
		"entity tags":         func(c *Config) { c.EntityTags = -1 },
		"product attempts":    func(c *Config) { c.ProductAttempts = 0 },
	} {
		c := valid
		change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret in: %v", err)
		}
	}
}
