// Package demo shows a customer's way from a statement of SQL to the document in
// Couchbase, with the time it takes: an INSERT, an UPDATE and a DELETE of one row.
// It looks with `customer360 get`, a process for each look, as a person would; so
// a time includes that of the last look.
package demo
