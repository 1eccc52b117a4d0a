// Package result owns the measurements' file: one row per measurement, written
// as Parquet (SNAPPY) that any reader of the format opens.
//
// # Schema
//
//	benchmark   string     the job that was done: merge
//	contender   string     who did it: merge (the product), raw (the limit)
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
// Not obvious: parquet-go v1.6.2 is used through
// writer.NewParquetWriterFromWriter alone, since other parts of it pull in old
// cloud SDKs. It turns panics of marshalling into errors, so a row of a wrong
// type is reported by Write. It does not close what it writes to.
package result
