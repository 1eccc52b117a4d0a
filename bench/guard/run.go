package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// File is where the ceilings lie in the module.
const File = "bench/guard/ceilings.txt"

// Config says what Run does. Dir is the module's folder.
type Config struct {
	Dir   string
	Lower bool      // write lower ceilings into the file
	Log   io.Writer // what go test says
}

// ErrOver: a benchmark is over its ceiling, or the file is not as it must be.
var ErrOver = errors.New("the guard of the hot path")

// Run measures all packages with ceilings and compares. It returns a line for each
// benchmark that it has met; what is wrong is in the error, which matches ErrOver.
func Run(ctx context.Context, cfg Config) ([]string, error) {
	file := filepath.Join(cfg.Dir, filepath.FromSlash(File))
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the ceilings: %w (call it in the module's folder)", err)
	}
	packages, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	violations, err := raisesSince(ctx, cfg, packages)
	if err != nil {
		return nil, err
	}
	var report []string
	for i := range packages {
		p := &packages[i]
		measured, err := measure(ctx, cfg, p)
		if err != nil {
			return report, err
		}
		if cfg.Lower {
			Lower(p, measured)
		}
		for _, m := range measured {
			report = append(report, fmt.Sprintf("%s %s: %d allocations, %d bytes", p.Path, m.Name, m.Allocs, m.Bytes))
		}
		violations = append(violations, Compare(p, measured)...)
	}
	if cfg.Lower {
		if err := os.WriteFile(file, Format(packages), 0o644); err != nil {
			return report, fmt.Errorf("the ceilings: %w", err)
		}
	}
	if len(violations) > 0 {
		return report, fmt.Errorf("%w:\n  %s\nMake it cheaper again, or raise the ceiling in %s with a new reason", ErrOver, strings.Join(violations, "\n  "), File)
	}
	return report, nil
}

// measure runs the benchmarks of which any part has a ceiling.
func measure(ctx context.Context, cfg Config, p *Package) ([]Measured, error) {
	var names []string
	for _, c := range p.Ceilings {
		top, _, _ := strings.Cut(c.Name, "/")
		if !slices.Contains(names, top) {
			names = append(names, top)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^("+strings.Join(names, "|")+")$", "-benchmem", //nolint:gosec // names out of a file of this repository
		"-benchtime", fmt.Sprintf("%dx", p.Times), "-cpu", "1", "-timeout", "10m", p.Path)
	test.Dir, test.Stdout, test.Stderr = cfg.Dir, &out, cfg.Log
	if err := test.Run(); err != nil {
		return nil, fmt.Errorf("the benchmarks of %s: %w\n%s", p.Path, err, out.Bytes())
	}
	return Read(&out)
}

// Read reads what go test -benchmem prints.
func Read(r io.Reader) ([]Measured, error) {
	var all []Measured
	for reader := benchfmt.NewReader(r, "go test"); reader.Scan(); {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue // a line of a log, or of another kind
		}
		m := Measured{Name: "Benchmark" + result.Name.String()}
		allocs, counted := result.Value("allocs/op")
		size, sized := result.Value("B/op")
		if !counted || !sized {
			return nil, fmt.Errorf("%s does not report its allocations", m.Name)
		}
		m.Allocs, m.Bytes = int64(allocs), int64(size)
		all = append(all, m)
	}
	return all, nil
}

// raisesSince compares the file with main's, or, on main itself, with the commit
// before. Where git knows neither (an archive), there is nothing to compare with.
func raisesSince(ctx context.Context, cfg Config, now []Package) ([]string, error) {
	git := func(args ...string) (string, bool) {
		c := exec.CommandContext(ctx, "git", args...)
		c.Dir = cfg.Dir
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err == nil
	}
	head, _ := git("rev-parse", "HEAD")
	for _, branch := range []string{"origin/main", "main", "HEAD^"} {
		base, ok := git("merge-base", "HEAD", branch)
		if !ok || base == head {
			continue
		}
		text, ok := git("show", base+":./"+File)
		if !ok {
			return nil, nil // it had none yet
		}
		before, err := Parse([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%s at %s: %w", File, base, err)
		}
		return Raises(before, now), nil
	}
	fmt.Fprintln(cfg.Log, "guard: git knows no commit before this one; raises are not checked")
	return nil, nil
}
