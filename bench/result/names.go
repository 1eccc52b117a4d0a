package result

// Benchmarks: the job that was done, column benchmark.
const (
	Merge    = "merge"    // records folded into documents, exactly once
	Line     = "line"     // raw Debezium envelopes to the Couchbase node
	Latency  = "latency"  // from a record's time to its readable document
	Recovery = "recovery" // an empty folder filled from the changelog
	Takeover = "takeover" // one instance dies, another goes on
	Rebuild  = "rebuild"  // the next generation of all documents
	Sink     = "sink"     // documents written to the Couchbase node
	Emitters = "emitters" // files and answers read and published
	Scaling  = "scaling"  // several instances, several numbers of partitions
	Growth   = "growth"   // the same load on states of several sizes
	Commit   = "commit"   // the pause of callbacks per commit
)

// Contenders: who did it, column contender.
const (
	Customer360     = "customer360"      // the product as shipped
	Customer360JSON = "customer360-json" // the same, its records as JSON
	StreamsEOS      = "streams-eos"      // Kafka Streams, exactly_once_v2
	StreamsALO      = "streams-alo"      // Kafka Streams, at_least_once
	GokaStock       = "goka-stock"       // goka as it comes, at least once
	Raw             = "raw"              // franz-go copies the records
	RawTxn          = "raw-txn"          // the same in transactions
	Fenced          = "fenced"           // sink: the product's sink
	Plain           = "plain"            // sink: gocb's Upsert
	CSVDir          = "csvdir"           // emitters: the product's importer
	EncodingCSV     = "encoding-csv"     // emitters: encoding/csv reads the same file
	RestPoll        = "restpoll"         // emitters: the product's poller
	NetHTTP         = "net-http"         // emitters: net/http asks the same store
)

// Metrics, column metric; the units that they have everywhere are in Unit.
const (
	Throughput  = "throughput"
	CPU         = "cpu"
	BrokerCPU   = "broker_cpu"
	RSSPeak     = "rss_peak"
	Allocs      = "allocs"
	AllocBytes  = "alloc_bytes"
	Disk        = "disk"
	Wire        = "wire"
	LatencyP50  = "latency_p50"
	LatencyP99  = "latency_p99"
	LatencyP999 = "latency_p999"
	PauseP99    = "pause_p99"
	RecoverTime = "recovery"
	KeysRate    = "keys_rate"
	TakeTime    = "takeover"
	Documents   = "documents"
	Output      = "output"
)

// Direction says which values of a metric are better.
type Direction int

// Directions.
const (
	Neither Direction = iota // a count that checks the run
	Lower
	Higher
)

// Better is the metric's direction. What is not known is a time, a size or a
// cost unless its unit is a rate, so that it is never left out of a comparison.
func Better(metric, unit string) Direction {
	switch metric {
	case Documents, Output, "window", "offered":
		return Neither
	}
	switch unit {
	case "documents", "records", "rows", "requests", "count":
		return Neither
	}
	if n := len(unit); n > 2 && unit[n-2:] == "/s" {
		return Higher
	}
	return Lower
}
