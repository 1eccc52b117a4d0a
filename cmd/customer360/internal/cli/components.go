package cli

import (
	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
)

// checkComponents lets every component look at its part of the configuration.
func checkComponents(c config.Config) error {
	if _, err := pipeline.Sources(c); err != nil {
		return err
	}
	if _, err := pipeline.Precedence(c); err != nil {
		return err
	}
	if err := pipeline.ImporterConfig(c, c.StateDir, "check").Validate(); err != nil {
		return err
	}
	if err := pipeline.PollerConfig(c).Validate(); err != nil {
		return err
	}
	return pipeline.CouchbaseConfig(c).Validate()
}
