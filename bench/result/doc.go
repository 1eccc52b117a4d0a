// Package result owns the measurements' file: one row per measurement, written
// as Parquet (SNAPPY) that any reader of the format opens.
//
// # Schema
//
//	benchmark   string     the job that was done: merge (names.go has all)
//	contender   string     who did it: customer360 (the product), raw-txn (the limit)
//	round       int32      from 1; contenders of one round ran one after the other
//	metric      string     what was measured, without its unit: throughput
//	unit        string     records/s, us/record, s, documents, records, bytes
//	value       double
//	commit      string     the revision measured, with "+dirty" where files differed
//	machine     string     system/architecture and CPU model
//	go_version  string
//	cores       int32      that Go could use (GOMAXPROCS)
//	settings    string     JSON object: everything that was chosen for the run
//	time        timestamp  of the start of the measured run, UTC, microseconds
//
// Every column is required. Rows that differ only in round are repetitions of
// one measurement; rows that differ in machine or settings are not comparable.
//
// # Settings
//
// A setting that takes several values among one contender's rows of a benchmark
// (rate, keys, instances) tells cases apart, as does a word that only some of them
// have (load=backlog): contenders compare within a case.
// One that has one value per contender, or none in common (gc, job), belongs to
// the contender. So settings must not hold what differs from run to run by itself: ports,
// folders, times. Names that plots and targets know:
//
//	records, keys, distribution, partitions, commit_interval_ms
//	rate         records/s offered         (line, latency, commit)
//	load         percent of the highest rate (line)
//	instances    processes of the contender  (scaling)
//	in_flight    operations at a time        (sink, emitters)
//	operation    insert, rewrite, remove, replay (sink)
//	standby      true, false                 (takeover)
//	cache_bytes  the memory that is configured for state (growth)
//
// # Not obvious
//
//   - Of parquet-go v1.6.2 only writer.NewParquetWriterFromWriter and the package
//     reader are used, since other parts of it pull in old cloud SDKs. The writer
//     turns panics of marshalling into errors, so a row of a wrong type is
//     reported by Write. It does not close what it writes to.
//   - The reader reads columns one by one in the caller's goroutine: its way to
//     read rows panics on damaged files in goroutines of its own, and drops errors.
//   - A checksum over the whole file, in the footer's metadata, tells bytes that
//     changed, as Parquet's pages have none here.
package result
