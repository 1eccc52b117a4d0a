package guard

import (
	"fmt"
	"slices"
	"strings"
)

// Measured is what a benchmark had per operation.
type Measured struct {
	Name          string
	Allocs, Bytes int64
}

// Slack is the room that Lower leaves above measured bytes. Allocations have one in
// a hundred: an operation of thousands has one more or less from run to run.
func Slack(bytes int64) int64 { return bytes/20 + 16 }

// Compare says what is over its ceiling or has none, and which ceilings stand over
// nothing, a line each.
func Compare(p *Package, measured []Measured) (violations []string) {
	met := map[string]bool{}
	for _, m := range measured {
		met[m.Name] = true
		c := p.find(m.Name)
		if c == nil {
			violations = append(violations, fmt.Sprintf("%s %s: no ceiling; it has %d allocations and %d bytes per operation: --lower adds it",
				p.Path, m.Name, m.Allocs, m.Bytes))
			continue
		}
		if m.Allocs > c.Allocs {
			violations = append(violations, fmt.Sprintf("%s %s: %d allocations per operation, %d more than its ceiling of %d",
				p.Path, m.Name, m.Allocs, m.Allocs-c.Allocs, c.Allocs))
		}
		if m.Bytes > c.Bytes {
			violations = append(violations, fmt.Sprintf("%s %s: %d bytes per operation, %d more than its ceiling of %d",
				p.Path, m.Name, m.Bytes, m.Bytes-c.Bytes, c.Bytes))
		}
	}
	for _, c := range p.Ceilings {
		if !met[c.Name] {
			violations = append(violations, fmt.Sprintf("%s %s: there is no such benchmark (any more): take its line out", p.Path, c.Name))
		}
	}
	return violations
}

// roomy begins the reason of a ceiling over something that differs from run to run:
// Lower leaves it as it is.
const roomy = "room "

// Lower lowers ceilings to what was measured, and adds those that are missing.
// Reasons stay; the order is that of the measurement.
func Lower(p *Package, measured []Measured) {
	for _, m := range measured {
		allocs, room := m.Allocs+m.Allocs/100, m.Bytes
		if room > 0 {
			room += Slack(room)
		}
		c := p.find(m.Name)
		if c == nil {
			p.Ceilings = append(p.Ceilings, Ceiling{Name: m.Name, Allocs: allocs, Bytes: room, Reason: "first measured"})
			continue
		}
		if !strings.HasPrefix(c.Reason, roomy) {
			c.Allocs, c.Bytes = min(c.Allocs, allocs), min(c.Bytes, room)
		}
	}
	place := func(c Ceiling) int {
		return slices.IndexFunc(measured, func(m Measured) bool { return m.Name == c.Name })
	}
	slices.SortStableFunc(p.Ceilings, func(a, b Ceiling) int { return place(a) - place(b) })
}
