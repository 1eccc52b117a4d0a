package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"customer360/bench/result"
)

// TestMain lets the test's program be the one that a contest starts as a
// contender.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "contend" {
		if err := dispatch(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const root = "../../.."

func TestMergeMeasuresProcessesAndWritesTheirRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.parquet")
	var stdout, stderr bytes.Buffer
	err := dispatch(t.Context(), []string{"merge", "--broker", "kfake", "--root", root, "--records", "3000", "--keys", "200", "--warmup", "0", "--rounds", "2",
		"--distribution", "zipf", "--contenders", "customer360,customer360-json,raw-txn", "--once", "raw-txn", "--commit", "c0ffee", "--out", path}, &stdout, &stderr)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	for _, want := range []string{"customer360 throughput records/s", "customer360 per throughput", "kfake is no Kafka"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout.String()), " "), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	rows, err := result.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	runs, documents := map[string]int{}, map[float64]bool{}
	for _, r := range rows {
		if r.Benchmark != result.Merge || r.Commit != "c0ffee" || r.Time == 0 {
			t.Errorf("%+v", r)
		}
		settings, err := result.ParseSettings(r.Settings)
		if err != nil || settings["keys"] != "200" || settings["gc"] == "" || settings["job"] == "" {
			t.Errorf("settings %v, %v", settings, err)
		}
		switch r.Metric {
		case result.Throughput, result.CPU, result.Allocs:
			if r.Value <= 0 {
				t.Errorf("%+v", r)
			}
			runs[r.Contender+" "+r.Metric]++
		case result.Output:
			if r.Contender != result.RawTxn {
				documents[r.Value] = true
			} else if r.Value != 3000 {
				t.Errorf("raw-txn wrote %v records", r.Value)
			}
		}
	}
	for c, want := range map[string]int{result.Customer360: 2, result.Customer360JSON: 2, result.RawTxn: 1} {
		for _, metric := range []string{result.Throughput, result.CPU, result.Allocs} {
			if runs[c+" "+metric] != want {
				t.Errorf("%d rows of %s, %s, want %d", runs[c+" "+metric], c, metric, want)
			}
		}
	}
	if len(documents) != 1 {
		t.Errorf("the contenders wrote %v documents", documents)
	}
}

func TestMistakesAreRefusedBeforeAnythingRuns(t *testing.T) {
	for _, args := range [][]string{
		{"merge", "--keys", "0"}, {"merge", "--records", "10", "--keys", "20"}, {"merge", "--rounds", "0"}, {"merge", "--distribution", "normal"},
		{"merge", "merge"}, {"merge", "--unknown"}, {"merge", "--contenders", "flink"}, {"merge", "--contenders", "raw,raw"},
		{"merge", "--broker", "kfake", "--contenders", "streams-eos"}, {"merge", "--broker", "rabbit"}, {"merge", "--warmup", "1000000"},
		{"contend", "streams-eos"}, {"contend", "nobody"}, {"contend"}, {"contend", "raw", "--records", "0"}, {"contend", "raw", "--commit-interval", "0s"},
		{"fill", "--keys", "0"}, {"fresh", "x"}, {"all"}, {"all", "--short", "--full"}, {"nothing"},
	} {
		var stdout, stderr bytes.Buffer
		if err := dispatch(t.Context(), args, &stdout, &stderr); !errors.Is(err, errUsage) || stdout.Len() > 0 {
			t.Errorf("%v: error %v, printed %q", args, err, &stdout)
		}
	}
}

func TestMergeSaysWhereItHasToRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	err := dispatch(t.Context(), []string{"merge", "--broker", "kfake", "--root", t.TempDir(), "--records", "10", "--keys", "1"}, &stdout, &stderr)
	if err == nil || !strings.Contains(err.Error(), "--root") {
		t.Errorf("error %v", err)
	}
}
