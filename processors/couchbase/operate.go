package couchbase

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/couchbase/gocb/v2"
	"github.com/couchbase/gocbcore/v10"
	"github.com/couchbase/gocbcore/v10/memd"
)

// store is what the fence needs of a collection. Tests have one in memory.
type store interface {
	// lookup reads a key's fence, tombstones included.
	lookup(ctx context.Context, key string) (state, error)
	// operate does one step under the CAS of the state, and returns the new CAS.
	// m.fence is the one to write (carries).
	operate(ctx context.Context, key string, s step, cas uint64, m mutation) (uint64, error)
}

// collection is a store in Couchbase. It speaks through gocbcore's agent below
// gocb, which alone has an operation that writes over a tombstone under its
// CAS; the others go the same way, so that there is one form of each.
type collection struct {
	agent           *gocbcore.Agent
	target          Target
	durability      memd.DurabilityLevel
	timeout         time.Duration
	durabilityLimit time.Duration
	oneXattr        atomic.Bool                              // the server takes one xattr in a request (Couchbase before 7.6)
	acknowledged    func(vbucket uint16, uuid, seqno uint64) // of each write; nil: nobody wants to know
}

func (c *Client) collection(ctx context.Context, t Target) (*collection, error) {
	b, err := c.bucket(ctx, t)
	if err != nil {
		return nil, err
	}
	agent, err := b.Internal().IORouter()
	if err != nil {
		return nil, explain(err, c.cfg, t)
	}
	col := &collection{agent: agent, target: t.withDefaults(), timeout: c.cfg.Timeout}
	if col.durability, err = c.cfg.durability(); err != nil {
		return nil, err
	}
	if col.durability != 0 {
		col.timeout = c.cfg.DurableTimeout
		col.durabilityLimit = col.timeout * 9 / 10 // the server gives up before we do
	}
	return col, nil
}

// failFast: the sink itself retries, with the exact error at hand. What the SDK
// always retries (not my vbucket, a full queue), it still does.
type failFast struct{}

func (failFast) RetryAfter(gocbcore.RetryRequest, gocbcore.RetryReason) gocbcore.RetryAction {
	return &gocbcore.NoRetryRetryAction{}
}

type answer struct {
	cas     uint64
	deleted bool
	fence   []byte // nil: none
	flags   []byte // in decimal digits
	err     error
}

// await waits for an answer; when ctx ends it cancels the operation, which then
// answers too.
func await(ctx context.Context, op gocbcore.PendingOp, err error, answers <-chan answer) answer {
	if err != nil {
		return answer{err: err}
	}
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
		op.Cancel()
		return <-answers
	}
}

func (c *collection) lookup(ctx context.Context, key string) (state, error) {
	answers := make(chan answer, 1)
	op, err := c.agent.LookupIn(gocbcore.LookupInOptions{
		Key: []byte(key), ScopeName: c.target.Scope, CollectionName: c.target.Collection,
		Flags: memd.SubdocDocFlagAccessDeleted,
		Ops: []gocbcore.SubDocOp{
			{Op: memd.SubDocOpGet, Flags: memd.SubdocFlagXattrPath, Path: fenceXattr},
			{Op: memd.SubDocOpGet, Flags: memd.SubdocFlagXattrPath, Path: "$document.flags"},
		},
		RetryStrategy: failFast{}, Deadline: time.Now().Add(c.timeout),
	}, func(r *gocbcore.LookupInResult, err error) {
		if err != nil {
			answers <- answer{err: err}
			return
		}
		a := answer{cas: uint64(r.Cas), deleted: r.Internal.IsDeleted}
		switch fence := r.Ops[0]; {
		case fence.Err == nil:
			a.fence = fence.Value
		case !is(fence.Err, gocb.ErrPathNotFound):
			a.err = fence.Err
		}
		a.flags = r.Ops[1].Value // a server that has no such member says nothing of JSON either
		answers <- a
	})
	a := await(ctx, op, err, answers)
	switch {
	case is(a.err, gocb.ErrDocumentNotFound):
		return state{}, nil
	case a.err != nil:
		return state{}, a.err
	}
	s := state{presence: live, binary: binaryFlags(a.flags), cas: a.cas}
	if a.deleted {
		s.presence = tombstone
	}
	if f, err := parseFence(a.fence); err == nil { // an xattr of another form is no fence of ours
		s.fence, s.fenced = f, true
	}
	return s, nil
}

// jsonFlags are the common flags of a JSON document.
const jsonFlags = 0x02000000

// binaryFlags says whether SDKs take a document of these flags for something
// else than JSON. Common flags have their format in the highest byte: 2 is JSON;
// 0, as in all documents that began as a sub-document operation, passes for it.
func binaryFlags(digits []byte) bool {
	flags, err := strconv.ParseUint(string(digits), 10, 32)
	return err == nil && flags>>24 != 0 && flags>>24 != jsonFlags>>24
}

func (c *collection) operate(ctx context.Context, key string, s step, cas uint64, m mutation) (uint64, error) {
	if s == retype {
		return c.retype(ctx, key, cas, m)
	}
	options := gocbcore.MutateInOptions{
		Key: []byte(key), ScopeName: c.target.Scope, CollectionName: c.target.Collection,
		Cas: gocbcore.Cas(cas), RetryStrategy: failFast{}, Deadline: c.deadline(m),
		DurabilityLevel: c.durability, DurabilityLevelTimeout: c.durabilityLimit,
	}
	oneXattr := c.oneXattr.Load()
	options.Flags, options.Ops, options.Expiry = operation(s, m, oneXattr)
	a := c.mutateIn(ctx, options)
	if statusOf(a.err) == memd.StatusSubDocXattrInvalidKeyCombo && !oneXattr {
		c.oneXattr.Store(true)
		return c.operate(ctx, key, s, cas, m)
	}
	return a.cas, a.err
}

