// Package scaleout runs real `customer360 run` processes on a real Kafka under
// load: two, then four, then one of them, and measures how long each partition
// stands still at every step, as a reader of the documents topic sees it. Then a
// calm run of one process gets the same records on a fresh cluster, and the
// documents of both must be equal byte for byte.
//
// The load is Home Delivery's (package load): every customer once, then updates at
// a rate until the last step is done. The parts that run are rekey, merge, staging
// and sink: poller and importer are no part of it. Couchbase is the embedded node,
// in this process; Kafka is deploy/stack's broker.
//
// The calm run also measures what the customers cost: bytes of topics and of local
// state, CPU time and memory of the process.
package scaleout
