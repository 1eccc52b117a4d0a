package couchbase

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Probe does what each sink does at its start: fenced writes and removals of a
// probe document, and, for first_write insert, the try of inserts. odd says
// how inserts are otherwise than they should be, "" where they are as they should
// be or are not asked for. It leaves no document behind.
func (c *Client) Probe(ctx context.Context, t Target) (odd string, err error) {
	col, err := c.collection(ctx, t)
	if err != nil {
		return "", err
	}
	quiet := slog.New(slog.DiscardHandler)
	if err := probe(ctx, col, t, c.cfg, quiet); err != nil {
		return "", err
	}
	if c.cfg.FirstWrite != FirstInsert {
		return "", nil
	}
	return probeInsert(ctx, col, c.bodies(t), t, c.cfg, quiet)
}

// Bucket is what the management interface says of a bucket.
type Bucket struct {
	Type          string        // membase (couchbase), ephemeral, memcached
	Eviction      string        // valueOnly, fullEviction, noEviction, nruEviction; "": not said
	MaxTTL        time.Duration // longest life of its documents; 0: no limit
	Replicas      int           // -1: not said
	PurgeInterval time.Duration // after which tombstones, and the fences on them, go; 0: not said
}

// managementPort of a server, without and with TLS.
var managementPort = map[bool]string{false: "8091", true: "18091"}

// DescribeBucket asks the management interface of the first server that answers.
// It reads only.
func DescribeBucket(ctx context.Context, cfg Config, name string) (Bucket, error) {
	client, secure, err := cfg.management()
	if err != nil {
		return Bucket{}, err
	}
	defer client.CloseIdleConnections()
	var errs []error
	for _, base := range cfg.managementAddresses(secure) {
		b, err := describeBucket(ctx, client, cfg, base, name)
		if err == nil {
			return b, nil
		}
		errs = append(errs, err)
	}
	return Bucket{}, errors.Join(errs...)
}

func describeBucket(ctx context.Context, client *http.Client, cfg Config, base, name string) (Bucket, error) {
	var said struct {
		Type     string          `json:"bucketType"`
		Eviction string          `json:"evictionPolicy"`
		MaxTTL   int64           `json:"maxTTL"`
		Replicas *int            `json:"replicaNumber"`
		Purge    float64         `json:"purgeInterval"` // days; of a bucket with settings of its own
		Own      json.RawMessage `json:"autoCompactionSettings"`
	}
	if err := ask(ctx, client, cfg, base+"/pools/default/buckets/"+url.PathEscape(name), &said); err != nil {
		return Bucket{}, err
	}
	b := Bucket{Type: said.Type, Eviction: said.Eviction, MaxTTL: time.Duration(said.MaxTTL) * time.Second, Replicas: -1, PurgeInterval: days(said.Purge)}
	if said.Replicas != nil {
		b.Replicas = *said.Replicas
	}
	if b.PurgeInterval == 0 { // the cluster's, where the user may see it
		var cluster struct {
			Purge float64 `json:"purgeInterval"`
		}
		if ask(ctx, client, cfg, base+"/settings/autoCompaction", &cluster) == nil {
			b.PurgeInterval = days(cluster.Purge)
		}
	}
	return b, nil
}

func days(n float64) time.Duration { return time.Duration(n * 24 * float64(time.Hour)) }

// ask reads one JSON answer. Errors hold address and status, no credentials.
func ask(ctx context.Context, client *http.Client, cfg Config, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if cfg.CertificatePath == "" {
		r.SetBasicAuth(cfg.Username, cfg.Password)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(into)
}

func (c Config) management() (client *http.Client, secure bool, err error) {
	secure = strings.HasPrefix(c.ConnectionString, "couchbases://")
	transport := &http.Transport{}
	if secure {
		if transport.TLSClientConfig, err = c.tls(); err != nil {
			return nil, secure, err
		}
	}
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}, secure, nil
}

// managementAddresses are where it may answer: a port in the connection string is
// one of the data service, where the embedded node answers too.
func (c Config) managementAddresses(secure bool) []string {
	scheme := map[bool]string{false: "http://", true: "https://"}[secure]
	_, hosts, _ := strings.Cut(c.address(), "://")
	var list []string
	for host := range strings.SplitSeq(hosts, ",") {
		host, _, _ = strings.Cut(host, "/")
		u, err := url.Parse("couchbase://" + host)
		if err != nil || u.Hostname() == "" {
			continue
		}
		name := u.Hostname()
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		if p := u.Port(); p != "" && p != "11210" && p != "11207" {
			list = append(list, scheme+name+":"+p)
		}
		list = append(list, scheme+name+":"+managementPort[secure])
	}
	return list
}

func (c Config) tls() (*tls.Config, error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.SecurityConfig.TLSRootCAs}
	if c.CertificatePath != "" {
		pair, err := tls.LoadX509KeyPair(c.CertificatePath, c.KeyPath)
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
