// Package load owns the benchmarks' input: records that are a function of the
// Config alone, on every machine and Go version, so that contenders of one run,
// and runs of two days, do the same work.
//
// The first Keys records name each customer once, in order; whoever reads all
// of them has met every key. The records behind them choose customers uniformly
// or by Zipf's law (exponent 1: the second customer half as often as the first).
//
// Two forms of it:
//
//   - Records: what merge reads. Home Delivery asserts first, then it, Loyalty
//     and the Online Store take turns by chance, with one identity each.
//   - Envelopes: what Debezium's MySQL connector writes, schemas off: creates,
//     then updates with the row before and after.
//
// Not obvious: versions only grow, nothing is withdrawn, and every record
// changes something, so merge stores and emits for each of them. That is the
// dearest case: replays and stale records cost less.
package load
