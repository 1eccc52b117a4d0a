package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"customer360/cmd/customer360/internal/web"
)

// Text is the report for people, lines cut to the width where that is not 0.
func (r Report) Text(width int) string {
	var b strings.Builder
	var generations []string
	for _, g := range r.Generations {
		generations = append(generations, fmt.Sprintf("%d %s", g.Number, g.State))
	}
	fmt.Fprintf(&b, "generation %s   Kafka %s, %s   %s UTC\n\n", strings.Join(generations, ", "), r.Kafka, count(r.Brokers, "broker"), r.At.Format(time.TimeOnly))
	t := table{{"GROUP, MEMBER", "STATE", "PARTITIONS", "LAG", "STANDBY", "LAST COMMIT"}}
	for _, g := range r.Groups {
		t = append(t, g.rows(r.At)...)
	}
	b.WriteString(t.text())
	if len(r.Instances) > 0 {
		t = table{{"INSTANCE", "HOST", "HTTP", "PARTS"}}
		for _, i := range r.Instances {
			t = append(t, []string{i.Name, i.Host, or(i.Address, "-"), i.parts()})
		}
		b.WriteString("\n" + t.text())
	}
	fmt.Fprintf(&b, "\n%s, %d never retried\n", count(r.DeadLetters.Total, "dead letter"), r.DeadLetters.Pending)
	return clip(b.String(), width)
}

func (g Group) rows(now time.Time) [][]string {
	partitions := strconv.Itoa(g.Partitions)
	if g.Unassigned > 0 && len(g.Members) > 0 {
		partitions += fmt.Sprintf(", %d unassigned", g.Unassigned)
	}
	last := "-"
	if g.LastCommit != nil {
		last = age(now.Sub(*g.LastCommit))
	}
	rows := [][]string{{g.Name, g.State, partitions, strconv.FormatInt(g.Lag, 10), "", last}}
	switch {
	case len(g.Members) > 0:
	case g.Idle != "":
		rows = append(rows, []string{"  " + g.Idle})
	default:
		rows = append(rows, []string{"  ! nobody works on it: no instance runs the part " + g.Stage})
	}
	for _, m := range g.Members {
		rows = append(rows, []string{"  " + m.Instance, m.state(), or(Ranges(m.Partitions), "none"), strconv.FormatInt(m.Lag, 10), m.standby(), ""})
		if m.Says != nil && m.Says.LastError != "" && m.Says.State != "running" {
			rows = append(rows, []string{"    ! " + m.Says.LastError})
		}
	}
	return rows
}

func (m Member) state() string {
	s := m.Says
	switch {
	case s == nil:
		return "not known"
	case s.State == "recovering" && s.RecoveryTotal > 0:
		return fmt.Sprintf("recovering %d%%, %d left", 100*(s.RecoveryTotal-s.RecoveryLeft)/s.RecoveryTotal, s.RecoveryLeft)
	case s.State == "running" && !s.CaughtUp:
		return "catching up"
	}
	return s.State
}

func (m Member) standby() string {
	text := Ranges(m.Standby)
	if m.Says == nil || text == "" {
		return text
	}
	current, behind := map[int32]web.Standby{}, int64(0)
	for _, c := range m.Says.Standbys {
		if c.Current {
			current[c.Partition] = c
			behind += max(c.Lag, 0)
		}
	}
	filling := 0
	for _, p := range m.Standby {
		if _, ok := current[p]; !ok {
			filling++
		}
	}
	if filling > 0 {
		return fmt.Sprintf("%s, %d being read", text, filling)
	}
	if behind > 0 {
		return fmt.Sprintf("%s, %d behind", text, behind)
	}
	return text
}

// parts are what no group shows: the importer, the poller's store, and what is
// not ready.
func (i Instance) parts() string {
	if i.Problem != "" {
		return "! " + i.Problem
	}
	var parts []string
	for _, p := range i.Parts {
		if p.Name == "csvdir" || p.Name == "restpoll" || !p.Ready {
			parts = append(parts, p.Name+" "+p.State)
		}
	}
	return or(strings.Join(parts, "; "), "all ready")
}

// Ranges writes ascending partitions as 0-3,7.
func Ranges(partitions []int32) string {
	var b strings.Builder
	for i := 0; i < len(partitions); {
		j := i
		for j+1 < len(partitions) && partitions[j+1] == partitions[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, partitions[i])
		if j > i {
			fmt.Fprintf(&b, "-%d", partitions[j])
		}
		i = j + 1
	}
	return b.String()
}

// table is aligned by column; a row of one cell takes part in no column.
type table [][]string

func (t table) text() string {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if len(row) == 1 {
				continue
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range t {
		line := ""
		for i, cell := range row {
			line += cell
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func clip(text string, width int) string {
	if width <= 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if utf8.RuneCountInString(l) > width {
			lines[i] = string([]rune(l)[:width-1]) + "…"
		}
	}
	return strings.Join(lines, "\n")
}

// Wrap breaks a text into lines of at most width runes; 0: it stays one.
func Wrap(text string, width int) string {
	if width <= 0 {
		return text
	}
	var lines []string
	rest := []rune(text)
	for ; len(rest) > width; rest = rest[width:] {
		lines = append(lines, string(rest[:width]))
	}
	return strings.Join(append(lines, string(rest)), "\n")
}

func age(d time.Duration) string {
	if d = max(d, 0); d < time.Minute {
		return fmt.Sprintf("%.1f s ago", d.Seconds())
	}
	return d.Round(time.Second).String() + " ago"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