func (c *collection) mutateIn(ctx context.Context, options gocbcore.MutateInOptions) answer {
	answers := make(chan answer, 1)
	op, err := c.agent.MutateIn(options, func(r *gocbcore.MutateInResult, err error) {
		if err != nil {
			answers <- answer{err: err}
			return
		}
		c.note(r.MutationToken)
		answers <- answer{cas: uint64(r.Cas)}
	})
	return await(ctx, op, err, answers)
}

// deadline gives a body time to travel: a second for each MiB.
func (c *collection) deadline(m mutation) time.Time {
	return time.Now().Add(c.timeout + time.Duration(len(m.body)>>20)*time.Second)
}

func (c *collection) note(t gocbcore.MutationToken) {
	if c.acknowledged != nil {
		c.acknowledged(t.VbID, uint64(t.VbUUID), uint64(t.SeqNo))
	}
}

// retype is the one plain write: it keeps the xattrs, and looks at the CAS since
// the document is there.
func (c *collection) retype(ctx context.Context, key string, cas uint64, m mutation) (uint64, error) {
	answers := make(chan answer, 1)
	op, err := c.agent.Replace(gocbcore.ReplaceOptions{
		Key: []byte(key), ScopeName: c.target.Scope, CollectionName: c.target.Collection, Value: m.body, Flags: jsonFlags,
		Expiry: m.expiry, Cas: gocbcore.Cas(cas), RetryStrategy: failFast{}, Deadline: c.deadline(m),
		DurabilityLevel: c.durability, DurabilityLevelTimeout: c.durabilityLimit,
	}, func(r *gocbcore.StoreResult, err error) {
		if err != nil {
			answers <- answer{err: err}
			return
		}
		c.note(r.MutationToken)
		answers <- answer{cas: uint64(r.Cas)}
	})
	a := await(ctx, op, err, answers)
	return a.cas, a.err
}

// Where revive stages the body. The system xattr is what was tried longest; all
// system xattrs together may have 1 MiB, user xattrs 20 MiB with the body. Where
// one xattr alone may be named, that is the fence's.
const (
	stagedXattr      = "_staged"
	stagedLargeXattr = "staged"
	stagedInFence    = fenceXattr + ".staged"
	largeBody        = 512 << 10
)

// operation is a step as it was seen to work on a real server; insert follows
// the server's source, and is tried at every start (probeInsert).
func operation(s step, m mutation, oneXattr bool) (memd.SubdocDocFlag, []gocbcore.SubDocOp, uint32) {
	const x = memd.SubdocFlagXattrPath
	fence := gocbcore.SubDocOp{Op: memd.SubDocOpDictSet, Flags: x | memd.SubdocFlagMkDirP, Path: fenceXattr,
		Value: m.fence.appendJSON(make([]byte, 0, 48))}
	body := gocbcore.SubDocOp{Op: memd.SubDocOpSetDoc, Value: m.body}
	switch s {
	case insert:
		// With AccessDeleted a tombstone is a document that is there already. SETDOC
		// may not be combined with it, so the body comes member by member.
		return memd.SubdocDocFlagAddDoc | memd.SubdocDocFlagAccessDeleted, append([]gocbcore.SubDocOp{fence}, m.members()...), m.expiry
	case replace:
		return 0, []gocbcore.SubDocOp{fence, body}, m.expiry
	case remove:
		return 0, []gocbcore.SubDocOp{fence, {Op: memd.SubDocOpDeleteDoc}}, 0
	case raise:
		return memd.SubdocDocFlagAccessDeleted, []gocbcore.SubDocOp{fence}, 0
	case createDeleted, reserve:
		return memd.SubdocDocFlagAddDoc | memd.SubdocDocFlagAccessDeleted | memd.SubdocDocFlagCreateAsDeleted, []gocbcore.SubDocOp{fence}, 0
	}
	staged, value := stagedXattr, m.body
	switch large := len(m.body) > largeBody; {
	case oneXattr && large: // for the moment until replace
		staged, value = stagedInFence, []byte("{}")
	case oneXattr:
		staged = stagedInFence
	case large:
		staged = stagedLargeXattr
	}
	return memd.SubdocDocFlagAccessDeleted | memd.SubdocDocFlagReviveDocument, []gocbcore.SubDocOp{
		fence,
		{Op: memd.SubDocOpDictSet, Flags: x, Path: staged, Value: value},
		{Op: memd.SubDocOpReplaceBodyWithXattr, Flags: x, Path: staged},
		{Op: memd.SubDocOpDelete, Flags: x, Path: staged},
	}, revivedExpiry(m)
}

// revivedFor is how long, in seconds, a document lives whose replace never comes:
// a crash in between, and afterwards its time is over and nobody writes it again.
const revivedFor = 3600

// revivedExpiry is no time but a duration: one that is over by the server's clock
// would undo the revive before replace, which sets the right one.
func revivedExpiry(m mutation) uint32 {
	if m.expiry == 0 {
		return 0
	}
	return revivedFor
}
