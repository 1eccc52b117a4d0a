package pipeline

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

const operations = "../../../../docs/operations.md"

var description = regexp.MustCompile(`fqName: "([^"]*)", help: "([^"]*)"`)

// metricsTable are the rows of the product's metrics, by name.
func metricsTable(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descs)
		close(descs)
	}()
	var rows []string
	for d := range descs {
		m := description.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a description without name and help: %s", d)
		}
		if !strings.HasPrefix(m[1], "customer360_") || len(m[2]) < 10 {
			t.Errorf("%s: help %q", m[1], m[2])
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", m[1], m[2]))
	}
	slices.Sort(rows)
	return strings.Join(slices.Compact(rows), "")
}

// Every metric that a process registers stands in docs/operations.md, with its
// help, and no other. UPDATE_DOCS=1 writes the table. A second pipeline in the
// process, as a rebuild makes one, finds its metrics registered and shares them.
func TestMetricsAreDocumented(t *testing.T) {
	c := start(t)
	registry := prometheus.NewRegistry()
	for _, instance := range []string{"a", "b"} {
		if _, err := c.newWith(registry, c.config, instance); err != nil {
			t.Fatal(err)
		}
	}
	table := metricsTable(t, registry)
	page, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| metric | help |\n|---|---|\n"
	before, rest, ok := strings.Cut(string(page), head)
	if !ok {
		t.Fatalf("%s has no table of metrics", operations)
	}
	end := strings.Index(rest, "\n\n") + 1
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(operations, []byte(before+head+table+rest[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if documented := rest[:end]; documented != table {
		for _, row := range strings.SplitAfter(table, "\n") {
			if !strings.Contains(documented, row) {
				t.Errorf("not documented: %s", row)
			}
		}
		for _, row := range strings.SplitAfter(documented, "\n") {
			if !strings.Contains(table, row) {
				t.Errorf("documented, but not there: %s", row)
			}
		}
		t.Error("run it with UPDATE_DOCS=1")
	}
}
