// Package simulate plays the three source systems of the tutorial: Home Delivery
// (a MySQL table seen through Debezium), Loyalty (a nightly CSV) and the Online
// Store (a REST API). It owns the population and what happens to it.
//
// # The world is a function
//
// Person i is a pure function of (seed, i): a million people need no memory, and
// the store finds a customer by the number in the e-mail address. What happened
// since the beginning is an overlay, replayed at start from two counters: steps
// (Home Delivery and Online Store) and nights (Loyalty). So the state on disk is
// a handful of numbers (progress.go).
//
// # Invariants
//
//   - Equal seed, customers, step and night: equal rows, members and answers.
//   - E-mail addresses are unique per person after trimming and lowering.
//   - Person 0 is Matthew Groves of the tutorial; nothing ever happens to him.
//   - The source position of a Home Delivery record is a function of its step. A
//     step is counted after Kafka acknowledged it: kill -9 may write one batch of
//     steps again, at the same positions, as Debezium does; none is skipped.
//
// # Parts
//
// Home Delivery, Loyalty and the Online Store need nothing of each other but the
// seed, the number of people and, for newcomers, nothing at all: so each can be
// played by a process of its own (an empty setting of Config leaves one out), and
// Table gives Home Delivery to a writer that is not Kafka.
//
// # Not obvious
//
// The three systems are spelled apart on purpose: a few addresses differ in case
// or carry spaces, names have accents, an address has a `+`. That is what the
// pipeline must bring together again. Passwords are invented, but are never
// logged all the same.
package simulate
