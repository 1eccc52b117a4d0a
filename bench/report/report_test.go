package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"customer360/bench/result"
)

// file makes rows whose values have nothing to do with any measurement.
type file struct{ Source }

func newFile(name string) *file {
	return &file{Source{Path: "some/" + name, Rows: nil}}
}

func (f *file) add(benchmark, contender, metric, unit, settings string, values ...float64) *file {
	for i, v := range values {
		f.Rows = append(f.Rows, result.Row{Benchmark: benchmark, Contender: contender, Round: int32(i + 1), Metric: metric, Unit: unit, Value: v,
			Settings: settings, Machine: "linux/amd64 Invented", Cores: 2, GoVersion: "go1.26.0", Commit: "abc",
			Time: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).UnixMicro()})
	}
	return f
}

func (f *file) on(day int) Source {
	for i := range f.Rows {
		f.Rows[i].Time = time.Date(2026, 1, day, 0, 0, i, 0, time.UTC).UnixMicro()
	}
	return f.Source
}

func page(t *testing.T, files ...Source) *Page {
	t.Helper()
	p, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Page) judged(name, contender string) []string {
	var all []string
	for _, f := range p.findings() {
		if strings.HasPrefix(f.target.name, name) && f.contender == contender {
			all = append(all, fmt.Sprintf("%s|%s|%s|%s|%s", f.of, f.measured, f.spread, f.verdict, f.source))
		}
	}
	return all
}

