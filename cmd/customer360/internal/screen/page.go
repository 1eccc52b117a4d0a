package screen

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Source is one line of the table.
type Source struct {
	Name    string
	Records int64 // read from the raw topic since the process began
	Lag     int64 // of its rekey group; -1: not known yet
	Last    time.Time
}

// Progress is one bar of the first load.
type Progress struct {
	Name        string
	Done, Total int64
}

// Address is a place that other programs can reach.
type Address struct{ Name, Where string }

// Snapshot is all that a page shows.
type Snapshot struct {
	Dir         string
	Started     time.Time
	Now         time.Time
	State       string // starting, loading, live, stopping
	Sources     []Source
	Customers   int64
	Orders      int64
	Staged      int64
	DeadLetters int64
	PerSecond   float64 // documents written, over the last seconds
	Load        []Progress
	Addresses   []Address
	Try         string // a command to look at a customer
	Trouble     string // the newest warning, "" when all is well
}

// Page draws a snapshot for a terminal of that width, without colours; lines
// end with \n and are never longer than width.
func Page(s Snapshot, width int) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(clip(fmt.Sprintf(format, args...), width), " ") + "\n")
	}
	line("customer360  %s  %s  up %s", s.State, s.Dir, clock(s.Now.Sub(s.Started)))
	line("")
	line("  %-16s %12s %10s   %s", "source", "records", "lag", "last event")
	for _, src := range s.Sources {
		lag := "…"
		if src.Lag >= 0 {
			lag = number(src.Lag)
		}
		line("  %-16s %12s %10s   %s", src.Name, number(src.Records), lag, ago(s.Now, src.Last))
	}
	line("")
	line("  customers %s   orders %s   staged %s   dead letters %s   %s documents/s", number(s.Customers), number(s.Orders),
		number(s.Staged), number(s.DeadLetters), number(int64(s.PerSecond+0.5)))
	line("")
	if len(s.Load) > 0 {
		for _, p := range s.Load {
			line("  %-16s %s %4d%%  %s of %s", p.Name, bar(p.Done, p.Total, 30), percent(p.Done, p.Total), number(p.Done), number(p.Total))
		}
		line("")
	}
	for _, a := range s.Addresses {
		line("  %-12s %s", a.Name, a.Where)
	}
	line("")
	if s.Trouble != "" {
		line("  ! %s", s.Trouble)
		line("")
	}
	line("  look at a customer:  %s", s.Try)
	line("  Ctrl-C ends it in order; the next start goes on from here")
	return b.String()
}

// clip cuts a line to the width, in runes.
func clip(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:width-1]) + "…"
}

// number groups digits by thousands.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func percent(done, total int64) int64 {
	if total <= 0 {
		return 0
	}
	return min(100, done*100/total)
}

func bar(done, total int64, width int64) string {
	full := int64(0)
	if total > 0 {
		full = min(width, done*width/total)
	}
	return strings.Repeat("█", int(full)) + strings.Repeat("░", int(width-full))
}

func clock(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func ago(now, t time.Time) string {
	if t.IsZero() {
		return "none yet"
	}
	d := max(0, now.Sub(t))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int64(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int64(d/time.Minute))
	}
	return fmt.Sprintf("%d h ago", int64(d/time.Hour))
}
