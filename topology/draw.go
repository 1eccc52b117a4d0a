package topology

import (
	"fmt"
	"strings"
)

// Text draws the graph for a terminal: the groups with what they read and
// write, then the topics.
func (g Graph) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "generation %d, %d partitions\n\ngroups\n", g.Settings.Generation, g.Settings.Partitions)
	for _, group := range g.Groups {
		how := "at least once, fenced"
		if group.Transactional {
			how = "exactly once"
		}
		fmt.Fprintf(&b, "  %-28s %s\n", group.Name, how)
		fmt.Fprintf(&b, "      reads   %s\n", strings.Join(group.Inputs, ", "))
		if group.Table {
			fmt.Fprintf(&b, "      table   %s\n", group.TableTopic())
		}
		fmt.Fprintf(&b, "      writes  %s\n", strings.Join(group.writes(), ", "))
	}
	b.WriteString("\ntopics\n")
	for _, t := range g.Topics {
		keep := "compact"
		if !t.Compacted() {
			keep = "retention.ms " + t.Config["retention.ms"]
		}
		fmt.Fprintf(&b, "  %-34s %3d partitions  key %-16s %-24s written by %s\n", t.Name, t.Partitions, t.Key, keep, t.WrittenBy)
	}
	return b.String()
}

// writes is Outputs, and Couchbase for the sinks.
func (g Group) writes() []string {
	switch g.Stage {
	case "sink":
		return append(g.Outputs, "Couchbase customer360")
	case "staging":
		return append(g.Outputs, "Couchbase staging")
	}
	return g.Outputs
}

// Dot draws the graph for Graphviz.
func (g Graph) Dot() string {
	var b strings.Builder
	b.WriteString("digraph customer360 {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	for _, t := range g.Topics {
		if !strings.HasSuffix(t.Name, "-table") {
			fmt.Fprintf(&b, "  %q [shape=cylinder];\n", t.Name)
		}
	}
	for _, group := range g.Groups {
		fmt.Fprintf(&b, "  %q [shape=box, style=rounded, label=%q];\n", "group "+group.Name, group.Name)
		for _, topic := range group.Inputs {
			fmt.Fprintf(&b, "  %q -> %q;\n", topic, "group "+group.Name)
		}
		for _, topic := range group.writes() {
			fmt.Fprintf(&b, "  %q -> %q;\n", "group "+group.Name, topic)
		}
	}
	b.WriteString("}\n")
	return b.String()
}
