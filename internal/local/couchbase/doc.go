// Package couchbase is an embedded Couchbase data node: SDKs connect to it over
// the memcached binary protocol as to a server.
package couchbase
