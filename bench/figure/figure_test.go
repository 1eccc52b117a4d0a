package figure_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"customer360/bench/figure"
	"customer360/bench/result"
)

// invented makes rounds whose values have nothing to do with any measurement.
type invented []result.Row

func (i *invented) add(benchmark, contender, metric, unit string, value float64, settings map[string]any) {
	text, err := json.Marshal(settings)
	if err != nil {
		panic(err)
	}
	for round, factor := range []float64{0.93, 1.04, 1, 0.98, 1.09} {
		*i = append(*i, result.Row{Benchmark: benchmark, Contender: contender, Round: int32(round + 1), Metric: metric, Unit: unit,
			Value: value * factor, Settings: string(text), Machine: "linux/amd64 Invented Processor 9000 @ 2.80GHz", Cores: 2,
			GoVersion: "go1.26.0", Commit: "0123456789abcdef0123456789abcdef01234567", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro()})
	}
}

func all() invented {
	var rows invented
	for i, c := range []string{"customer360", "customer360-json", "streams-eos", "streams-alo", "goka-stock", "raw", "raw-txn"} {
		f := float64(i + 1)
		for _, keys := range []int{100_000, 1_000_000} {
			s := map[string]any{"keys": keys, "distribution": "uniform"}
			rows.add("merge", c, "throughput", "records/s", 123456/f, s)
			rows.add("merge", c, "cpu", "us/record", 7*f, s)
			rows.add("merge", c, "rss_peak", "MiB", 60*f, s)
		}
	}
	for i, c := range []string{"customer360", "streams-eos"} {
		f := float64(i + 1)
		for _, rate := range []int{5000, 15000, 30000} {
			for j, p := range []string{"latency_p50", "latency_p99", "latency_p999"} {
				rows.add("latency", c, p, "ms", 40*f*float64(j*j+1)*(1+float64(rate)/20000), map[string]any{"rate": rate, "commit_interval_ms": 100})
				rows.add("latency", c, p, "ms", 9000, map[string]any{"rate": rate, "commit_interval_ms": 20})
			}
		}
		rows.add("recovery", c, "recovery", "s", 8*f, map[string]any{"keys": 1_000_000})
		for _, standby := range []bool{false, true} {
			rows.add("takeover", c, "takeover", "s", 5*f, map[string]any{"standby": standby})
		}
	}
	for _, load := range []int{10, 50, 80} {
		for j, p := range []string{"latency_p50", "latency_p99", "latency_p999"} {
			rows.add("line", "customer360", p, "ms", float64(150*(j+1)+load), map[string]any{"load": load})
		}
	}
	for i, c := range []string{"fenced", "plain"} {
		for _, flight := range []int{1, 8, 64} {
			for _, operation := range []string{"insert", "rewrite"} {
				rows.add("sink", c, "throughput", "documents/s", float64(1000*flight/(3-i)), map[string]any{"in_flight": flight, "operation": operation})
			}
		}
	}
	rows.add("emitters", "csvdir", "throughput", "records/s", 300_000, nil)
	rows.add("emitters", "encoding-csv", "throughput", "records/s", 500_000, nil)
	rows.add("emitters", "restpoll", "throughput", "records/s", 5000, nil)
	for _, instances := range []int{1, 2, 4} {
		for _, partitions := range []int{4, 12, 48} {
			s := map[string]any{"instances": instances, "partitions": partitions}
			rows.add("scaling", "customer360", "cpu", "us/record", 9+float64(instances)/4+float64(partitions)/40, s)
			rows.add("scaling", "customer360", "throughput", "records/s", 40000*float64(instances), s)
		}
	}
	for _, keys := range []int{100_000, 1_000_000, 5_000_000} {
		rows.add("growth", "customer360", "cpu", "us/record", 10+float64(keys)/1e6, map[string]any{"keys": keys})
		rows.add("growth", "customer360", "rss_peak", "MiB", 120+float64(keys)/1e6, map[string]any{"keys": keys})
	}
	return rows
}

