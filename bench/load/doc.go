// Package load owns the benchmarks' input: records that are a function of the
// Config alone, on every machine and Go version, so that contenders of one run,
// and runs of two days, do the same work.
//
// The first Keys records name each customer once, in order; whoever reads all
// of them has met every key. The records behind them choose customers uniformly
// or by Zipf's law (exponent 1: the second customer half as often as the first).
//
// What there is of it:
//
//   - Records: what merge reads, in the product's binary form or as JSON. Home Delivery asserts first, then it, Loyalty
//     and the Online Store take turns by chance, with one identity each.
//   - Envelopes: what Debezium's MySQL connector writes, schemas off: creates,
//     then updates with the row before and after.
//
// The mix "mixed" is what a merge job has to bear beside that: withdraws (about
// 1.6 in a hundred), asserts with an old version (0.5 in a hundred), one value in
// ten empty, repeats that leave the document as it was, second loyalty cards (one
// customer in twenty), quotes and letters outside ASCII. Both forms hold the same records.
//
// Not obvious: without it versions only grow and nothing is withdrawn, so every record
// changes merge's table. All but about three in ten change the document too:
// the Online Store's later ones change its orders, which the customer's
// document does not show. Replays and stale records, which cost less, are absent.
package load
