package monitoring

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var language = parser.NewParser(parser.Options{})

func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile("alerts.yaml", false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// known are the metrics of docs/operations.md, which a test of the product holds
// to what a process registers, and those of its collectors and of Prometheus.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{"up": true, "process_resident_memory_bytes": true, "process_cpu_seconds_total": true, "process_open_fds": true,
		"process_max_fds": true, "go_goroutines": true}
	for _, m := range regexp.MustCompile("(?m)^\\| `(customer360_[a-z0-9_]+)` \\|").FindAllStringSubmatch(read(t, "../../docs/operations.md"), -1) {
		names[m[1]] = true
		if strings.HasSuffix(m[1], "_seconds") { // perhaps a histogram
			names[m[1]+"_bucket"] = true
		}
	}
	if len(names) < 40 {
		t.Fatalf("%d metrics in docs/operations.md", len(names))
	}
	return names
}

func checkExpr(t *testing.T, where, text string, known map[string]bool) {
	t.Helper()
	expr, err := language.ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, text)
		return
	}
	found := 0
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			found++
			if !known[v.Name] {
				t.Errorf("%s: no metric %q", where, v.Name)
			}
		}
		return nil
	})
	if found == 0 {
		t.Errorf("%s: no metric in %s", where, text)
	}
}

// slug is the anchor that a heading of Markdown gets.
func slug(heading string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// sections of the runbook: heading to text.
func sections(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, part := range strings.Split(read(t, "../../docs/runbook.md"), "\n### ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		found[heading] = text
	}
	return found
}

func TestAlerts(t *testing.T) {
	metrics, book := known(t), sections(t)
	names := map[string]bool{}
	for _, r := range rules(t) {
		if names[r.Alert] || r.Alert == "" {
			t.Errorf("%q twice, or no name", r.Alert)
		}
		names[r.Alert] = true
		checkExpr(t, r.Alert, r.Expr, metrics)
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		for _, a := range []string{"summary", "description"} {
			if r.Annotations[a] == "" {
				t.Errorf("%s has no %s", r.Alert, a)
			}
		}
		if want := "docs/runbook.md#" + slug(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		for _, word := range []string{"**Cause.**", "**Look.**", "**Remedy.**"} {
			if !strings.Contains(book[r.Alert], word) {
				t.Errorf("docs/runbook.md: section %s has no %s", r.Alert, word)
			}
		}
	}
	for heading := range book {
		if strings.HasPrefix(heading, "Customer360") && !names[heading] {
			t.Errorf("docs/runbook.md: no alert %s", heading)
		}
	}
}

// Each check of `customer360 doctor` has a section, and each section its check.
func TestDoctorInTheRunbook(t *testing.T) {
	source := ""
	for _, file := range []string{"doctor.go", "sources.go"} {
		source += read(t, "../../cmd/customer360/internal/doctor/"+file)
	}
	checks := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{"([a-z-]+)", d\.|f\.Check = "([a-z-]+)"`).FindAllStringSubmatch(source, -1) {
		checks[m[1]+m[2]] = true
	}
	if len(checks) < 15 {
		t.Fatalf("checks in the source: %v", checks)
	}
	book := sections(t)
	for c := range checks {
		if book["doctor: "+c] == "" {
			t.Errorf("docs/runbook.md: no section \"doctor: %s\"", c)
		}
	}
	for heading := range book {
		if c, ok := strings.CutPrefix(heading, "doctor: "); ok && !checks[c] {
			t.Errorf("docs/runbook.md: no check %s", c)
		}
	}
}

type dashboard struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID      int    `json:"id"`
		Type    string `json:"type"`
		Title   string `json:"title"`
		GridPos struct{ H, W, X, Y int }
		Targets []struct {
			RefID string `json:"refId"`
			Expr  string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("%q %q, schema %d", d.UID, d.Title, d.SchemaVersion)
	}
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	metrics, ids, filled, rows := known(t), map[int]bool{}, map[string]string{}, 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: id twice, no title, or off the grid", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				cell := fmt.Sprint(x, y)
				if filled[cell] != "" {
					t.Fatalf("%q lies over %q", p.Title, filled[cell])
				}
				filled[cell] = p.Title
			}
		}
		if p.Type == "row" {
			rows++
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			expr := regexp.MustCompile(`\$([a-zA-Z_]+)`).ReplaceAllStringFunc(target.Expr, func(v string) string {
				if !slices.Contains(variables, v[1:]) {
					t.Errorf("%s: no variable %s", p.Title, v)
				}
				if v == "$__rate_interval" {
					return "1m"
				}
				return ".*"
			})
			checkExpr(t, p.Title, expr, metrics)
		}
	}
	if rows != 7 {
		t.Errorf("%d rows", rows)
	}
}
