package guard

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Package are the benchmarks of one package that have ceilings.
type Package struct {
	Path     string // relative to the module, as ./processors
	Times    int    // how often each benchmark is run
	Ceilings []Ceiling
}

// Ceiling is what one benchmark may have per operation.
type Ceiling struct {
	Name   string // with the prefix Benchmark, and without that of GOMAXPROCS
	Allocs int64
	Bytes  int64
	Reason string // of the last change
}

// heading of ceilings.txt.
const heading = `# Ceilings of the hot path: allocations and bytes per operation, and the reason of the last change.
# "make bench-guard" compares; "make bench-guard ARGS=--lower" lowers what has become cheaper, and adds what is new.
# To raise one, change its line here by hand, with a new reason. --lower leaves those alone whose reason begins with "room".
`

// Parse reads ceilings.txt. Errors tell the line.
func Parse(text []byte) ([]Package, error) {
	var packages []Package
	s := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; s.Scan(); n++ {
		line, _, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := parseLine(&packages, words); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return packages, s.Err()
}

func parseLine(packages *[]Package, words []string) error {
	if words[0] == "package" {
		if len(words) != 3 {
			return fmt.Errorf("want: package PATH TIMES")
		}
		times, err := strconv.Atoi(words[2])
		if err != nil || times < 1 {
			return fmt.Errorf("%q is no number of times", words[2])
		}
		*packages = append(*packages, Package{Path: words[1], Times: times})
		return nil
	}
	if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
		return fmt.Errorf("want: BenchmarkNAME ALLOCATIONS BYTES REASON")
	}
	if len(*packages) == 0 {
		return fmt.Errorf("a benchmark before any package")
	}
	allocs, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || allocs < 0 {
		return fmt.Errorf("%q is no number of allocations", words[1])
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("%q is no number of bytes", words[2])
	}
	p := &(*packages)[len(*packages)-1]
	if p.find(words[0]) != nil {
		return fmt.Errorf("%s is there twice", words[0])
	}
	p.Ceilings = append(p.Ceilings, Ceiling{Name: words[0], Allocs: allocs, Bytes: size, Reason: strings.Join(words[3:], " ")})
	return nil
}

// Format is the text of ceilings.txt.
func Format(packages []Package) []byte {
	var b bytes.Buffer
	b.WriteString(heading)
	for _, p := range packages {
		fmt.Fprintf(&b, "\npackage %s %d\n", p.Path, p.Times)
		width := 0
		for _, c := range p.Ceilings {
			width = max(width, len(c.Name))
		}
		for _, c := range p.Ceilings {
			fmt.Fprintf(&b, "%-*s %6d %8d  %s\n", width, c.Name, c.Allocs, c.Bytes, c.Reason)
		}
	}
	return b.Bytes()
}

func (p *Package) find(name string) *Ceiling {
	if i := slices.IndexFunc(p.Ceilings, func(c Ceiling) bool { return c.Name == name }); i >= 0 {
		return &p.Ceilings[i]
	}
	return nil
}

// Raises are the ceilings that are higher than before without a new reason, a line
// each.
func Raises(before, now []Package) (raises []string) {
	for _, p := range now {
		i := slices.IndexFunc(before, func(b Package) bool { return b.Path == p.Path })
		if i < 0 {
			continue
		}
		for _, c := range p.Ceilings {
			b := before[i].find(c.Name)
			if b != nil && (c.Allocs > b.Allocs || c.Bytes > b.Bytes) && c.Reason == b.Reason {
				raises = append(raises, fmt.Sprintf("%s %s: raised from %d allocations and %d bytes to %d and %d, with the reason that was there before: %s",
					p.Path, c.Name, b.Allocs, b.Bytes, c.Allocs, c.Bytes, c.Reason))
			}
		}
	}
	return raises
}
