package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// secretOption finds the value of an option of an address that may be a credential.
var secretOption = regexp.MustCompile(`(?i)([?&][^=&]*(?:pass|pwd|secret|token|auth|key|cred|sig)[^=&]*=)[^&#]+`)

// YAML prints the effective values, secrets masked.
func (c Config) YAML() ([]byte, error) {
	c.Couchbase.ConnectionString = secretOption.ReplaceAllString(c.Couchbase.ConnectionString, "${1}"+masked)
	c.OnlineStore.URL = secretOption.ReplaceAllString(c.OnlineStore.URL, "${1}"+masked)
	out, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("printing the configuration: %w", err)
	}
	return out, nil
}

// Reference is docs/configuration.md, generated from the tags.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

Generated from the code (` + "`customer360 config reference`" + `): do not edit.

The file is YAML and read strictly: an unknown key is an error that names the nearest right one. Every key can be set
by the environment instead; lists are separated by commas there, maps written as key=value pairs. Secrets can come from a
file (` + "`…_file`" + `) or the environment, and are masked wherever the configuration is shown.

GOMEMLIMIT and GOGC in the environment are Go's own; without them there is GOGC 50, and a soft limit where the container has one (docs/operations.md).

| key | environment | type | default | what it is |
|---|---|---|---|---|
`)
	for _, k := range Keys() {
		def := k.Default
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", k.Path, k.Env, k.Type, def, strings.ReplaceAll(k.Doc, "|", "\\|"))
	}
	return b.String()
}

// Values is what YAML prints, as a value for JSON.
func (c Config) Values() (map[string]any, error) {
	out, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if err := yaml.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("printing the configuration: %w", err)
	}
	return values, nil
}
