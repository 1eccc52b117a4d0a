package guard_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"customer360/bench/guard"
)

const text = `
package ./a 100 # a comment
BenchmarkOne       3   200  as it was
BenchmarkTwo/x=1/y 0     0  first measured
package ./b 5
BenchmarkOne       1    16  another one
`

func parse(t *testing.T, text string) []guard.Package {
	t.Helper()
	packages, err := guard.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func TestCeilingsAreReadAndWritten(t *testing.T) {
	packages := parse(t, text)
	if len(packages) != 2 || packages[0].Times != 100 || packages[0].Ceilings[0] != (guard.Ceiling{Name: "BenchmarkOne", Allocs: 3, Bytes: 200, Reason: "as it was"}) {
		t.Fatalf("%+v", packages)
	}
	if again := parse(t, string(guard.Format(packages))); !reflect.DeepEqual(again, packages) {
		t.Errorf("%+v, want %+v", again, packages)
	}
	for _, c := range []struct{ text, want string }{
		{"BenchmarkOne 1 1 why", "line 1: a benchmark before any package"},
		{"package a", "line 1: want: package PATH TIMES"},
		{"package a 0", `"0" is no number of times`},
		{"\npackage a 1\nBenchmarkOne 1 1", "line 3: want: BenchmarkNAME ALLOCATIONS BYTES REASON"},
		{"package a 1\nOne 1 1 why", "line 2: want"},
		{"package a 1\nBenchmarkOne -1 1 why", `"-1" is no number of allocations`},
		{"package a 1\nBenchmarkOne 1 x why", `"x" is no number of bytes`},
		{"package a 1\nBenchmarkOne 1 1 why\nBenchmarkOne 1 1 why", "line 3: BenchmarkOne is there twice"},
	} {
		if _, err := guard.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	p := parse(t, text)[0]
	for _, c := range []struct {
		name     string
		measured []guard.Measured
		want     string
	}{
		{"at the ceiling", []guard.Measured{{"BenchmarkOne", 3, 200}, {"BenchmarkTwo/x=1/y", 0, 0}}, ""},
		{"allocations", []guard.Measured{{"BenchmarkOne", 4, 100}, {"BenchmarkTwo/x=1/y", 0, 0}}, "./a BenchmarkOne: 4 allocations per operation, 1 more than its ceiling of 3"},
		{"bytes", []guard.Measured{{"BenchmarkOne", 1, 208}, {"BenchmarkTwo/x=1/y", 0, 0}}, "./a BenchmarkOne: 208 bytes per operation, 8 more than its ceiling of 200"},
		{"one that is gone", []guard.Measured{{"BenchmarkOne", 1, 1}}, "./a BenchmarkTwo/x=1/y: there is no such benchmark (any more): take its line out"},
		{"a new one", []guard.Measured{{"BenchmarkOne", 1, 1}, {"BenchmarkTwo/x=1/y", 0, 0}, {"BenchmarkTwo/x=2/y", 1, 2}}, "./a BenchmarkTwo/x=2/y: no ceiling; it has 1 allocations and 2 bytes per operation: --lower adds it"},
	} {
		if got := strings.Join(guard.Compare(&p, c.measured), "\n"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLowerNeverRaises(t *testing.T) {
	p := parse(t, text)[0]
	measured := []guard.Measured{{"BenchmarkNew", 2, 0}, {"BenchmarkTwo/x=1/y", 1, 1000}, {"BenchmarkOne", 2, 100}}
	p.Ceilings = append(p.Ceilings, guard.Ceiling{Name: "BenchmarkWide", Allocs: 9, Bytes: 900, Reason: "room for batches"})
	measured = append(measured, guard.Measured{Name: "BenchmarkWide", Allocs: 1, Bytes: 1})
	guard.Lower(&p, measured)
	want := []guard.Ceiling{{"BenchmarkNew", 2, 0, "first measured"}, {"BenchmarkTwo/x=1/y", 0, 0, "first measured"}, {"BenchmarkOne", 2, 100 + guard.Slack(100), "as it was"}, {"BenchmarkWide", 9, 900, "room for batches"}}
	if !reflect.DeepEqual(p.Ceilings, want) {
		t.Errorf("%+v, want %+v", p.Ceilings, want)
	}
}

func TestRaisesNeedAReason(t *testing.T) {
	before := parse(t, text)
	for change, want := range map[string]string{
		"3   200  as it was|3   201  as it was":        "./a BenchmarkOne: raised from 3 allocations and 200 bytes to 3 and 201, with the reason that was there before: as it was",
		"3   200  as it was|4   100  as it was":        "./a BenchmarkOne: raised from 3 allocations and 200 bytes to 4 and 100, with the reason that was there before: as it was",
		"3   200  as it was|4   201  headers are new":  "",
		"3   200  as it was|2   200  as it was":        "",
		"BenchmarkOne       3|BenchmarkOther       9":  "",
		"package ./a 100 # a comment|package ./new 10": "",
	} {
		from, to, _ := strings.Cut(change, "|")
		if got := strings.Join(guard.Raises(before, parse(t, strings.Replace(text, from, to, 1))), "\n"); got != want {
			t.Errorf("%s: %s, want %s", change, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	got, err := guard.Read(strings.NewReader("2026/11/26 a log line\ngoos: linux\npkg: a\nBenchmarkTwo/x=1/y \t 20000\t 5.5 ns/op\t 20 MB/s\t 12 B/op\t 3 allocs/op\nPASS\n"))
	if want := []guard.Measured{{"BenchmarkTwo/x=1/y", 3, 12}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := guard.Read(strings.NewReader("BenchmarkTwo 20000 5.5 ns/op\n")); err == nil {
		t.Error("a benchmark without allocations was taken")
	}
}

// TestRun guards a module of its own, which becomes dearer.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code := func(size string) {
		write("hot/hot_test.go", "package hot\n\nimport \"testing\"\n\nvar sink []byte\n\n"+
			"func BenchmarkHot(b *testing.B) { b.Run(\"part\", func(b *testing.B) { for b.Loop() { sink = make([]byte, "+size+") } }) }\n\n"+
			"func BenchmarkCold(b *testing.B) { b.Fatal(\"it has no ceiling\") }\n")
	}
	git := func(args ...string) {
		t.Helper()
		if _, err := exec.LookPath("git"); err != nil {
			t.Skip("no git")
		}
		c := exec.Command("git", append([]string{"-c", "user.name=guard", "-c", "user.email=guard@example.com"}, args...)...)
		c.Dir, c.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git: %v: %s", err, out)
		}
	}
	run := func(lower bool) error {
		_, err := guard.Run(t.Context(), guard.Config{Dir: dir, Lower: lower, Log: t.Output()})
		return err
	}
	want := func(err error, says string) {
		t.Helper()
		if says == "" && err != nil || says != "" && (!errors.Is(err, guard.ErrOver) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	write("go.mod", "module hot\n\ngo 1.24\n")
	write(guard.File, "package ./hot 1000\nBenchmarkHot/part 1 100 first measured\n")
	code("64")
	want(run(true), "")
	if b, _ := os.ReadFile(filepath.Join(dir, guard.File)); !strings.Contains(string(b), "BenchmarkHot/part      1       83  first measured") {
		t.Errorf("lowered to\n%s", b)
	}
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-qm", "one")
	git("checkout", "-qb", "branch")
	code("128")
	want(run(false), "BenchmarkHot/part: 128 bytes per operation, 45 more than its ceiling of 83")
	write(guard.File, "package ./hot 1000\nBenchmarkHot/part 1 128 first measured\n")
	git("commit", "-qam", "two")
	want(run(false), "raised from 1 allocations and 83 bytes to 1 and 128, with the reason that was there before")
	write(guard.File, "package ./hot 1000\nBenchmarkHot/part 1 128 longer keys\n")
	want(run(false), "")
}
