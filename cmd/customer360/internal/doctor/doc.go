// Package doctor looks at everything that the pipeline stands on (Kafka,
// Couchbase, the sources, this host) and says what is wrong with it, or will be.
//
// It changes nothing but the probe documents of processors/couchbase, which each
// sink writes at its start too. Each check has its own time limit. What a check
// could not look at is a finding of severity unknown, never silence; a server
// that is away is one finding, and the checks that need it are left out.
package doctor
