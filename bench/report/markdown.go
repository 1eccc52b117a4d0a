package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"

	"customer360/bench/figure"
	"customer360/bench/result"
)

//go:embed page.md.tmpl
var pageTemplate string

//go:embed notes.md
var notesTemplate string

type pageData struct {
	Machine, Files, Notes string
	Targets, Cases        string
	Parts                 []partData
}

type partData struct {
	Number               int
	Title, About, Repeat string
	Benchmarks           []benchmarkData
}

type benchmarkData struct {
	Title, Text string
	Figures     []figureData
}

type figureData struct{ Title, Path string }

// Markdown is the page. Figures are linked as PNG in plots, a folder as seen
// from the page; empty: without figures.
func (p *Page) Markdown(plots string) ([]byte, error) {
	notes, err := p.notes(notesTemplate)
	if err != nil {
		return nil, err
	}
	d := pageData{Machine: p.sources[0].Rows[0].Hardware(), Files: p.files(), Notes: notes}
	d.Targets, d.Cases = p.targets()
	figures := figure.Of(p.series)
	for i, part := range parts {
		section := partData{Number: i + 1, Title: part.title, About: part.about, Repeat: repeat(part)}
		for _, b := range part.benchmarks {
			data := benchmarkData{Title: b.title, Text: p.benchmark(b.name)}
			for _, f := range figures {
				if f.Benchmark == b.name && plots != "" {
					data.Figures = append(data.Figures, figureData{f.Title, path.Join(plots, f.Name+".png")})
				}
			}
			section.Benchmarks = append(section.Benchmarks, data)
		}
		d.Parts = append(d.Parts, section)
	}
	t, err := template.New("page").Option("missingkey=error").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("page.md.tmpl: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("page.md.tmpl: %w", err)
	}
	return append(bytes.TrimSpace(b.Bytes()), '\n'), nil
}

func repeat(p part) string {
	all := []string{"`make bench` (short) and `make bench-full` measure everything"}
	for _, c := range p.repeat {
		all = append(all, "`go run ./bench/cmd/customer360-bench "+c+"`")
	}
	return strings.Join(all, ", ") + "."
}

// files lists where the figures are from, the newest first.
func (p *Page) files() string {
	rows := [][]string{{"file", "from", "to", "commit", "Go", "benchmarks"}}
	for _, s := range p.sources {
		var benchmarks, commits, versions []string
		to := s.from()
		for _, r := range s.Rows {
			if at := r.At(); at.After(to) {
				to = at
			}
			benchmarks = add(benchmarks, r.Benchmark)
			commits = add(commits, fmt.Sprintf("%.12s", r.Commit)+strings.Repeat("+dirty", strings.Count(r.Commit, "+dirty")))
			versions = add(versions, r.GoVersion)
		}
		const layout = "2006-01-02 15:04"
		rows = append(rows, []string{s.Name(), s.from().Format(layout), to.Format(layout), strings.Join(commits, ", "), strings.Join(versions, ", "), strings.Join(benchmarks, ", ")})
	}
	return table(rows)
}

func add(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// targets are summed up per contender; cases has every one.
func (p *Page) targets() (summary, cases string) {
	short := [][]string{{"figure", "contender", "target", "measured", ""}}
	long := [][]string{{"figure", "contender", "case", "measured", "spread", "", "file"}}
	all := p.findings()
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].target.name == all[0].target.name && all[n].contender == all[0].contender {
			n++
		}
		first := all[0]
		measured, verdict := verdicts(all[:n])
		short = append(short, []string{first.target.name, first.contender, first.target.goal, measured, verdict})
		for _, f := range all[:n] {
			if f.source != "" {
				long = append(long, []string{f.target.name, f.contender, f.of, f.measured, f.spread, f.verdict, f.source})
			}
		}
		all = all[n:]
	}
	return table(short), table(long)
}

// benchmark is its table: a row per case and contender, a column per metric.
func (p *Page) benchmark(name string) string {
	var of []result.Series
	for _, s := range p.series {
		if s.Benchmark == name && s.Metric != "window" {
			of = append(of, s)
		}
	}
	if len(of) == 0 {
		return strings.ToUpper(notMeasured[:1]) + notMeasured[1:] + ".\n"
	}
	type row struct{ of, contender string }
	type metric struct{ name, unit string }
	var order []row
	var metrics []metric
	cells := make(map[row]map[metric]result.Series)
	for _, s := range of {
		r, m := row{s.Case, s.Contender}, metric{s.Metric, s.Unit}
		if cells[r] == nil {
			cells[r] = make(map[metric]result.Series)
			order = append(order, r)
		}
		cells[r][m] = s
		if !slices.Contains(metrics, m) {
			metrics = append(metrics, m)
		}
	}
	order = byCase(order, func(r row) string { return r.of })
	head := []string{"case", "contender", "rounds"}
	for _, m := range metrics {
		head = append(head, heading(m.name, m.unit))
	}
	rows := [][]string{head}
	for _, r := range order {
		rounds := 0
		line := []string{r.of, r.contender, ""}
		for _, m := range metrics {
			s, ok := cells[r][m]
			if !ok {
				line = append(line, "")
				continue
			}
			rounds = max(rounds, len(s.Values))
			line = append(line, cell(s))
		}
		line[2] = fmt.Sprint(rounds)
		rows = append(rows, line)
	}
	if !slices.ContainsFunc(order, func(r row) bool { return r.of != "" }) {
		for i := range rows {
			rows[i] = rows[i][1:]
		}
	}
	return table(rows) + settings(of)
}

// byCase puts rows of a case together, in the order of their first ones.
func byCase[R any](rows []R, of func(R) string) []R {
	var cases []string
	for _, r := range rows {
		cases = add(cases, of(r))
	}
	slices.SortStableFunc(rows, func(a, b R) int { return slices.Index(cases, of(a)) - slices.Index(cases, of(b)) })
	return rows
}

// table is Markdown; the first row is its head. Columns of figures are to the right.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		for j := range row {
			row[j] = strings.ReplaceAll(row[j], "|", "\\|")
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}
