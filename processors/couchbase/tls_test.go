package couchbase

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// certificate is an authority's (signer nil) or one that it has signed, in files.
type certificate struct {
	cert, key string
	parsed    *x509.Certificate
	private   *ecdsa.PrivateKey
}

func issue(t *testing.T, name string, signer *certificate, change func(*x509.Certificate)) *certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if signer == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	if change != nil {
		change(c)
	}
	parent, with := c, private
	if signer != nil {
		parent, with = signer.parsed, signer.private
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, private.Public(), with)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	made := &certificate{cert: filepath.Join(t.TempDir(), name+".pem"), key: filepath.Join(t.TempDir(), name+".key"), private: private}
	if made.parsed, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{made.cert: {Type: "CERTIFICATE", Bytes: der}, made.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// startSecure is a node that speaks TLS with the certificate, and takes clients'
// certificates of the authority.
func startSecure(t *testing.T, authority, server *certificate) *couchbase.Node {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(server.cert, server.key)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(authority.parsed)
	return couchbasetest.Start(t, func(c *couchbase.Config) {
		c.Buckets = []couchbase.Bucket{{Name: "customer360"}}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients}
	})
}

// tryTLS connects and does all that a sink's start does.
func tryTLS(t *testing.T, cfg Config) error {
	t.Helper()
	client, err := Connect(t.Context(), cfg, testLog())
	if err != nil {
		return err
	}
	defer client.Close()
	col, err := client.collection(t.Context(), cfg.Documents)
	if err == nil {
		err = probe(t.Context(), col, cfg.Documents, cfg, testLog())
	}
	return err
}

func secureConfig(n *couchbase.Node, authority *certificate) Config {
	c := nodeConfig(n)
	c.ConnectionString, c.CAPath, c.ConnectTimeout = n.SecureConnectionString(), authority.cert, time.Minute
	return c
}

func TestTLS(t *testing.T) {
	authority := issue(t, "authority", nil, nil)
	node := startSecure(t, authority, issue(t, "server", authority, nil))
	user := issue(t, "user", authority, nil)
	for name, change := range map[string]func(*Config){
		"password":    func(*Config) {},
		"certificate": func(c *Config) { c.CertificatePath, c.KeyPath, c.Username, c.Password = user.cert, user.key, "", "" },
		"plain":       func(c *Config) { c.ConnectionString, c.CAPath = node.ConnectionString(), "" },
	} {
		cfg := secureConfig(node, authority)
		change(&cfg)
		if err := tryTLS(t, cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTLSErrors: what waiting does not mend is told at once, and says what it is.
func TestTLSErrors(t *testing.T) {
	authority, stranger := issue(t, "authority", nil, nil), issue(t, "stranger", nil, nil)
	good := startSecure(t, authority, issue(t, "server", authority, nil))
	expired := startSecure(t, authority, issue(t, "expired", authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-24 * time.Hour) }))
	unnamed := startSecure(t, authority, issue(t, "unnamed", authority, func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = nil, []string{"db.example.com"}
	}))
	alien := issue(t, "alien", stranger, nil)
	for name, c := range map[string]struct {
		node   *couchbase.Node
		change func(*Config)
		want   string
	}{
		"wrong CA":       {good, func(c *Config) { c.CAPath = stranger.cert }, "unknown authority"},
		"expired":        {expired, func(*Config) {}, "expired"},
		"other name":     {unnamed, func(*Config) {}, "127.0.0.1"},
		"wrong password": {good, func(c *Config) { c.Password = "not-the-secret" }, `user "Administrator"`},
		// The SDK does not say why the node hangs up: this waits for its limit.
		"alien client": {good, func(c *Config) {
			c.ConnectTimeout = 5 * time.Second
			c.CertificatePath, c.KeyPath, c.Username, c.Password = alien.cert, alien.key, "", ""
		}, "take the client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := secureConfig(c.node, authority)
			c.change(&cfg)
			begun := time.Now()
			err := tryTLS(t, cfg)
			t.Logf("after %.1f s: %v", time.Since(begun).Seconds(), err)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "not-the-secret") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if d := time.Since(begun); d > time.Minute/2 {
				t.Errorf("it took %v", d)
			}
		})
	}
}
