package result_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"customer360/bench/result"
)

func read(t *testing.T, content []byte) []result.Row {
	t.Helper()
	rows, err := result.Read(content)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func rows(n int) []result.Row {
	rows := make([]result.Row, n)
	for i := range rows {
		rows[i] = result.Origin("0123abcd")
		rows[i].Benchmark, rows[i].Contender, rows[i].Round = "merge", []string{"merge", "raw"}[i%2], int32(i+1)
		rows[i].Metric, rows[i].Unit, rows[i].Value = "CPU", "µs/record", float64(i)+0.125
		rows[i].Settings = `{"keys":10,"quote":"\""}`
		rows[i].Time = time.Date(2026, 11, 26, 12, 0, i, 123_000, time.UTC).UnixMicro()
	}
	return rows
}

func TestRowsComeBackAsTheyWereWritten(t *testing.T) {
	for _, n := range []int{1, 7, 5000} { // 5000 rows take more than one page
		want := rows(n)
		var b bytes.Buffer
		if err := result.Write(&b, want); err != nil {
			t.Fatal(err)
		}
		if got := read(t, b.Bytes()); !slices.Equal(got, want) {
			t.Errorf("%d rows: read back something else; the first is %+v, want %+v", n, got[0], want[0])
		}
	}
}

func TestSaveReplacesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "results.parquet")
	for _, n := range []int{5, 2} {
		if err := result.Save(path, rows(n)); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, content); len(got) != n {
			t.Errorf("%d rows in the file, want %d", len(got), n)
		}
	}
	if got := rows(1)[0].At(); !got.Equal(time.Date(2026, 11, 26, 12, 0, 0, 123_000, time.UTC)) {
		t.Errorf("the row's time is %v", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
}

func TestNoRowsAreAnError(t *testing.T) {
	var b bytes.Buffer
	if err := result.Write(&b, nil); err == nil || b.Len() > 0 {
		t.Errorf("wrote %d bytes, error %v", b.Len(), err)
	}
}

func TestSummariesAreMediansWithTheirSpread(t *testing.T) {
	var all []result.Row
	for round, value := range []float64{4, 1, 100, 2} {
		for _, contender := range []string{"merge", "raw"} {
			all = append(all, result.Row{Benchmark: "merge", Contender: contender, Round: int32(round), Metric: "cpu", Unit: "us/record", Value: value})
			value *= 10
		}
	}
	want := []result.Summary{
		{Benchmark: "merge", Contender: "merge", Metric: "cpu", Unit: "us/record", Rounds: 4, Median: 3, Min: 1, Max: 100},
		{Benchmark: "merge", Contender: "raw", Metric: "cpu", Unit: "us/record", Rounds: 4, Median: 30, Min: 10, Max: 1000},
	}
	if got := result.Summarise(all); !slices.Equal(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if got := result.Summarise(all[:6])[0].Median; got != 4 {
		t.Errorf("the median of 4, 1, 100 is %v", got)
	}
}
