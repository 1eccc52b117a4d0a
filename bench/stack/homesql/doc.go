// Package homesql writes Home Delivery's table by SQL, as the company's own
// software would: the simulated people (simulate.Table), then a new customer or a
// change again and again. Debezium reads what it leaves in the binary log.
//
// # Invariants
//
//   - A step and the count of it are one transaction of the database (table
//     simulator.progress), so kill -9 of either side loses and repeats nothing. A
//     database made anew begins anew.
//   - Its statements name rows by id and touch no others. Rows that somebody else
//     inserts, changes or deletes stay as they are: a statement that meets a
//     taken id is skipped, one that meets no row changes none.
//   - A database that is away is waited for.
package homesql
