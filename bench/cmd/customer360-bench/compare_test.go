package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"customer360/bench/report"
	"customer360/bench/result"
)

// save writes six rounds of one measurement, which has nothing to do with any real one.
func save(t *testing.T, name, settings string, from float64) string {
	t.Helper()
	var rows []result.Row
	for round := range 6 {
		rows = append(rows, result.Row{Benchmark: "merge", Contender: "customer360", Round: int32(round + 1), Metric: "cpu", Unit: "us/record",
			Value: from + float64(round)/10, Settings: settings, Machine: "invented", Cores: 2, Commit: "c", GoVersion: "go1.26.0"})
	}
	path := filepath.Join(t.TempDir(), name)
	if err := result.Save(path, rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func bench(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	err = dispatch(t.Context(), args, &out, &log)
	return out.String(), log.String(), err
}

func TestCompareFailsOnARegressionOnly(t *testing.T) {
	a, b := save(t, "a.parquet", `{"keys":1}`, 10), save(t, "b.parquet", `{"keys":1}`, 12)
	if out, _, err := bench(t, "compare", a, b); err != nil || !strings.Contains(out, "worse (p=0.002") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _, err := bench(t, "compare", "--output", "json", a, "--fail-over", "10", b)
	if err == nil || errors.Is(err, errUsage) || !strings.Contains(err.Error(), "merge customer360  cpu: 19.5% worse") {
		t.Errorf("19%% worse, 10%% allowed: %v", err)
	}
	var c struct{ Lines []struct{ Ratio float64 } }
	if err := json.Unmarshal([]byte(out), &c); err != nil || len(c.Lines) != 1 || c.Lines[0].Ratio < 1.19 {
		t.Errorf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"compare", "--fail-over", "30", a, b}, {"compare", "--fail-over", "0", b, a}} {
		if _, _, err := bench(t, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestCompareRefusesOtherSettings(t *testing.T) {
	a, b := save(t, "a.parquet", `{"keys":1}`, 10), save(t, "b.parquet", `{"keys":2}`, 12)
	out, _, err := bench(t, "compare", a, b)
	if err == nil || !strings.Contains(err.Error(), "merge/customer360, setting keys: 1 | 2") || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	if out, _, err := bench(t, "compare", "--force", a, b); err != nil || !strings.Contains(out, "differs: merge/customer360, setting keys: 1 | 2") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReportWritesPageAndPlots(t *testing.T) {
	file, folder := save(t, "a.parquet", "", 10), t.TempDir()
	page := filepath.Join(folder, "docs", "performance.md")
	if _, log, err := bench(t, "report", "--out", page, "--plots", filepath.Join(folder, "docs", "plots"), file); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), "(plots/merge-cpu.png)") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, name := range []string{"merge-cpu.png", "merge-cpu.svg"} {
		if _, err := os.Stat(filepath.Join(folder, "docs", "plots", name)); err != nil {
			t.Error(err)
		}
	}
	if out, _, err := bench(t, "plot", "--out", folder, file); err != nil || !strings.Contains(out, filepath.Join(folder, "merge-cpu.svg")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMistakesOfFilesAreTold(t *testing.T) {
	damaged := filepath.Join(t.TempDir(), "damaged.parquet")
	if err := os.WriteFile(damaged, []byte("PAR1 and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"compare", damaged}, {"compare", "--output", "xml", "a", "b"}, {"report"}, {"plot", "--size"}} {
		if out, _, err := bench(t, args...); !errors.Is(err, errUsage) || out != "" {
			t.Errorf("%v: %v, printed %q", args, err, out)
		}
	}
	for _, args := range [][]string{{"compare", damaged, damaged}, {"report", damaged}, {"plot", "none.parquet"}} {
		if _, _, err := bench(t, args...); err == nil || errors.Is(err, errUsage) || !strings.Contains(err.Error(), args[1]) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestWhatThePageNamesIsThere(t *testing.T) {
	for _, name := range report.Repeats() {
		if !slices.ContainsFunc(commands(), func(c command) bool { return c.name == name }) {
			t.Errorf("bench/report/parts.go names the subcommand %s, which is not there", name)
		}
	}
}

func TestHelpHasALineForEachSubcommand(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}} {
		out, _, err := bench(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands() {
			if !strings.Contains(out, "  "+c.name+" ") || !strings.Contains(out, c.summary) {
				t.Errorf("no %s in\n%s", c.name, out)
			}
		}
	}
	for _, c := range commands() {
		if _, log, err := bench(t, c.name, "--help"); err != nil || log == "" {
			t.Errorf("%s --help: %v, %q", c.name, err, log)
		}
	}
}
