package couchbase

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Target is where documents go. Empty scope and collection: the default ones.
type Target struct {
	Bucket, Scope, Collection string
}

func (t Target) withDefaults() Target {
	if t.Scope == "" {
		t.Scope = "_default"
	}
	if t.Collection == "" {
		t.Collection = "_default"
	}
	return t
}

// String is bucket, or bucket.scope.collection.
func (t Target) String() string {
	if t = t.withDefaults(); t.Scope == "_default" && t.Collection == "_default" {
		return "bucket " + t.Bucket
	}
	return fmt.Sprintf("bucket %s.%s.%s", t.Bucket, t.Scope, t.Collection)
}

// What is done with a document that carries no fence: one of an older system,
// or written by hand.
const (
	Overwrite = "overwrite"
	Keep      = "keep"
)

// How a document is written for the first time.
const (
	// FirstInsert takes one operation, which is refused where there is a document
	// or a tombstone: an instance that was suspended for minutes before it, and
	// whose successor has written and removed the document meanwhile, does not
	// bring it back. Bodies that cannot be put together in it (see members), and
	// all where a server does it otherwise (see probeInsert), go like FirstReserve.
	// What it costs beside plain upserts: bench/sink, and BenchmarkWrites for
	// FirstReserve.
	FirstInsert = "insert"
	// FirstReserve creates a tombstone, brings the body under its CAS and then the
	// exact bytes: three operations that documentation and prior use cover.
	FirstReserve = "reserve"
)

// Config of the sinks. Take DefaultConfig and set ConnectionString, Username
// and Password, or the certificate.
type Config struct {
	ConnectionString string // couchbase://host,host or couchbases://host
	Username         string
	Password         string
	CertificatePath  string // client certificate instead of user and password, PEM
	KeyPath          string // its key, PEM
	CAPath           string // who signed the servers' certificates, PEM; "": the system's
	TLSSkipVerify    bool   // take any certificate of the server

	Documents Target // merged documents
	Staging   Target // raw documents
	Metadata  Target // history of loyalty files

	Durability     string        // none, majority, majorityAndPersistActive, persistToMajority
	Workers        int           // keys under way at a time, of each sink
	KVPoolSize     int           // connections to each node
	Timeout        time.Duration // of one operation, and a second for each MiB of a body
	DurableTimeout time.Duration // of one operation with durability
	ConnectTimeout time.Duration // until the first connection must stand
	MaxAge         time.Duration // nothing is written that was fetched longer ago
	RetryBackoff   time.Duration // first wait after a failure; doubles
	RetryMax       time.Duration // longest wait

	Foreign    string // overwrite or keep
	FirstWrite string // insert or reserve

	CacheEntries int // keys whose CAS and fence are remembered, of each sink; 0: none
	CacheBytes   int

	HomeDeliveryExpiry time.Duration // of raw documents, from the record's time on; 0: none
	LoyaltyExpiry      time.Duration
}

// DefaultConfig has everything but the address and who we are.
func DefaultConfig() Config {
	return Config{
		Documents:      Target{Bucket: "customer360"},
		Staging:        Target{Bucket: "staging"},
		Metadata:       Target{Bucket: "customer360_metadata"},
		Durability:     "none",
		Workers:        64,
		KVPoolSize:     2,
		Timeout:        1500 * time.Millisecond, // the fence tells afterwards what happened, so there is no reason to wait longer
		DurableTimeout: 10 * time.Second,
		ConnectTimeout: 30 * time.Second,
		MaxAge:         10 * time.Minute,
		RetryBackoff:   20 * time.Millisecond,
		RetryMax:       2 * time.Second,
		Foreign:        Overwrite,
		FirstWrite:     FirstInsert,
		CacheEntries:   100_000,
		CacheBytes:     32 << 20,
		LoyaltyExpiry:  90_000 * time.Second, // the tutorial's
	}
}

// maxAge is far below the 3 days after which tombstones, and the fences on
// them, are purged.
const maxAge = time.Hour

// Validate reports everything that cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("couchbase: "+format, args...)) }
	if !strings.HasPrefix(c.ConnectionString, "couchbase://") && !strings.HasPrefix(c.ConnectionString, "couchbases://") {
		bad("connection string %q: write couchbase://host, or couchbases://host for TLS", c.address())
	}
	switch {
	case (c.CertificatePath == "") != (c.KeyPath == ""):
		bad("a client certificate needs both the certificate and its key")
	case c.CertificatePath == "" && c.Username == "":
		bad("neither a user nor a client certificate")
	case c.CertificatePath != "" && c.Username != "":
		bad("both a user and a client certificate: choose one")
	}
	for name, t := range map[string]Target{"documents": c.Documents, "staging": c.Staging, "metadata": c.Metadata} {
		if t.Bucket == "" {
			bad("the target %s has no bucket", name)
		}
		if (t.Scope == "") != (t.Collection == "") {
			bad("the target %s needs both scope and collection, or neither", name)
		}
	}
	if _, err := c.durability(); err != nil {
		errs = append(errs, err)
	}
	for name, n := range map[string]int{"workers": c.Workers, "kv_pool_size": c.KVPoolSize} {
		if n < 1 || n > 1024 {
			bad("%s %d: use 1 to 1024", name, n)
		}
	}
	for name, d := range map[string]time.Duration{"timeout": c.Timeout, "durable timeout": c.DurableTimeout,
		"connect timeout": c.ConnectTimeout, "retry backoff": c.RetryBackoff, "longest retry": c.RetryMax} {
		if d <= 0 || d > 10*time.Minute {
			bad("%s %v: use more than 0, up to 10m", name, d)
		}
	}
	if c.MaxAge <= 0 || c.MaxAge > maxAge {
		bad("max age %v: use more than 0, up to %v", c.MaxAge, maxAge)
	}
	if c.Foreign != Overwrite && c.Foreign != Keep {
		bad("foreign documents %q: use %s or %s", c.Foreign, Overwrite, Keep)
	}
	if c.FirstWrite != FirstInsert && c.FirstWrite != FirstReserve {
		bad("first write %q: use %s or %s", c.FirstWrite, FirstInsert, FirstReserve)
	}
	if c.CacheEntries < 0 || c.CacheBytes < 0 {
		bad("a cache of %d keys, %d bytes", c.CacheEntries, c.CacheBytes)
	}
	if c.HomeDeliveryExpiry < 0 || c.LoyaltyExpiry < 0 {
		bad("expiries %v and %v: use 0 for none", c.HomeDeliveryExpiry, c.LoyaltyExpiry)
	}
	return errors.Join(errs...)
}

func (c Config) rules() rules {
	return rules{keepForeign: c.Foreign == Keep, reserve: c.FirstWrite == FirstReserve}
}

// address is the connection string without options and anything that looks
// like credentials.
func (c Config) address() string {
	address, _, _ := strings.Cut(c.ConnectionString, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		return scheme + "://" + rest
	}
	return address
}

func (c Config) durability() (memd.DurabilityLevel, error) {
	levels := []string{"none", "majority", "majorityAndPersistActive", "persistToMajority"}
	if i := slices.Index(levels, c.Durability); i >= 0 {
		return memd.DurabilityLevel(i), nil
	}
	return 0, fmt.Errorf("couchbase: durability %q: use one of %s", c.Durability, strings.Join(levels, ", "))
}
