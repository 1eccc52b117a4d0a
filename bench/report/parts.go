package report

import "customer360/bench/result"

// part is a section of the page.
type part struct {
	title      string
	about      string
	benchmarks []benchmark
	repeat     []string // subcommands of customer360-bench
}

type benchmark struct{ name, title string }

var parts = []part{
	{title: "Merge", about: "Records of a mixed load (asserts, withdraws, stale versions) are folded into documents: read the key's registers, accept by version, " +
		"write them back, fold the document, emit it if it changed. All contenders read the same records and leave equal documents; how they encode their state is their own choice. " +
		"`customer360` is merge as shipped, `customer360-json` the same with its records as JSON, as the peers have them. `raw` and `raw-txn` only copy the records: the limit.",
		benchmarks: []benchmark{{result.Merge, "Throughput and cost"}}, repeat: []string{"merge"}},
	{title: "The whole line and latency", about: "Raw Debezium envelopes to documents in the Couchbase node, and the merge stage alone at a given rate: from the record's timestamp to its document, read committed.",
		benchmarks: []benchmark{{result.Line, "The whole line"}, {result.Latency, "Latency of the merge stage"}, {result.Commit, "Pause per commit"}}, repeat: []string{"line", "latency"}},
	{title: "Recovery, takeover, rebuild", about: "An instance with an empty folder reads its state from the changelog; an instance dies and another one goes on; all customers are built again beside the ones that serve.",
		benchmarks: []benchmark{{result.Recovery, "Recovery"}, {result.Takeover, "Takeover"}, {result.Rebuild, "Rebuild"}}, repeat: []string{"recovery", "takeover", "rebuild"}},
	{title: "Sink", about: "Documents into the Couchbase node: `fenced` is the product's sink, `plain` is gocb's Upsert of the same bodies with as many in flight.",
		benchmarks: []benchmark{{result.Sink, "Writes"}}, repeat: []string{"sink"}},
	{title: "Emitters", about: "A file's rows into Kafka (`csvdir`) against reading the same file (`encoding-csv`); polls of the store (`restpoll`) against bare requests (`net-http`).",
		benchmarks: []benchmark{{result.Emitters, "Rows and requests"}}, repeat: []string{"emitters"}},
	{title: "Scaling and growth", about: "The same load on more instances and partitions, and on larger states. CPU is of all instances together.",
		benchmarks: []benchmark{{result.Scaling, "Instances and partitions"}, {result.Growth, "Size of the state"}}, repeat: []string{"scaling", "growth"}},
}

// Repeats are the subcommands of customer360-bench that the page names.
func Repeats() []string {
	var all []string
	for _, p := range parts {
		all = append(all, p.repeat...)
	}
	return all
}
