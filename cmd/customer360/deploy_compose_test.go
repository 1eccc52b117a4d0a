package main

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/pipeline"
	"customer360/topology"
)

type composeService struct {
	Image       string            `yaml:"image"`
	Command     any               `yaml:"command"`
	DependsOn   any               `yaml:"depends_on"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Secrets     []any             `yaml:"secrets"`
	Configs     []struct {
		Source, Target string
	} `yaml:"configs"`
	StopGracePeriod string `yaml:"stop_grace_period"`
}

type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Configs  map[string]struct {
		File, Content string
	} `yaml:"configs"`
	Secrets map[string]any `yaml:"secrets"`
	Volumes map[string]any `yaml:"volumes"`
}

func TestCompose(t *testing.T) {
	var f composeFile
	decode(t, "compose/docker-compose.yml", &f)
	names := slices.Sorted(maps.Keys(f.Services))
	for name, s := range f.Services {
		if s.Image != "customer360:local" { // built
			pinned(t, s.Image)
		} else {
			var args []string
			for _, a := range s.Command.([]any) {
				args = append(args, a.(string))
			}
			accepted(t, args...)
		}
		for _, other := range dependencies(s.DependsOn) {
			if !slices.Contains(names, other) {
				t.Errorf("%s waits for %s, which is no service", name, other)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			_, declared := f.Volumes[source]
			if strings.HasPrefix(source, ".") {
				_, err := os.Stat(path.Join(deploy, "compose", source))
				declared = err == nil
			}
			if !declared && !strings.HasPrefix(source, "$") {
				t.Errorf("%s mounts %s, which is not there", name, source)
			}
		}
		for _, c := range s.Configs {
			if _, ok := f.Configs[c.Source]; !ok {
				t.Errorf("%s takes the configuration %s, which is not there", name, c.Source)
			}
		}
		for _, secret := range s.Secrets {
			if _, ok := f.Secrets[secret.(string)]; !ok {
				t.Errorf("%s takes the secret %v, which is not there", name, secret)
			}
		}
	}
	c := configured(t, "compose/customer360.yaml")
	hosts := []string{strings.TrimPrefix(c.Couchbase.ConnectionString, "couchbase://")}
	for _, b := range c.Kafka.Brokers {
		hosts = append(hosts, strings.Split(b, ":")[0])
	}
	hosts = append(hosts, strings.TrimPrefix(regexp.MustCompile(`http://(\w+)`).FindString(f.Services["connector"].Environment["CONNECT"]), "http://"))
	for _, host := range hosts {
		if !slices.Contains(names, host) {
			t.Errorf("the configuration names the host %s, which is no service", host)
		}
	}
	if secret, ok := strings.CutPrefix(c.Couchbase.PasswordFile, "/run/secrets/"); !ok || f.Secrets[secret] == nil {
		t.Errorf("the password is read from %s, where no secret is", c.Couchbase.PasswordFile)
	}
	state := false
	for _, v := range f.Services["customer360"].Volumes {
		state = state || strings.HasSuffix(v, ":"+c.StateDir)
	}
	if !state {
		t.Errorf("no volume for %s", c.StateDir)
	}
	if f.Services["customer360"].StopGracePeriod != "60s" {
		t.Errorf("it is given %s to end", f.Services["customer360"].StopGracePeriod)
	}
	if advertised := f.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"]; advertised != "PLAINTEXT://"+c.Kafka.Brokers[0] {
		t.Errorf("Kafka says it is at %s, the configuration %v", advertised, c.Kafka.Brokers)
	}
	if scrape := deployed(t, "compose/prometheus.yml"); !strings.Contains(scrape, "port: 8360") || !strings.Contains(scrape, `names: ["customer360"]`) {
		t.Error("Prometheus asks elsewhere")
	}
}

func dependencies(v any) (names []string) {
	switch x := v.(type) {
	case []any:
		for _, name := range x {
			names = append(names, name.(string))
		}
	case map[string]any:
		names = slices.Collect(maps.Keys(x))
	}
	return names
}

func TestComposeVariablesHaveExamples(t *testing.T) {
	example := deployed(t, "compose/.env.example")
	for _, m := range regexp.MustCompile(`(?:^|[^$])\$\{([A-Z0-9_]+)[:}]`).FindAllStringSubmatch(deployed(t, "compose/docker-compose.yml"), -1) {
		if !strings.Contains(example, "\n"+m[1]+"=") {
			t.Errorf(".env.example lacks %s", m[1])
		}
	}
}

// The lists in testdata/debezium are what each connector's config() names, printed from its jars.
func TestConnectors(t *testing.T) {
	delivery := config.Default().Delivery
	graph, err := topology.New(pipeline.Settings(config.Default()))
	if err != nil {
		t.Fatal(err)
	}
	var rows topology.Topic
	for _, topic := range graph.Topics {
		if topic.Name == delivery.Topic {
			rows = topic
		}
	}
	for name, prefix := range map[string]string{"mysql-0.9": "database.server.name", "mysql-3.3": "topic.prefix", "mariadb-3.3": "topic.prefix"} {
		var f struct {
			Name   string
			Config map[string]string
		}
		if err := json.Unmarshal([]byte(deployed(t, "connect/"+name+".json")), &f); err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadFile("testdata/debezium/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		known := strings.Fields(string(list))
		for key := range f.Config {
			if !slices.Contains(known, key) && !regexp.MustCompile(`^(connector\.class|tasks\.max|(key|value)\.converter(\..*)?|topic\.creation\..*|schema\.history\.internal\.kafka\.(topic|bootstrap\.servers))$`).MatchString(key) {
				t.Errorf("%s: Debezium does not know %s", name, key)
			}
		}
		table := f.Config["table.include.list"] + f.Config["table.whitelist"]
		if table != delivery.Table || f.Config[prefix]+"."+table != delivery.Topic {
			t.Errorf("%s writes %s to %s.%s, and the configuration expects %s", name, table, f.Config[prefix], table, delivery.Topic)
		}
		if f.Config["database.password"] != "${file:/etc/connect/secrets/debezium.properties:password}" {
			t.Errorf("%s: the password is not read from the file", name)
		}
		if f.Config["topic.creation.groups"] == "" {
			continue // Connect of that time had no such thing
		}
		for _, key := range []string{"cleanup.policy", "min.compaction.lag.ms", "delete.retention.ms"} {
			if got := f.Config["topic.creation.rows."+key]; rows.Config[key] == "" || got != rows.Config[key] {
				t.Errorf("%s makes the topic with %s %q, topics create with %q", name, key, got, rows.Config[key])
			}
		}
		include := regexp.MustCompile("^(?:" + f.Config["topic.creation.rows.include"] + ")$")
		if !include.MatchString(delivery.Topic) {
			t.Errorf("%s: the rows' settings do not fit %s", name, delivery.Topic)
		}
	}
}
