// Package stack holds real source systems for the product, and what they say.
//
// machine.go and connector.go start, stop and break the components that a company
// runs: MariaDB, Apache Kafka, Kafka Connect with Debezium. writer.go (with
// statements.go) changes the table by SQL as a seed decides, store.go is an Online
// Store, loyalty.go writes nightly CSV files. oracle.go says which documents follow
// from them: from one query on the table, the newest file and the store's answers,
// and from nothing that has passed Debezium, Kafka or the product.
//
// # Not obvious
//
//   - The oracle sees states, not histories. So it cannot know what only a history
//     decides: whether a document key was quarantined. The writers keep an address
//     among few identities, so that none is.
//   - A statement whose answer was lost may have happened or not. The query tells.
//   - A new snapshot says nothing of rows that vanished while nobody read the
//     binlog, and Debezium fails when the columns change during one.
//     Writer.KeepRows and KeepColumns leave out the statements that do so.
package stack
