package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every step's flags are ones that its subcommand takes, so that none fails for
// a typing error hours after the start.
func TestTheStepsCanBeParsed(t *testing.T) {
	for _, full := range []bool{false, true} {
		files := map[string]bool{}
		for _, s := range steps(full) {
			if files[s.file] {
				t.Errorf("two steps write %s", s.file)
			}
			files[s.file] = true
			// --help behind them: flags before it are read, nothing runs.
			var stdout, stderr bytes.Buffer
			args := append(append([]string{}, s.args...), "--out", "x", "--commit", "y", "--help")
			if err := dispatch(t.Context(), args, &stdout, &stderr); err != nil {
				t.Errorf("%v: %v", args, err)
			}
			if !strings.Contains(stderr.String(), "-commit") {
				t.Errorf("%v says no help: %s", args, &stderr)
			}
		}
	}
}

func TestAStepThatFailsDoesNotEndTheOthers(t *testing.T) {
	dir := t.TempDir()
	run := func(ctx context.Context) error {
		return runSteps(ctx, []step{
			{"bad", []string{"merge", "--keys", "0"}},
			{"good", []string{"merge", "--broker", "kfake", "--root", root, "--records", "500", "--keys", "50", "--warmup", "0", "--rounds", "1", "--contenders", "customer360"}},
		}, "short", dir, "c0ffee", io.Discard, io.Discard)
	}
	if err := run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "merge: ") {
		t.Errorf("error %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "short-good.parquet" {
		t.Errorf("files %v, %v", files, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := os.Remove(filepath.Join(dir, "short-good.parquet")); err != nil {
		t.Fatal(err)
	}
	if err := run(ended); err == nil {
		t.Error("an interrupted run has no error")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("an interrupted run left %v", files)
	}
}
