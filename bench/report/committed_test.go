package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"customer360/bench/report"
	"customer360/bench/result"
)

// TestPerformanceIsMadeOfTheCommittedResults keeps docs/performance.md from being
// edited by hand, and from being older than the files of results.
func TestPerformanceIsMadeOfTheCommittedResults(t *testing.T) {
	const page, plots, remedy = "../../docs/performance.md", "../../docs/performance", "run make bench-report"
	files, err := filepath.Glob("../results/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(page)
	if len(files) == 0 {
		if err == nil {
			t.Errorf("%s is there, but bench/results has no files that it could be made of", page)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v: %s", err, remedy)
	}
	var sources []report.Source
	for _, path := range files {
		rows, err := result.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, report.Source{Path: path, Rows: rows})
	}
	p, err := report.New(sources)
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.Markdown("performance")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, bytes.ReplaceAll(committed, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("%s is not what the files of bench/results make: %s", page, remedy)
	}
	for line := range strings.Lines(string(made)) {
		if _, link, ok := strings.Cut(line, "](performance/"); ok {
			name, _, _ := strings.Cut(link, ")")
			for _, path := range []string{name, strings.TrimSuffix(name, ".png") + ".svg"} {
				if _, err := os.Stat(filepath.Join(plots, path)); err != nil {
					t.Errorf("a figure of the page is missing: %v: %s", err, remedy)
				}
			}
		}
	}
}
