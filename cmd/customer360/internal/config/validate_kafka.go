package config

import "time"

func (c Config) checkKafka() *problem {
	k := c.Kafka
	if len(k.Brokers) == 0 {
		return bad("kafka.brokers", "empty: write at least one host:port")
	}
	for _, b := range k.Brokers {
		if p := address("kafka.brokers", b, false); p != nil {
			return p
		}
	}
	if k.Partitions < 1 || k.Partitions > 4096 {
		return bad("kafka.partitions", "%d: use 1 to 4096", k.Partitions)
	}
	if k.ReplicationFactor == 0 || k.ReplicationFactor < -1 {
		return bad("kafka.replication_factor", "%d: use 1 or more, or -1 for the broker's default", k.ReplicationFactor)
	}
	if k.SASL.Mechanism != "" && (k.SASL.Username == "" || k.SASL.Password == "") {
		return bad("kafka.sasl.username", "%s needs a username and a password", k.SASL.Mechanism)
	}
	if k.SASL.Mechanism == "" && (k.SASL.Username != "" || k.SASL.Password != "") {
		return bad("kafka.sasl.mechanism", "empty, and there is a username or a password: choose PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	}
	if (k.TLS.CertFile == "") != (k.TLS.KeyFile == "") {
		return bad("kafka.tls.cert_file", "cert_file and key_file go together")
	}
	if without := (TLS{Enabled: k.TLS.Enabled}); !k.TLS.Enabled && k.TLS != without {
		return bad("kafka.tls.enabled", "false, and there are other settings of kafka.tls: without it nothing is encrypted; write enabled: true, or leave the others out")
	}
	return first(
		oneOf("kafka.sasl.mechanism", k.SASL.Mechanism, "", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
		oneOf("kafka.compression_type", k.CompressionType, "none", "lz4", "snappy", "zstd"),
		positive("kafka.commit_interval", k.CommitInterval),
		within("kafka.transaction_timeout", k.TransactionTimeout, time.Millisecond, longestTimeout),
		within("kafka.session_timeout", k.SessionTimeout, shortestSession, longestTimeout),
		k.checkCommits(),
	)
}

// Bounds of the Kafka client: its requests hold milliseconds in 32 bits, which
// are 24 days, and it refuses shorter sessions.
const (
	longestTimeout  = 24 * 24 * time.Hour
	shortestSession = 100 * time.Millisecond
)

// checkCommits is the engine's rule.
func (k Kafka) checkCommits() *problem {
	if most := k.TransactionTimeout / 3; k.CommitInterval > most {
		return bad("kafka.commit_interval", "%v: use at most %v, a third of kafka.transaction_timeout (%v), or a commit that is late has no time left", k.CommitInterval, most, k.TransactionTimeout)
	}
	return nil
}