// TestEveryFigureIsDrawn keeps the files in the folder FIGURES, for people to look at.
func TestEveryFigureIsDrawn(t *testing.T) {
	folder := os.Getenv("FIGURES")
	if folder == "" {
		folder = t.TempDir()
	}
	rows := all()
	figures := figure.Of(result.Group(rows, result.Cases(rows)))
	names := make(map[string]bool)
	for _, f := range figures {
		names[f.Name] = true
		paths, err := f.Save(folder)
		if err != nil || len(paths) != 2 {
			t.Fatalf("%s: %v, %v", f.Name, paths, err)
		}
		checkPNG(t, filepath.Join(folder, f.Name+".png"))
		checkSVG(t, filepath.Join(folder, f.Name+".svg"))
	}
	for _, want := range []string{"merge-throughput", "merge-cpu", "merge-memory", "latency", "line-latency", "recovery", "takeover", "sink",
		"scaling-instances", "scaling-partitions", "scaling-throughput", "growth-cpu", "growth-memory", "emitters-csv", "emitters-poller"} {
		if !names[want] {
			t.Errorf("no figure %s", want)
		}
	}
	content, err := os.ReadFile(filepath.Join(folder, "latency.svg"))
	for _, want := range []string{">5,000<", ">15,000<", ">30,000<", ">streams-eos p99.9<"} {
		if err != nil || !bytes.Contains(content, []byte(want)) {
			t.Errorf("the latency's figure has no %s, %v", want, err)
		}
	}
	if bytes.Contains(content, []byte("commit_interval")) || bytes.Contains(content, []byte(">9,000<")) {
		t.Error("the latency's figure has other commit intervals than its title")
	}
	if names["rebuild"] {
		t.Error("a figure of what was not measured")
	}
}

func checkPNG(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	colours := make(map[string]bool)
	for x := 0; x < image.Bounds().Dx(); x += 3 {
		for y := 0; y < image.Bounds().Dy(); y += 3 {
			colours[fmt.Sprint(image.At(x, y))] = true
		}
	}
	if len(colours) < 5 {
		t.Errorf("%s: an empty picture of %v", path, image.Bounds())
	}
}

func checkSVG(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(content)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, want := range []string{"Invented Processor", "2026-01-02", "0123456789ab"} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("%s has no %q", path, want)
		}
	}
}

func TestEqualSeriesMakeEqualFiles(t *testing.T) {
	rows := all()
	var former map[string][]byte
	for range 2 {
		folder := t.TempDir()
		files := make(map[string][]byte)
		for _, f := range figure.Of(result.Group(rows, result.Cases(rows)))[:4] {
			paths, err := f.Save(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				files[filepath.Base(path)] = content
			}
		}
		for name, content := range former {
			if !bytes.Equal(content, files[name]) {
				t.Errorf("%s differs", name)
			}
		}
		former = files
	}
}

func TestOneValueOfTheAxisMakesBars(t *testing.T) {
	var rows invented
	rows.add("growth", "customer360", "cpu", "us/record", 10, map[string]any{"keys": 1000})
	rows.add("growth", "customer360", "rss_peak", "MiB", 0, map[string]any{"keys": 1000})
	for _, f := range figure.Of(result.Group(rows, result.Cases(rows))) {
		if _, err := f.Save(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

// TestFooterNamesEveryCommit: a figure's cases may be of different days and commits.
func TestFooterNamesEveryCommit(t *testing.T) {
	var rows invented
	rows.add("merge", "customer360", "throughput", "records/s", 1000, map[string]any{"keys": 1})
	rows.add("merge", "customer360", "throughput", "records/s", 2000, map[string]any{"keys": 2})
	for i := len(rows) / 2; i < len(rows); i++ {
		rows[i].Commit = "fedcba9876543210fedcba9876543210fedcba98"
	}
	folder := t.TempDir()
	for _, f := range figure.Of(result.Group(rows, result.Cases(rows))) {
		if _, err := f.Save(folder); err != nil {
			t.Fatal(err)
		}
	}
	svg, err := os.ReadFile(filepath.Join(folder, "merge-throughput.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, commit := range []string{"0123456789ab", "fedcba987654"} {
		if !strings.Contains(string(svg), commit) {
			t.Errorf("the figure does not name commit %s", commit)
		}
	}
}
