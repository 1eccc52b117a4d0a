package couchbase

import "sync/atomic"

// guess says whether a key that is not in the cache is likely to be a new one,
// from what the keys before it were. Then the insert goes first, without a
// look-up: where there is something it is refused and nothing is harmed, so a wrong
// guess costs one operation and a right one, as in a first load, saves one.
type guess struct{ absences atomic.Int32 }

// sureAfter is how many keys in a row must have been new.
const sureAfter = 8

func (g *guess) isNew() bool { return g.absences.Load() >= sureAfter }

// saw takes note of what a look-up or an insert told.
func (g *guess) saw(p presence) {
	switch {
	case p != absent:
		g.absences.Store(0)
	case !g.isNew():
		g.absences.Add(1)
	}
}
