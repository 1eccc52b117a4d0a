// Package secure tries the product's binary on a real Kafka broker that lets
// nobody in without TLS and a login, and nobody do what the list of rights in
// docs/security.md does not name. It holds tests only: STACK=1 runs them.
package secure