func check(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTargetsAreJudgedByRatiosOfMedians(t *testing.T) {
	f := newFile("a.parquet").
		add("merge", "customer360", "throughput", "records/s", "", 90, 110, 100).
		add("merge", "customer360-json", "throughput", "records/s", "", 50, 60, 55).
		add("merge", "streams-eos", "throughput", "records/s", `{"heap":"256m"}`, 30, 40, 30). // heap makes no case
		add("merge", "customer360", "cpu", "us/record", "", 10, 11, 12).
		add("merge", "raw-txn", "cpu", "us/record", "", 3, 3, 2).
		add("recovery", "customer360", "recovery", "s", "", 10).
		add("recovery", "streams-eos", "recovery", "s", "", 40).
		add("commit", "customer360", "pause_p99", "ms", "", 4, 6, 4.5).
		add("sink", "fenced", "throughput", "documents/s", `{"in_flight":1}`, 50).
		add("sink", "plain", "throughput", "documents/s", `{"in_flight":1}`, 100).
		add("sink", "fenced", "throughput", "documents/s", `{"in_flight":8}`, 300).
		add("sink", "plain", "throughput", "documents/s", `{"in_flight":8}`, 400)
	p := page(t, f.on(1))
	check(t, "throughput", p.judged("merge throughput", "customer360"), "|3.33|2.75 to 3.33|met, but not in every round|a.parquet")
	check(t, "throughput, JSON", p.judged("merge throughput", "customer360-json"), "|1.83|1.50 to 1.83|**missed**|a.parquet")
	check(t, "CPU against raw", p.judged("CPU per record against raw", "customer360"), "|3.67|3.33 to 6.00|met, but not in every round|a.parquet")
	check(t, "recovery", p.judged("recovery", "customer360"), "|4.00|one round|met|a.parquet")
	check(t, "pause", p.judged("pause", "customer360"), "|4.50 ms|4.00 to 6.00|met, but not in every round|a.parquet")
	check(t, "sink", p.judged("fenced sink", "fenced"), "in_flight=1|0.500|one round|**missed**|a.parquet", "in_flight=8|0.750|one round|met|a.parquet")
	check(t, "RSS", p.judged("peak RSS against", "customer360"), "|not measured in these files||-|")
}

func TestFlatAndBoundedLookAtAllCases(t *testing.T) {
	f := newFile("a.parquet")
	for i, keys := range []int{100_000, 1_000_000, 5_000_000} {
		s := fmt.Sprintf(`{"keys":%d,"cache_bytes":52428800}`, keys)
		f.add("growth", "customer360", "cpu", "us/record", s, 10+float64(i))
		f.add("growth", "customer360", "rss_peak", "MiB", s, 100+20*float64(i))
	}
	f.add("scaling", "customer360", "cpu", "us/record", `{"instances":1}`, 10).add("scaling", "customer360", "cpu", "us/record", `{"instances":2}`, 11.5)
	p := page(t, f.on(1))
	check(t, "memory", p.judged("peak RSS while", "customer360"), "keys=5000000|140 MiB (keys=100000: 100 MiB), limit 145 MiB|one round|met|a.parquet")
	check(t, "growth", p.judged("CPU per record while", "customer360"), "3 cases|1.20 (keys=5000000: 12.0, keys=100000: 10.0 µs/record)||met|a.parquet")
	check(t, "scaling", p.judged("CPU per record over", "customer360"), "2 cases|1.15 (instances=2: 11.5, instances=1: 10.0 µs/record)||**missed**|a.parquet")
}

func TestSeveralCasesAreSummedUp(t *testing.T) {
	sink := func(values ...float64) string {
		f := newFile("a.parquet")
		for i, v := range values {
			s := fmt.Sprintf(`{"in_flight":%d}`, i)
			f.add("sink", "fenced", "throughput", "documents/s", s, v).add("sink", "plain", "throughput", "documents/s", s, 100)
		}
		summary, _ := page(t, f.on(1)).targets()
		_, rest, _ := strings.Cut(summary, "| at least 60% | ")
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	for want, got := range map[string]string{
		"0.600 to 0.900 (2 cases) | met |":                        sink(60, 90),
		"0.500 to 0.900 (3 cases) | **missed** in 1 of 3 cases |": sink(90, 50, 70),
		"0.400 to 0.500 (2 cases) | **missed** |":                 sink(50, 40),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTheNewestFileCountsAndRatiosStayInOne(t *testing.T) {
	before := newFile("old.parquet").add("merge", "customer360", "cpu", "us/record", "", 30).add("merge", "streams-eos", "cpu", "us/record", "", 60)
	after := newFile("new.parquet").add("merge", "customer360", "cpu", "us/record", "", 15)
	p := page(t, before.on(1), after.on(2))
	check(t, "CPU", p.judged("CPU per record against Kafka", "customer360"), "|0.500|one round|**missed**|old.parquet")
	if text := p.benchmark("merge"); !strings.Contains(text, "| customer360 | 1 | 15.0 |") || strings.Contains(text, "30.0") {
		t.Errorf("the table:\n%s", text)
	}
	for template, want := range map[string]string{
		`{{median "merge" "cpu" "customer360"}}`:                                                          "15.0 µs/record",
		`{{median "merge" "cpu" "customer360" "file=old.parquet"}}`:                                       "30.0 µs/record",
		`{{ratio "merge" "cpu" "customer360" "streams-eos"}}`:                                             "0.500",
		`{{percent "merge" "cpu" "customer360" "streams-eos"}}`:                                           "50%",
		`{{spread "merge" "cpu" "streams-eos"}}`:                                                          "60.0 to 60.0",
		`{{change "merge" "cpu" "customer360" "old.parquet" "new.parquet"}}`:                              "-50%",
		`{{if has "sink" "cpu" "fenced"}}a{{else}}b{{end}}{{if has "merge" "cpu" "customer360"}}c{{end}}`: "bc",
	} {
		if got, err := p.notes(template); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", template, got, err, want)
		}
	}
	for _, template := range []string{`{{median "sink" "cpu" "fenced"}}`, `{{ratio "merge" "cpu" "streams-eos" "raw"}}`} {
		if _, err := p.notes(template); !errors.Is(err, ErrNotMeasured) {
			t.Errorf("%s: %v", template, err)
		}
	}
}

func TestANoteThatNamesSeveralMeasurementsIsRefused(t *testing.T) {
	f := newFile("a.parquet").add("sink", "fenced", "cpu", "us", `{"n":1}`, 1).add("sink", "fenced", "cpu", "us", `{"n":8}`, 2)
	p := page(t, f.on(1))
	if _, err := p.notes(`{{median "sink" "cpu" "fenced"}}`); err == nil || !strings.Contains(err.Error(), "add a setting") {
		t.Errorf("%v", err)
	}
	if got, err := p.notes(`{{median "sink" "cpu" "fenced" "n=8"}}`); err != nil || got != "2.00 µs" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFilesOfTwoMachinesAreRefused(t *testing.T) {
	a := newFile("a.parquet").add("sink", "fenced", "cpu", "us", "", 1).on(1)
	b := newFile("b.parquet").add("sink", "fenced", "cpu", "us", "", 1).on(1)
	b.Rows[0].Cores = 4
	if _, err := New([]Source{a, b}); err == nil || !strings.Contains(err.Error(), "some/b.parquet is of another machine") {
		t.Errorf("%v", err)
	}
	if _, err := New(nil); err == nil {
		t.Error("no files are no error")
	}
}

func TestThePageHasAllPartsAndSaysWhatIsMissing(t *testing.T) {
	f := newFile("a.parquet").
		add("merge", "customer360", "cpu", "us/record", `{"records":1000,"gogc":"50"}`, 10, 12, 11).
		add("merge", "streams-eos", "cpu", "us/record", `{"records":1000}`, 30, 31, 32)
	p := page(t, f.on(3))
	text, err := p.Markdown("performance")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Measured on linux/amd64 Invented, 2 cores.",
		"| a.parquet | 2026-01-03 00:00 | 2026-01-03 00:00 | abc | go1.26.0 | merge |",
		"| customer360 | 3 | 11.0 ±9% |",
		"Settings: records=1000.\n\nNot of all contenders:\n\n- customer360: gogc=50\n",
		"![merge: CPU of the contender's process (less is better)](performance/merge-cpu.png)",
		"## 6. Scaling and growth",
		"### Rebuild\n\nNot measured in these files.\n",
		"| CPU per record against Kafka Streams exactly_once_v2 | customer360 | at most 1/3 | 0.355 | **missed** |",
		"| CPU per record against Kafka Streams exactly_once_v2 | customer360 |  | 0.355 | 0.333 to 0.387 | **missed** | a.parquet |",
		"| pause per commit, p99 | customer360 | at most 5 ms | not measured in these files | - |",
		"## Notes\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	again, err := page(t, f.on(3)).Markdown("performance")
	if err != nil || string(again) != string(text) {
		t.Errorf("equal files made another page, %v", err)
	}
}
