package couchbase

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"
)

// Auditor looks at single documents with their fences, and mends them. It is
// safe for concurrent use, also beside sinks.
type Auditor struct {
	client *Client
	col    *collection
	rules  rules
}

// Audit opens the target for looking at its documents.
func (c *Client) Audit(ctx context.Context, t Target) (*Auditor, error) {
	col, err := c.collection(ctx, t)
	if err != nil {
		return nil, err
	}
	// A first write by way of a tombstone is what every server does.
	return &Auditor{client: c, col: col, rules: rules{keepForeign: c.cfg.Foreign == Keep, reserve: true}}, nil
}

// Found is what a key holds.
type Found struct {
	Live   bool // a document; else nothing, or the tombstone of a removed one
	Fenced bool // document or tombstone carries a fence
	Fence  Fence
	Body   []byte // of a document, as it is stored
	Binary bool   // SDKs take the document for something else than JSON by its flags
	state  state
}

// IsProbe says whether a key is one that the sinks' probes write.
func IsProbe(key string) bool {
	return key == probeKey || strings.HasPrefix(key, probeKey+"::")
}

// auditPatience is how long one key's operations are tried while Couchbase fails.
const auditPatience = time.Minute

// Look reads what a key holds, body and fence as of one moment. It tries again
// what passes, for a minute.
func (a *Auditor) Look(ctx context.Context, key string) (Found, error) {
	limited, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	for failures := 0; ; failures++ {
		f, err := a.look(limited, key, failures)
		if err == nil {
			return f, nil
		}
		if err := a.pause(ctx, limited, key, failures, err); err != nil {
			return f, err
		}
	}
}

// pause waits after a failure; an error means to give up.
func (a *Auditor) pause(ctx, limited context.Context, key string, failures int, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c := classify(err); c == fatal || c == refused {
		return explain(err, a.client.cfg, a.col.target)
	}
	if sleep(limited, backoff(a.client.cfg, failures)) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%q in %s: tried for %v: %w", key, a.col.target, auditPatience, explain(err, a.client.cfg, a.col.target))
}

func (a *Auditor) look(ctx context.Context, key string, failures int) (Found, error) {
	type reading struct {
		answer
		body []byte
	}
	readings := make(chan reading, 1)
	op, err := a.col.agent.LookupIn(gocbcore.LookupInOptions{
		Key: []byte(key), ScopeName: a.col.target.Scope, CollectionName: a.col.target.Collection,
		Flags: memd.SubdocDocFlagAccessDeleted,
		Ops: []gocbcore.SubDocOp{
			{Op: memd.SubDocOpGet, Flags: memd.SubdocFlagXattrPath, Path: fenceXattr},
			{Op: memd.SubDocOpGet, Flags: memd.SubdocFlagXattrPath, Path: "$document.flags"},
			{Op: memd.SubDocOpGetDoc},
		},
		RetryStrategy: failFast{}, Deadline: time.Now().Add(lookTimeout(a.client.cfg.Timeout, failures)),
	}, func(r *gocbcore.LookupInResult, err error) {
		if err != nil {
			readings <- reading{answer: answer{err: err}}
			return
		}
		a := reading{answer: answer{cas: uint64(r.Cas), deleted: r.Internal.IsDeleted}}
		if fence := r.Ops[0]; fence.Err == nil {
			a.fence = fence.Value
		} else if !is(fence.Err, gocb.ErrPathNotFound) {
			a.err = fence.Err
		}
		a.flags, a.body = r.Ops[1].Value, r.Ops[2].Value
		// An empty body is a path that is not there.
		if err := r.Ops[2].Err; err != nil && !a.deleted && !is(err, gocb.ErrPathNotFound) {
			a.err = err
		}
		readings <- a
	})
	if err != nil {
		return Found{}, err
	}
	var r reading
	select {
	case r = <-readings:
	case <-ctx.Done():
		op.Cancel()
		r = <-readings
	}
	switch {
	case is(r.err, gocb.ErrDocumentNotFound):
		return Found{}, nil
	case r.err != nil:
		return Found{}, r.err
	}
	f := Found{Live: !r.deleted, state: state{presence: live, binary: binaryFlags(r.flags), cas: r.cas}}
	if r.deleted {
		f.state.presence = tombstone
	} else {
		f.Body = r.body
	}
	if fence, err := parseFence(r.fence); err == nil {
		f.state.fence, f.state.fenced = fence, true
	}
	f.Fenced, f.Fence, f.Binary = f.state.fenced, f.state.fence, f.state.binary
	return f, nil
}

// longestLook is for a body of any size.
const longestLook = 20 * time.Second

// lookTimeout grows, since a large body may need more time than a sink's look-up.
func lookTimeout(first time.Duration, failures int) time.Duration {
	return min(first<<min(failures, 8), longestLook)
}
