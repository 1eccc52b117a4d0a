// Package emitters measures what the product's two emitters cost beyond what they
// cannot do without.
//
// # Operation csv: rows of a file
//
//   - csvdir: csvdir.Import as shipped. It reads the file three times (hash and
//     layout; check, sort and compare with the members known; write), and has
//     published every row to loyalty.members in transactions when it returns.
//   - encoding-csv: encoding/csv reads the same file once, records reused,
//     nothing kept: the limit of anything that parses with it.
//
// The file has quoted delimiters, quotes and newlines in a third of its rows. The
// ids are not sorted. All members are new.
//
// # Operation poll: requests to the Online Store
//
//   - restpoll: the poller as shipped but for its budget, which is out of the
//     way, from documents that exist to their answers: details, orders and
//     products. It keeps a table and publishes polls and answers in transactions.
//   - net-http: as many goroutines ask net/http for details and orders of the
//     same customers, and read the bodies. Connections are kept for all of them.
//
// Records are requests there. The store is the simulated one.
//
// Broker (kfake, in memory) and store are in a process of their own, each
// contender in another, and each run has new ones. CPU and allocations are the
// contender's, broker_cpu is what broker and store use meanwhile.
//
// # Invariants
//
//   - After csvdir every member's record has its row's values, and there is no
//     other record; encoding-csv has seen every row and byte of a value.
//   - After restpoll every customer has an answer in onlinestore.answers.
//     net-http got status 200 for every request. Else the run is void.
package emitters
