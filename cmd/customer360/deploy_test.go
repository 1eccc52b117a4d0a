package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"customer360/cmd/customer360/internal/cli"
	"customer360/cmd/customer360/internal/config"
)

const deploy = "../../deploy/"

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deploy + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decode reads YAML, or JSON, which is YAML too.
func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(deployed(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// files lists what lies below deploy/, without the scripts of the test stack and the programs.
func files(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(deploy, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(path), deploy))
			return err
		}
		if d.Name() == "stack" || d.Name() == "dist" || d.Name() == "monitoring" {
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDeployFilesParse(t *testing.T) {
	parsed := 0
	for _, name := range files(t) {
		text := []byte(deployed(t, name))
		var err error
		switch filepath.Ext(name) {
		case ".json":
			var v map[string]any
			err = json.Unmarshal(text, &v)
		case ".yaml", ".yml":
			var v map[string]any
			err = yaml.UnmarshalWithOptions(text, &v, yaml.Strict()) // a key that stands twice is an error
		default:
			continue
		}
		if parsed++; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if parsed < 14 {
		t.Errorf("%d files parsed", parsed)
	}
}

var variable = regexp.MustCompile(`\bCUSTOMER360_[A-Z0-9_]+`)

func TestDeployNamesKnownVariables(t *testing.T) {
	var known []string
	for _, k := range config.Keys() {
		known = append(known, k.Env)
	}
	found := 0
	for _, name := range files(t) {
		for _, v := range variable.FindAllString(deployed(t, name), -1) {
			if found++; !slices.Contains(known, v) {
				t.Errorf("%s: %s is no key of the configuration", name, v)
			}
		}
	}
	if found == 0 {
		t.Error("no variable found")
	}
}

// configured reads a configuration as `run` does there, but for its password.
func configured(t *testing.T, name string) config.Config {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(name, []byte(deployed(t, name)), func(key string) (string, bool) {
		return password, key == "CUSTOMER360_COUCHBASE_PASSWORD_FILE"
	})
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Couchbase struct {
			PasswordFile string `yaml:"password_file"`
		}
	}
	decode(t, name, &written)
	c.Couchbase.PasswordFile = written.Couchbase.PasswordFile
	return c
}

func TestDeployConfigurations(t *testing.T) {
	d := config.Default()
	for _, name := range []string{"compose/customer360.yaml", "kubernetes/customer360.yaml"} {
		c := configured(t, name)
		if c.Delivery.Topic != d.Delivery.Topic || c.Delivery.Table != d.Delivery.Table || c.Kafka.Partitions != d.Kafka.Partitions ||
			c.Couchbase.Documents != d.Couchbase.Documents || c.Couchbase.Staging != d.Couchbase.Staging || c.Couchbase.Metadata != d.Couchbase.Metadata {
			t.Errorf("%s names another topic, table or bucket than the defaults, which everything else here follows", name)
		}
		if c.HTTP.Listen != ":8360" {
			t.Errorf("%s listens at %s: whoever asks for health would not reach it", name, c.HTTP.Listen)
		}
	}
	script := deployed(t, "compose/couchbase/init.sh")
	for _, bucket := range []string{d.Couchbase.Documents.Bucket, d.Couchbase.Staging.Bucket, d.Couchbase.Metadata.Bucket} {
		if !strings.Contains(script, "bucket_full_access["+bucket+"]") {
			t.Errorf("init.sh gives no rights on %s", bucket)
		}
	}
}

// accepted says whether the binary knows this command line: a wrong word or flag is exit code 2.
func accepted(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	if code := cli.Main(t.Context(), append(args, "--help"), nil, &out, &out); code != 0 || !strings.Contains(out.String(), "customer360 "+args[0]) {
		t.Errorf("%v: exit code %d: %s", args, code, out.String())
	}
}

func TestDeployCommandLines(t *testing.T) {
	unit := deployed(t, "systemd/customer360.service")
	lines := regexp.MustCompile(`(?m)^Exec\w+=/usr/bin/customer360 (.*)$`).FindAllStringSubmatch(unit, -1)
	if len(lines) != 2 {
		t.Fatalf("%d command lines in the unit", len(lines))
	}
	for _, l := range lines {
		accepted(t, strings.Fields(l[1])...)
	}
	for _, want := range []string{"RestartPreventExitStatus=2 3\n", "Restart=on-failure\n", "DynamicUser=yes\n", "TimeoutStopSec=60\n",
		"StateDirectory=customer360\n", "CUSTOMER360_STATE_DIR=/var/lib/customer360/state\n"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	dockerfile := deployed(t, "docker/Dockerfile")
	cmd := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindStringSubmatch(dockerfile)
	if cmd == nil {
		t.Fatal("no CMD in the Dockerfile")
	}
	var args []string
	if err := json.Unmarshal([]byte(cmd[1]), &args); err != nil {
		t.Fatal(err)
	}
	accepted(t, args...)
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		pinned(t, from[1])
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nEXPOSE 8360\n", "\nWORKDIR /var/lib/customer360\n", "CGO_ENABLED=0", "internal/cli.release=", "internal/cli.revision="} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
}

// pinned wants a tag that says which version.
func pinned(t *testing.T, image string) {
	t.Helper()
	_, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !ok || tag == "latest" || tag == "" {
		t.Errorf("the image %s is not pinned", image)
	}
}
