// Package onlinestore owns the answers of the online store: their encoding in
// onlinestore.answers, and the decoder that makes a customer and the documents
// of all its orders from one.
//
// Invariants
//
//   - The identity is the email that was asked for, the record's key. One
//     answer holds all that the store said about it: what an earlier answer
//     asserted and a later one does not is withdrawn.
//   - An answer counts as a whole or not at all: an order that cannot be told
//     from another (an OrderId that is no integer, or there twice) refuses it.
//   - An order's body is the store's bytes less the white space. Numbers are
//     never parsed into floating point, totals are computed in decimals.
//
// Non-obvious
//
//   - The store writes PascalCase in the tutorial and camelCase by its
//     framework's default: either counts, each name once.
//   - Dates are the store's text, `2019-04-25T15:15:5800838522` in the
//     tutorial: seconds and their fraction run together. They are read only to
//     find the newest orders.
//   - -0, 1.0 and 1e3 are no OrderId: each would be a second spelling of one.
package onlinestore
