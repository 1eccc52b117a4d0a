package cli

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/cmd/customer360/internal/tlsclient"
)

// checkComponents lets every component look at its part of the configuration,
// before anything is connected to. opts are those of the Kafka client.
func checkComponents(c config.Config, opts []kgo.Opt) error {
	if _, err := pipeline.Sources(c); err != nil {
		return err
	}
	if _, err := pipeline.Precedence(c); err != nil {
		return err
	}
	if err := pipeline.Settings(c).Validate(); err != nil {
		return err
	}
	if err := pipeline.ImporterConfig(c, c.StateDir, "check").Validate(); err != nil {
		return fmt.Errorf("loyalty: %w", err)
	}
	if err := pipeline.PollerConfig(c).Validate(); err != nil {
		return fmt.Errorf("online_store: %w", err)
	}
	if err := checkEngine(c, opts); err != nil {
		return err
	}
	return checkCouchbase(c)
}

// checkEngine stands behind config.Validate, which knows the engine's rules by
// the names that the user knows.
func checkEngine(c config.Config, opts []kgo.Opt) error {
	e := pipeline.EngineConfig(c, pipeline.Deps{Kafka: opts, Instance: "check", Dir: c.StateDir})
	e.Group, e.Transactional = pipeline.Settings(c).MergeGroup(), true
	return e.Validate()
}

func checkCouchbase(c config.Config) error {
	files := c.Couchbase.TLS
	if _, err := tlsclient.Config("couchbase.tls", tlsclient.Files{CA: files.CAFile, Cert: files.CertFile, Key: files.KeyFile}); err != nil {
		return err
	}
	return pipeline.CouchbaseConfig(c).Validate()
}
