package couchbase

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"
)

// Bucket is a bucket to serve. Every bucket has the collection _default._default.
type Bucket struct {
	Name        string
	Collections map[string][]string // scope -> collections besides _default._default
}

// Config says what a node serves, where it listens and where it keeps the documents.
type Config struct {
	Dir                string // data folder, one process at a time
	Listen             string // host:port; port 0 takes a free one
	Username, Password string
	Buckets            []Bucket

	PurgeInterval time.Duration // how long a tombstone (and its system xattrs) is kept
	SweepInterval time.Duration // between looks for expired documents and old tombstones

	Before76 bool // as a server before 7.6: no range scans, one xattr in a request

	// TLS, where it is set, opens a second listener at ListenTLS that speaks TLS
	// (couchbases://). A client whose certificate it has verified (ClientAuth and
	// ClientCAs) is the node's user without a password, if it wants.
	TLS       *tls.Config
	ListenTLS string // host:port; port 0 takes a free one

	FailoverHistory int // how many writes a failover can lose; they are kept in memory, twice as many at most
}

// DefaultConfig is a node with one empty bucket "default" on a free port of
// 127.0.0.1. Dir and Password have no default.
func DefaultConfig() Config {
	return Config{
		Listen:        "127.0.0.1:0",
		ListenTLS:     "127.0.0.1:0",
		Username:      "Administrator",
		Buckets:       []Bucket{{Name: "default"}},
		PurgeInterval: 3 * 24 * time.Hour, // Couchbase's default metadata purge interval
		SweepInterval: time.Minute,
	}
}

// Deps is what a node needs from outside. Nil members mean slog.Default and time.Now.
type Deps struct {
	Log *slog.Logger
	Now func() time.Time
}

// Couchbase's rules for names of buckets, scopes and collections.
var (
	bucketName     = regexp.MustCompile(`^[A-Za-z0-9_.%-]{1,100}$`)
	collectionName = regexp.MustCompile(`^[A-Za-z0-9-][A-Za-z0-9_%-]{0,250}$`)
)

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("no data folder"))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen address %q: %w", c.Listen, err))
	}
	if _, _, err := net.SplitHostPort(c.ListenTLS); err != nil && c.TLS != nil {
		errs = append(errs, fmt.Errorf("listen address of TLS %q: %w", c.ListenTLS, err))
	}
	if c.TLS != nil && len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil {
		errs = append(errs, errors.New("TLS needs a certificate"))
	}
	if c.Username == "" || c.Password == "" {
		errs = append(errs, errors.New("username and password must not be empty"))
	}
	if c.PurgeInterval <= 0 || c.SweepInterval <= 0 {
		errs = append(errs, errors.New("purge and sweep intervals must be positive"))
	}
	if c.FailoverHistory < 0 {
		errs = append(errs, errors.New("the failover history must not be negative"))
	}
	if len(c.Buckets) == 0 {
		errs = append(errs, errors.New("no bucket"))
	}
	seen := map[string]bool{}
	for _, b := range c.Buckets {
		if seen[b.Name] {
			errs = append(errs, fmt.Errorf("bucket %q is given twice", b.Name))
		}
		seen[b.Name] = true
		errs = append(errs, b.validate()...)
	}
	return errors.Join(errs...)
}

func (b Bucket) validate() (errs []error) {
	if !bucketName.MatchString(b.Name) {
		errs = append(errs, fmt.Errorf("bucket name %q is not allowed", b.Name))
	}
	for scope, collections := range b.Collections {
		if scope != defaultName && !collectionName.MatchString(scope) {
			errs = append(errs, fmt.Errorf("scope name %q is not allowed", scope))
		}
		for _, c := range collections {
			if c != defaultName && !collectionName.MatchString(c) {
				errs = append(errs, fmt.Errorf("collection name %q is not allowed", scope+"."+c))
			}
		}
	}
	return errs
}
