// Package kafkaclient turns the Kafka section of the configuration into the
// options of a franz-go client: addresses, TLS, SASL. Nothing else in the
// product reads these keys.
package kafkaclient

import (
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/tlsclient"
)

// Options reach the cluster. Errors name the key and the file, never a secret.
func Options(c config.Kafka) ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.SoftwareNameAndVersion("customer360", "1")}
	if c.TLS.Enabled {
		t, err := tlsclient.Config("kafka.tls", tlsclient.Files{CA: c.TLS.CAFile, Cert: c.TLS.CertFile, Key: c.TLS.KeyFile, ServerName: c.TLS.ServerName})
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(t))
	}
	user, password := c.SASL.Username, c.SASL.Password.Reveal()
	switch c.SASL.Mechanism {
	case "PLAIN":
		opts = append(opts, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
	case "SCRAM-SHA-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()))
	}
	return opts, nil
}
