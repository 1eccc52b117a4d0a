// Package restpoll asks the Online Store about every customer that exists, one
// email at a time, and publishes what it answered.
//
// It owns the topics onlinestore.polls, onlinestore.answers and
// onlinestore.products, and the table of the group "restpoll": per wanted email
// its generation, when it is due, how often it failed, and the hash of the
// answer published last. The table outlives generations, so that a rebuild
// makes no requests.
//
// The way of a poll:
//
//	documents ─► callback: wanted ─► table, agenda
//	agenda ─► HTTP worker ─► polls (raw result) ─► callback ─► answers, table, agenda
//
// # Invariants
//
//   - The callback (rules.go) is a pure function of the table's entry and the
//     message. The only clock it knows is the one in the poll's result, and
//     jitter is a hash of the email.
//   - Details and orders are published both or neither; only a 404 on the
//     details, and not behind a redirect, withdraws. Everything that the source's decoder would refuse goes
//     to the dead letters instead, once per distinct bad answer.
//   - A poll has a number, and its result counts only while the entry waits for
//     that number. So duplicates, results of a former owner and results that
//     come after the customer went away and returned change nothing.
//   - What was published counts for the topic id that it was published to, the
//     one that the generation is pinned to. An entry that names none counts for any.
//   - The agenda is a copy of the table's due times, rebuilt whenever a
//     partition has been recovered. It may run ahead of a transaction that
//     aborts: the next recovery corrects it, and a request too many changes
//     nothing. Its time does not go back with the wall clock: see steady.go.
//   - No error, reason or status holds an email, a credential, or a line that
//     the store sent: see words.go.
//
// # Not obvious
//
// A failed request travels through Kafka like an answer: its backoff survives a
// restart, and there is one way to schedule. A partition starts polling only
// when the results that lay in onlinestore.polls at its recovery have been read,
// or those emails would be asked for again. Emails of an older generation wait
// for the document that confirms or removes them. Entity tags are kept in memory
// only, so the first poll after a start fetches whole bodies; that is also what
// finds products whose fetch a crash has cut off.
package restpoll
