// Package line measures the whole line: raw Debezium envelopes in Kafka, through
// `customer360 run` with all its parts, to documents that a client of the Couchbase
// node reads. Broker, product and node are processes of their own.
//
// First the highest rate: the records lie in Kafka, and the time counts from the
// first that is read until Couchbase has all documents. Then, at shares of that
// rate, the latency from the moment at which a record was due to be produced until
// a get shows it. `customer360 verify` has to find every document right, or the
// run is void.
//
// # Not obvious
//
//   - Latency is probed: of the records that flow, as many at a time as there are
//     probes are followed by gets, every 2 ms. More would disturb what they measure.
//     A later record of the same customer counts as well, since it holds the former.
//   - Loyalty has no file, and the Online Store, in this process, knows nobody: its
//     answers (404) cost what the poller's budget lets through.
package line
