package couchbase

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/couchbase/gocb/v2"
)

// Client is one connection to a cluster. Sinks of a process may share it.
type Client struct {
	cfg     Config
	log     *slog.Logger
	cluster *gocb.Cluster

	mu      sync.Mutex
	buckets map[string]*gocb.Bucket
}

// Connect opens the connection and waits until a bucket of the configuration
// answers: without any given the documents' one. The error names the address
// and what to do.
func Connect(ctx context.Context, cfg Config, log *slog.Logger, targets ...Target) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	options, err := cfg.options()
	if err != nil {
		return nil, err
	}
	cluster, err := gocb.Connect(cfg.connection(), options)
	if err != nil {
		return nil, fmt.Errorf("couchbase %s: %s", cfg.address(), brief(err))
	}
	c := &Client{cfg: cfg, log: log, cluster: cluster, buckets: map[string]*gocb.Bucket{}}
	if len(targets) == 0 {
		targets = []Target{cfg.Documents}
	}
	for _, t := range targets {
		if _, err := c.bucket(ctx, t); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close ends the connection; operations under way fail.
func (c *Client) Close() {
	if err := c.cluster.Close(nil); err != nil {
		c.log.Debug("closing the connection to Couchbase", "error", brief(err))
	}
}

// connection adds the pool and buffer sizes, where the connection string does not have it.
func (c Config) connection() string {
	address, query, _ := strings.Cut(c.ConnectionString, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return c.ConnectionString // gocb says what is wrong with it
	}
	if !values.Has("kv_pool_size") {
		values.Set("kv_pool_size", strconv.Itoa(c.KVPoolSize))
	}
	if !values.Has("kv_buffer_size") { // the SDK's own is 20 MiB a connection; larger packets pass all the same
		values.Set("kv_buffer_size", strconv.Itoa(256<<10))
	}
	if !values.Has("server_wait_backoff") { // milliseconds between two tries to reach a node that is away; the SDK's own is 5 s
		values.Set("server_wait_backoff", "500")
	}
	return address + "?" + values.Encode()
}

func (c Config) options() (gocb.ClusterOptions, error) {
	o := gocb.ClusterOptions{
		TimeoutsConfig: gocb.TimeoutsConfig{ConnectTimeout: c.ConnectTimeout, KVTimeout: c.Timeout, KVDurableTimeout: c.DurableTimeout},
		Transcoder:     gocb.NewRawJSONTranscoder(),
		// What these do is done here by metrics and by the retries of the sink.
		Tracer: &gocb.NoopTracer{}, Meter: &gocb.NoopMeter{},
		OrphanReporterConfig: gocb.OrphanReporterConfig{Disabled: true},
		CircuitBreakerConfig: gocb.CircuitBreakerConfig{Disabled: true},
		AppTelemetryConfig:   gocb.AppTelemetryConfig{Disabled: true},
		SecurityConfig:       gocb.SecurityConfig{TLSSkipVerify: c.TLSSkipVerify},
	}
	o.Authenticator = gocb.PasswordAuthenticator{Username: c.Username, Password: c.Password}
	if c.CertificatePath != "" {
		pair, err := tls.LoadX509KeyPair(c.CertificatePath, c.KeyPath)
		if err != nil {
			return o, fmt.Errorf("couchbase: client certificate %s with key %s: %w", c.CertificatePath, c.KeyPath, err)
		}
		o.Authenticator = gocb.CertificateAuthenticator{ClientCertificate: &pair}
	}
	if c.CAPath != "" {
		pem, err := os.ReadFile(c.CAPath)
		if err != nil {
			return o, fmt.Errorf("couchbase: certificates of the servers: %w", err)
		}
		o.SecurityConfig.TLSRootCAs = x509.NewCertPool()
		if !o.SecurityConfig.TLSRootCAs.AppendCertsFromPEM(pem) {
			return o, fmt.Errorf("couchbase: %s holds no certificate in PEM form", c.CAPath)
		}
	}
	return o, nil
}

// bucket opens the target's bucket once, and waits until it answers.
func (c *Client) bucket(ctx context.Context, t Target) (*gocb.Bucket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.buckets[t.Bucket]; b != nil {
		return b, nil
	}
	b := c.cluster.Bucket(t.Bucket)
	if err := WaitUntilReady(ctx, b, c.cfg.ConnectTimeout); err != nil {
		return nil, explain(err, c.cfg, t)
	}
	c.buckets[t.Bucket] = b
	return b, nil
}

// readySlice is how long the SDK waits at a time, and so how long a context that has
// ended may go unnoticed.
const readySlice = time.Second

// WaitUntilReady waits until the bucket's key-value service answers: for limit, or until
// ctx ends (its error then, within a second). It tells at once what waiting does not mend,
// and of everything else, as gocb.ErrUnambiguousTimeout, what was last in the way.
func WaitUntilReady(ctx context.Context, b *gocb.Bucket, limit time.Duration) error {
	end := time.Now().Add(limit)
	var last error
	for {
		// The SDK tells of a certificate that it does not trust when it gives up. It
		// does not get the context: where that ends in the moment in which the node
		// answers, the SDK (2.11.1) ends its operation twice and waits for itself.
		err := b.WaitUntilReady(max(min(time.Until(end), readySlice), time.Millisecond), &gocb.WaitUntilReadyOptions{
			ServiceTypes: []gocb.ServiceType{gocb.ServiceTypeKeyValue}, RetryStrategy: tellNow{},
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			return nil
		case classify(err) == fatal, isCertificate(err):
			return err
		}
		if last == nil || !errors.Is(err, gocb.ErrTimeout) {
			last = err
		}
		if time.Until(end) <= 0 {
			if !errors.Is(last, gocb.ErrTimeout) {
				last = fmt.Errorf("%w: %w", gocb.ErrUnambiguousTimeout, last)
			}
			return last
		}
		if !sleep(ctx, min(200*time.Millisecond, time.Until(end))) {
			return ctx.Err()
		}
	}
}

// tellNow is gocb's fail-fast strategy, which it does not export.
type tellNow struct{}

func (tellNow) RetryAfter(gocb.RetryRequest, gocb.RetryReason) gocb.RetryAction {
	return &gocb.NoRetryRetryAction{}
}

// sleep returns false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
