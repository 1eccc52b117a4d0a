package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"customer360/topology"
)

// Validate checks what one key alone can get wrong; what components check of
// their own settings, they do themselves. It returns nil or the first problem.
func (c Config) Validate() *problem {
	checks := []func() *problem{c.checkKafka, c.checkCouchbase, c.checkSources, c.Delivery.Registry.check, c.checkRest}
	for _, check := range checks {
		if p := check(); p != nil {
			return p
		}
	}
	return nil
}

func bad(path, format string, args ...any) *problem {
	return &problem{path: path, text: fmt.Sprintf(format, args...)}
}

func oneOf(path, value string, allowed ...string) *problem {
	if slices.Contains(allowed, value) {
		return nil
	}
	var names []string
	for _, a := range allowed {
		if a != "" {
			names = append(names, a)
		}
	}
	return bad(path, "%q is none of %s%s", value, strings.Join(names, ", "), near(value, names))
}

func near(value string, names []string) string {
	for _, n := range names {
		if distance(strings.ToLower(value), strings.ToLower(n)) <= 2 {
			return "; did you mean " + n + "?"
		}
	}
	return ""
}

func positive(path string, d time.Duration) *problem {
	if d <= 0 {
		return bad(path, "%v: must be more than 0", d)
	}
	return nil
}

func atLeast(path string, d, least time.Duration) *problem {
	if d < least {
		return bad(path, "%v: use %v or more", d, least)
	}
	return nil
}

// within wants a time from least to most.
func within(path string, d, least, most time.Duration) *problem {
	if d < least || d > most {
		return bad(path, "%v: use %v to %v", d, least, most)
	}
	return nil
}

func first(ps ...*problem) *problem {
	for _, p := range ps {
		if p != nil {
			return p
		}
	}
	return nil
}

// address wants host:port.
func address(path, value string, zero bool) *problem {
	if strings.Contains(value, "@") {
		return bad(path, "%q holds a user: write host:port, and credentials to their own keys", redact(value))
	}
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return bad(path, "%q is no address: write host:port", value)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || n == 0 && !zero {
		return bad(path, "%q: the port must be a number from 1 to 65535", value)
	}
	return nil
}

func (c Config) checkCouchbase() *problem {
	b := c.Couchbase
	scheme, host, ok := strings.Cut(b.ConnectionString, "://")
	if !ok || host == "" || scheme != "couchbase" && scheme != "couchbases" {
		return bad("couchbase.connection_string", "%q: write couchbase://host or couchbases://host", redact(b.ConnectionString))
	}
	if strings.Contains(host, "@") {
		return bad("couchbase.connection_string", "holds a user: write it to couchbase.username and couchbase.password")
	}
	if (b.TLS.CertFile == "") != (b.TLS.KeyFile == "") {
		return bad("couchbase.tls.cert_file", "cert_file and key_file go together")
	}
	if b.TLS.CertFile != "" && scheme != "couchbases" {
		return bad("couchbase.tls.cert_file", "a certificate needs couchbases://")
	}
	if b.TLS.CAFile != "" && scheme != "couchbases" {
		return bad("couchbase.tls.ca_file", "authorities are asked with couchbases:// only: without it nothing is encrypted")
	}
	if b.Workers < 1 || b.Workers > 1024 {
		return bad("couchbase.workers", "%d: use 1 to 1024", b.Workers)
	}
	for path, t := range map[string]Target{"documents": b.Documents, "staging": b.Staging, "metadata": b.Metadata} {
		if t.Bucket == "" {
			return bad("couchbase."+path+".bucket", "empty: name a bucket")
		}
		if (t.Scope == "") != (t.Collection == "") {
			return bad("couchbase."+path+".scope", "scope and collection go together")
		}
	}
	if p := b.checkTargets(); p != nil {
		return p
	}
	if b.HomeDeliveryExpiry < 0 {
		return bad("couchbase.home_delivery_expiry", "%v: use 0 for none, or more", b.HomeDeliveryExpiry)
	}
	return first(
		oneOf("couchbase.durability", b.Durability, "none", "majority", "majority_and_persist_to_active", "persist_to_majority"),
		oneOf("couchbase.foreign", b.Foreign, "overwrite", "keep"),
		oneOf("couchbase.first_write", b.FirstWrite, "insert", "reserve"),
		within("couchbase.timeout", b.Timeout, time.Millisecond, 10*time.Minute),
		positive("couchbase.loyalty_expiry", b.LoyaltyExpiry),
	)
}

// checkTargets: documents, raw documents and entries of files in one collection
// would be taken for one another, and mended away.
func (b Couchbase) checkTargets() *problem {
	full := func(t Target) Target {
		if t.Scope == "" {
			t.Scope, t.Collection = "_default", "_default"
		}
		return t
	}
	documents, staging, metadata := full(b.Documents), full(b.Staging), full(b.Metadata)
	switch {
	case staging == documents:
		return bad("couchbase.staging.bucket", "staging and documents are one collection: give each one of its own")
	case metadata == documents, metadata == staging:
		return bad("couchbase.metadata.bucket", "metadata shares a collection with documents or staging: give each one of its own")
	}
	return nil
}

