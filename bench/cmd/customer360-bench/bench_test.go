package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommandPrintsATableAndWritesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.parquet")
	var stdout, stderr bytes.Buffer
	err := bench(t.Context(), []string{"--records", "2000", "--keys", "200", "--warmup", "0", "--rounds", "1", "--distribution", "zipf", "--out", path}, &stdout, &stderr)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	for _, want := range []string{"merge  throughput  records/s", "raw         cpu  us/record", "broker (kfake, in memory) is in this process", "merge/raw, cpu:"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(content, []byte("PAR1")) || !bytes.HasSuffix(content, []byte("PAR1")) {
		t.Errorf("%d bytes of results, %v", len(content), err)
	}
}

func TestMistakesAreRefusedBeforeAnythingRuns(t *testing.T) {
	for _, args := range [][]string{
		{"--keys", "0"}, {"--records", "10", "--keys", "20"}, {"--rounds", "0"}, {"--distribution", "normal"}, {"merge"}, {"--unknown"},
	} {
		var stdout, stderr bytes.Buffer
		if err := bench(t.Context(), args, &stdout, &stderr); err == nil || stdout.Len() > 0 {
			t.Errorf("%v: error %v, printed %q", args, err, &stdout)
		}
	}
}
