package result

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Row is one measurement; doc.go has the columns' meanings.
type Row struct {
	Benchmark string  `parquet:"name=benchmark, type=BYTE_ARRAY, convertedtype=UTF8"`
	Contender string  `parquet:"name=contender, type=BYTE_ARRAY, convertedtype=UTF8"`
	Round     int32   `parquet:"name=round, type=INT32"`
	Metric    string  `parquet:"name=metric, type=BYTE_ARRAY, convertedtype=UTF8"`
	Unit      string  `parquet:"name=unit, type=BYTE_ARRAY, convertedtype=UTF8"`
	Value     float64 `parquet:"name=value, type=DOUBLE"`
	Commit    string  `parquet:"name=commit, type=BYTE_ARRAY, convertedtype=UTF8"`
	Machine   string  `parquet:"name=machine, type=BYTE_ARRAY, convertedtype=UTF8"`
	GoVersion string  `parquet:"name=go_version, type=BYTE_ARRAY, convertedtype=UTF8"`
	Cores     int32   `parquet:"name=cores, type=INT32"`
	Settings  string  `parquet:"name=settings, type=BYTE_ARRAY, convertedtype=UTF8"`
	Time      int64   `parquet:"name=time, type=INT64, convertedtype=TIMESTAMP_MICROS"`
}

// Hardware is the machine with its cores, in words.
func (r Row) Hardware() string { return fmt.Sprintf("%s, %d cores", r.Machine, r.Cores) }

// At is the row's time.
func (r Row) At() time.Time { return time.UnixMicro(r.Time).UTC() }

// Origin is what all rows of one process have in common.
func Origin(commit string) Row {
	if commit == "" {
		commit = builtFrom()
	}
	return Row{Commit: commit, Machine: machine(), GoVersion: runtime.Version(), Cores: int32(runtime.GOMAXPROCS(0))}
}

// builtFrom is the revision that `go build` stamped; `go run` and tests have none.
func builtFrom() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return commit + dirty
}

// machine names what the figures hold for, without the host's name.
func machine() string {
	system := runtime.GOOS + "/" + runtime.GOARCH
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return system // not Linux
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return system + " " + strings.TrimSpace(model)
		}
	}
	return system
}