func (c Config) checkSources() *problem {
	s := c.OnlineStore
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return bad("online_store.url", "no address of a web service: write http://host/path or https://host/path")
	}
	if u.User != nil {
		return bad("online_store.url", "holds a user: send credentials by online_store.headers")
	}
	if u.RawQuery != "" || u.Fragment != "" { // not repeated: it may hold a key
		return bad("online_store.url", "has a query or a fragment: write the address before it")
	}
	for name := range s.Headers {
		if !headerName.MatchString(name) { // not repeated: it may be "name: value"
			return bad("online_store.headers", "a name is not that of a header: write name: value, each header on its own")
		}
	}
	if s.RequestsPerSecond <= 0 {
		return bad("online_store.requests_per_second", "%v: must be more than 0", s.RequestsPerSecond)
	}
	if s.Concurrency < 1 || s.Concurrency > 10000 {
		return bad("online_store.concurrency", "%d: use 1 to 10000", s.Concurrency)
	}
	if s.MaxBodyBytes < 1 || s.MaxBodyBytes > 16<<20 {
		return bad("online_store.max_body_bytes", "%d: use 1 to %d (a Kafka record must hold it)", s.MaxBodyBytes, 16<<20)
	}
	if c.Loyalty.HoldShare < 0 || c.Loyalty.HoldShare > 1 {
		return bad("loyalty.hold_share", "%v: a share from 0 to 1", c.Loyalty.HoldShare)
	}
	if c.Loyalty.HoldMin < 0 {
		return bad("loyalty.hold_minimum", "%d: use 0 or more", c.Loyalty.HoldMin)
	}
	if c.Loyalty.Folder == "" {
		return bad("loyalty.folder", "empty: name a folder")
	}
	if c.Delivery.Topic == "" {
		return bad("home_delivery.topic", "empty: name Debezium's topic")
	}
	if topology.Own(c.Delivery.Topic) {
		return bad("home_delivery.topic", "%s is a topic that the product itself writes: name Debezium's", c.Delivery.Topic)
	}
	return first(
		oneOf("home_delivery.layout", c.Delivery.Layout, "auto", "name", "first_last"),
		atLeast("online_store.interval", s.Interval, time.Millisecond),
		atLeast("online_store.not_found_interval", s.NotFoundInterval, time.Millisecond),
		positive("online_store.timeout", s.Timeout),
		positive("loyalty.stable", c.Loyalty.Stable),
		positive("loyalty.poll", c.Loyalty.Poll),
	)
}

func (r Registry) check() *problem {
	const section = "home_delivery.schema_registry."
	secure := false
	for _, address := range r.URLs() {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
			return bad(section+"url", "no address of a schema registry: write http://host:port or https://host:port")
		}
		if u.User != nil {
			return bad(section+"url", "holds a user: write it to %susername and password", section)
		}
		secure = secure || u.Scheme == "https"
	}
	switch {
	case r.URL == "" && (r.Username != "" || r.Password != "" || r.TLS != RegistryTLS{}):
		return bad(section+"url", "empty, and other keys of the schema registry are set: name its address")
	case (r.Username == "") != (r.Password == ""):
		return bad(section+"username", "username and password go together")
	case (r.TLS.CertFile == "") != (r.TLS.KeyFile == ""):
		return bad(section+"tls.cert_file", "cert_file and key_file go together")
	case r.TLS != RegistryTLS{} && !secure:
		return bad(section+"tls.ca_file", "the settings of TLS need https://")
	}
	return nil
}

func (c Config) checkRest() *problem {
	if err := c.Pass.Validate(); err != nil {
		return bad("pass", "%v", err)
	}
	if c.StoreBytes < 1<<16 || c.StoreBytes > 1<<30 {
		return bad("state_store_bytes", "%d: use 65536 to %d", c.StoreBytes, 1<<30)
	}
	if c.CacheBytes < 0 || c.CacheBytes > 1<<34 {
		return bad("state_cache_bytes", "%d: use 0 to %d", c.CacheBytes, 1<<34)
	}
	if c.Standbys < 0 || c.Standbys > 8 {
		return bad("standbys", "%d: use 0 to 8", c.Standbys)
	}
	if c.HTTP.Advertised != "" {
		if p := address("http.advertised", c.HTTP.Advertised, false); p != nil {
			return p
		}
	}
	if c.StateDir == "" {
		return bad("state_dir", "empty: name a folder")
	}
	if len(c.Instance) > 200 { // a folder has its name
		return bad("instance", "%d bytes: use 200 at most", len(c.Instance))
	}
	return first(
		address("http.listen", c.HTTP.Listen, true),
		oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error"),
		oneOf("log.format", c.Log.Format, "text", "json"),
	)
}

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// redact cuts a user and password out of an address.
func redact(s string) string {
	s, _, _ = strings.Cut(s, "?")
	if i := strings.LastIndex(s, "@"); i >= 0 {
		return "…" + s[i:]
	}
	return s
}
