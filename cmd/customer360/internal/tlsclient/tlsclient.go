// Package tlsclient makes a client's TLS settings of the files that the
// configuration names.
package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Files are PEM files; empty ones are left out.
type Files struct {
	CA         string // authorities to trust; empty: the system's
	Cert, Key  string // the client's, for mutual TLS
	ServerName string // to expect in the server's certificate; empty: the address's host
}

// Config reads the files. section is where the configuration names them
// (kafka.tls), for errors, which name key and file and never a content.
func Config(section string, f Files) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("%s.ca_file: %w", section, err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s.ca_file: no certificate in %s", section, f.CA)
		}
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("%s.cert_file: %w", section, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
