package pipeline

import (
	"testing"

	"customer360/cmd/customer360/internal/config"
)

// A client certificate stands instead of user and password, although the user
// has a default.
func TestCouchbaseClientCertificate(t *testing.T) {
	c := config.Default()
	c.Couchbase.ConnectionString = "couchbases://db.example.com"
	c.Couchbase.TLS = config.CouchbaseTLS{CAFile: "ca.pem", CertFile: "user.pem", KeyFile: "user.key"}
	s := CouchbaseConfig(c)
	if err := s.Validate(); err != nil || s.CertificatePath != "user.pem" || s.KeyPath != "user.key" || s.CAPath != "ca.pem" {
		t.Errorf("%+v: %v", s, err)
	}
}
