package compare_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"customer360/bench/compare"
	"customer360/bench/result"
)

// rows are rounds of one measurement.
func rows(contender, metric, unit, settings string, values ...float64) []result.Row {
	var all []result.Row
	for i, v := range values {
		all = append(all, result.Row{Benchmark: "merge", Contender: contender, Round: int32(i + 1), Metric: metric, Unit: unit, Value: v,
			Settings: settings, Machine: "linux/amd64 cpu", Cores: 2, GoVersion: "go1.26.0", Commit: "a"})
	}
	return all
}

func TestOnlyWhatDiffersIsAChange(t *testing.T) {
	const settings = `{"keys":10}`
	a := slices.Concat(
		rows("customer360", "cpu", "us/record", settings, 10, 11, 10.5, 10.2, 10.8, 10.4),
		rows("customer360", "throughput", "records/s", settings, 100, 101, 99, 102, 98, 100),
		rows("raw", "cpu", "us/record", settings, 2, 3, 2.5, 2.2, 2.8, 2.4),
		rows("customer360", "documents", "documents", settings, 10, 10))
	b := slices.Concat(
		rows("customer360", "cpu", "us/record", settings, 20, 21, 20.5, 20.2, 20.8, 20.4),
		rows("customer360", "throughput", "records/s", settings, 200, 201, 199, 202, 198, 200),
		rows("raw", "cpu", "us/record", settings, 2.1, 2.9, 2.6, 2.35, 2.7, 2.65),
		rows("customer360", "documents", "documents", settings, 20, 20))
	c := compare.Of(a, b)
	if len(c.Differences) > 0 || len(c.OnlyA) > 0 || len(c.OnlyB) > 0 || len(c.Lines) != 4 {
		t.Fatalf("%+v", c)
	}
	cpu, throughput, raw := c.Lines[0], c.Lines[1], c.Lines[2]
	if !cpu.Changed || cpu.P >= 0.01 || math.Abs(cpu.Ratio-20.45/10.45) > 1e-9 || cpu.Worse < 90 || !cpu.A.Interval {
		t.Errorf("twice the CPU: %+v", cpu)
	}
	if !throughput.Changed || throughput.Ratio != 2 || throughput.Worse != -50 {
		t.Errorf("twice the throughput: %+v", throughput)
	}
	if raw.Changed || raw.P < 0.05 || raw.P > 0.95 {
		t.Errorf("noise: %+v", raw)
	}
	if worse := c.Regressions(50); len(worse) != 1 || worse[0].Metric != "cpu" {
		t.Errorf("regressions: %+v", worse)
	}
	if worse := c.Regressions(100); len(worse) != 0 {
		t.Errorf("regressions over 100%%: %+v", worse)
	}
	want := math.Sqrt(cpu.Ratio * raw.Ratio)
	if len(c.Means) != 2 || c.Means[0].Lines != 2 || math.Abs(c.Means[0].Ratio-want) > 1e-9 {
		t.Errorf("geomeans %+v, want %v of cpu, and no mean of counts", c.Means, want)
	}
}

func TestFewRoundsAreNoChange(t *testing.T) {
	c := compare.Of(rows("raw", "cpu", "us/record", "", 1, 2, 3), rows("raw", "cpu", "us/record", "", 10, 20, 30))
	if l := c.Lines[0]; l.Changed || l.Warning == "" || l.A.Interval || l.A.Low != 1 || l.A.High != 3 {
		t.Errorf("%+v", l)
	}
}

func TestEqualCountsNeedNoWarning(t *testing.T) {
	c := compare.Of(rows("raw", "documents", "documents", "", 7, 7), rows("raw", "documents", "documents", "", 7, 7))
	if l := c.Lines[0]; l.Changed || l.Warning != "" {
		t.Errorf("%+v", l)
	}
	if l := compare.Of(rows("raw", "documents", "documents", "", 7, 7), rows("raw", "documents", "documents", "", 8, 8)).Lines[0]; l.Warning == "" {
		t.Errorf("%+v", l)
	}
}

func TestWhatMakesFilesIncomparableIsNamed(t *testing.T) {
	a := rows("raw", "cpu", "us/record", `{"keys":10,"rate":1}`, 1)
	b := rows("raw", "cpu", "us/record", `{"keys":20,"acks":"all","rate":1}`, 1)
	b = append(b, rows("raw", "cpu", "us/record", `{"keys":20,"acks":"all","rate":2}`, 1)...)
	b[0].Cores, b[1].Cores = 4, 4
	b[0].Commit, b[1].Commit = "b", "b"
	c := compare.Of(a, b)
	want := []string{"machine: linux/amd64 cpu, 2 cores | linux/amd64 cpu, 4 cores", "merge/raw, setting acks: (not set) | all", "merge/raw, setting keys: 10 | 20"}
	if !slices.Equal(c.Differences, want) {
		t.Errorf("%q\nwant\n%q", c.Differences, want)
	}
	if len(c.Lines) != 1 || c.Lines[0].Case != "rate=1" || !slices.Equal(c.OnlyB, []string{"merge raw rate=2 cpu"}) || !slices.Equal(c.Notes, []string{"commit: a | b"}) {
		t.Errorf("%+v", c)
	}
}

func TestTheTextSaysWhatChanged(t *testing.T) {
	a := rows("raw", "cpu", "us/record", "", 2, 2.1, 2.2, 2.3, 2.4, 2.5)
	b := rows("raw", "cpu", "us/record", "", 4, 4.1, 4.2, 4.3, 4.4, 4.5)
	var text strings.Builder
	if err := compare.Of(a, b).Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"raw    cpu (us/record)", "2.25 ±11%", "+88.9% worse (p=0.002 n=6+6)", "cpu (1)            1.889"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}
