package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Load reads a file, applies the environment over it, reads secrets from their
// files and validates. lookup is os.LookupEnv. Errors name the file and, where
// the file is to blame, the line; they never hold a secret.
func Load(path string, lookup func(string) (string, bool)) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text, lookup)
}

// Parse is Load for a text that is at hand; name is used in errors, and
// relative file names are taken from its folder.
func Parse(name string, text []byte, lookup func(string) (string, bool)) (Config, error) {
	c := Default()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return c, fmt.Errorf("%s:%w", name, locate(err))
	}
	if err := unknownKeys(name, file); err != nil {
		return c, err
	}
	if len(file.Docs) > 1 {
		return c, fmt.Errorf("%s: holds %d YAML documents, and the configuration is one document: leave out the lines ---", name, len(file.Docs))
	}
	if !empty(file) { // an empty document would set everything to zero
		if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
			return c, fmt.Errorf("%s:%w", name, locate(err))
		}
	}
	if err := applyEnvironment(&c, lookup); err != nil {
		return c, err
	}
	if err := readSecretFiles(&c, filepath.Dir(name), lookup); err != nil {
		return c, err
	}
	if p := c.Validate(); p != nil {
		return c, p.at(name, file, lookup)
	}
	return c, nil
}

func empty(file *ast.File) bool {
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		default:
			return false
		}
	}
	return true
}

// locate turns the YAML package's error, which quotes the source (and with it
// maybe a password), into its position and first line.
func locate(err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		t := syntax.GetToken()
		return fmt.Errorf("%d: %s", t.Position.Line, withoutValues(syntax.GetMessage()))
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf(" %s", withoutValues(line))
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// withoutValues cuts quoted values out of a message of the YAML package.
func withoutValues(s string) string { return quoted.ReplaceAllString(s, "the value") }

// problem is one finding of Validate: the key's path and what is wrong.
type problem struct {
	path string // kafka.brokers
	text string
}

func (p *problem) Error() string { return p.path + ": " + p.text }

// at adds where the value came from: the file's line or the environment.
func (p *problem) at(name string, file *ast.File, lookup func(string) (string, bool)) error {
	if _, ok := lookup(EnvName(p.path)); ok {
		return fmt.Errorf("environment %s: %w", EnvName(p.path), p)
	}
	if path, err := yaml.PathString("$." + p.path); err == nil {
		if node, err := path.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
			return fmt.Errorf("%s:%d: %w", name, node.GetToken().Position.Line, p)
		}
	}
	return fmt.Errorf("%s: %w (not in the file: this is the default)", name, p)
}

// readSecretFiles reads the passwords that stand in files of their own. One that
// the environment gives outranks the file that the configuration file names.
func readSecretFiles(c *Config, dir string, lookup func(string) (string, bool)) error {
	inEnvironment := func(path string) bool { _, ok := lookup(EnvName(path)); return ok }
	for _, s := range []struct {
		path, file string
		into       *Secret
	}{
		{"kafka.sasl.password_file", c.Kafka.SASL.PasswordFile, &c.Kafka.SASL.Password},
		{"home_delivery.schema_registry.password_file", c.Delivery.Registry.PasswordFile, &c.Delivery.Registry.Password},
		{"couchbase.password_file", c.Couchbase.PasswordFile, &c.Couchbase.Password},
	} {
		if s.file == "" || inEnvironment(strings.TrimSuffix(s.path, "_file")) && !inEnvironment(s.path) {
			continue
		}
		file := s.file
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		*s.into = Secret(strings.TrimRight(string(text), "\r\n"))
	}
	return nil
}
