// Package guard holds ceilings over what the hot path allocates, and compares what
// Go benchmarks measure with them. Allocations are stable on any machine, times are
// not: so nothing here is about time.
//
// ceilings.txt has a line per benchmark: allocations and bytes per operation that it
// may have at most, and the reason of the last change. Whoever makes the hot path
// dearer raises its ceiling, and says why: a raise with the reason that main has is
// refused. Lower writes down what has become cheaper.
//
// Bytes have some room in the file (Slack), as the size of pools depends on when the
// garbage collector runs.
package guard
