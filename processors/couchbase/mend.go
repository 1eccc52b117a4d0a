package couchbase

import (
	"context"
)

// Mended says what Mend came to.
type Mended uint8

const (
	MendedNothing Mended = iota // somebody else was faster: it is no longer wrong
	MendedWritten
	MendedRemoved
	MendedKept // a foreign document, and the configuration says to leave it
)

// String is what was done, "" for nothing.
func (m Mended) String() string {
	return [...]string{"", "written", "removed", "left alone: it is somebody else's"}[m]
}

// Mend brings a key to body (nil: removed) under the fence, as long as wrong
// says of what is there that it is to be mended. Unlike a sink it also writes
// over a fence that is not older: what is there is compared by wrong, under its
// CAS, right before each operation. A sink that writes the key meanwhile wins,
// since its write changes the CAS. It tries again what passes, for a minute.
func (a *Auditor) Mend(ctx context.Context, key string, fence Fence, body []byte, wrong func(Found) bool) (Mended, error) {
	limited, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	m, done := mutation{fence: fence, body: body}, MendedNothing
	for failures := 0; ; {
		found, err := a.look(limited, key, failures)
		if err == nil {
			if !wrong(found) {
				return done, nil
			}
			s := a.step(found.state, m)
			if s == keep {
				return MendedKept, nil
			}
			op := m
			op.fence = carries(s, found.state, m)
			_, err = a.col.operate(limited, key, s, found.state.cas, op)
			if err == nil || classify(err) == ambiguous { // the next look tells
				done = MendedWritten
				if body == nil {
					done = MendedRemoved
				}
			}
		}
		if err == nil {
			failures = 0
			continue
		}
		if err := a.pause(ctx, limited, key, failures, err); err != nil {
			return done, err
		}
		failures++
	}
}

// step is the sink's plan for a key whose fence is not to be believed.
func (a *Auditor) step(known state, m mutation) step {
	if known.fenced && known.fence.Compare(m.fence) >= 0 {
		known.fence = Fence{} // older than any message's
	}
	return plan(known, m, a.rules)
}
