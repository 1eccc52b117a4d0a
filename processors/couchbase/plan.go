package couchbase

// presence is what a key holds.
type presence uint8

const (
	absent    presence = iota // nothing, or a tombstone that was purged
	live                      // a document
	tombstone                 // a removed or expired document, whose system xattrs are still there
)

// state is what is known of a key in Couchbase.
type state struct {
	presence presence
	fenced   bool // it carries a fence
	fence    Fence
	binary   bool // its flags tell SDKs that the body is no JSON
	cas      uint64
}

// changed stands beside Overwrite and Keep in metrics and logs.
const changed = "changed"

// changedSince says whether somebody else wrote a document and left its fence:
// every write of ours that makes one document of another has a fence of its own.
func (s state) changedSince(before state) bool {
	return s.presence == live && before.presence == live && s.fenced && before.fenced && !before.binary && s.fence == before.fence && s.cas != before.cas
}

// mutation is what is to be true of a key: body, or nothing where body is nil.
type mutation struct {
	fence  Fence
	body   []byte
	expiry uint32 // Unix seconds, 0: none
	parts  *parts // of body, cut once; nil: whenever they are asked for
}

// step is one operation on a key, or the reason why there is none.
type step uint8

const (
	insert        step = iota // a first write, where there is nothing, not even a tombstone
	replace                   // over a document, under its CAS
	revive                    // a tombstone becomes a document with its old fence, under its CAS; replace follows
	remove                    // the body goes, the fence stays on the tombstone; under CAS
	raise                     // the fence of a tombstone, under its CAS
	createDeleted             // a tombstone for what never existed
	reserve                   // a tombstone with the oldest fence, to be revived: a first write in three steps
	retype                    // the body with JSON's flags, by a plain write under CAS: sub-document operations leave flags as they are; replace follows
	alreadyDone               // it carries this very fence
	stale                     // it carries a newer one
	keep                      // somebody else's document, and the configuration says to leave it
)

func (s step) String() string {
	return [...]string{"insert", "replace", "revive", "remove", "raise", "create deleted", "reserve", "retype", "already done", "stale", "keep"}[s]
}

// writes says whether the step is an operation.
func (s step) writes() bool { return s < alreadyDone }

// prepares says whether the message is still to be written afterwards.
func (s step) prepares() bool { return s == reserve || s == revive || s == retype }

// rules are the choices of the configuration.
type rules struct {
	keepForeign bool // documents without a fence are left alone
	reserve     bool // all first writes go by way of a tombstone
}

// plan decides the next operation. Contents are never compared.
func plan(s state, m mutation, r rules) step {
	if s.fenced {
		switch c := s.fence.Compare(m.fence); {
		case c == 0:
			return alreadyDone
		case c > 0:
			return stale
		}
	} else if s.presence == live && r.keepForeign {
		return keep
	}
	removal := m.body == nil
	switch {
	case s.presence == live && removal:
		return remove
	case s.presence == live && s.binary:
		return retype
	case s.presence == live:
		return replace
	case s.presence == tombstone && removal:
		return raise
	case s.presence == tombstone:
		return revive
	case removal:
		return createDeleted
	case r.reserve || !m.insertable():
		return reserve
	}
	return insert
}

// carries is the fence that a step writes. A step that prepares leaves the key
// open for this message and for all that is newer than what was there.
func carries(s step, known state, m mutation) Fence {
	switch s {
	case reserve:
		return Fence{}
	case revive, retype:
		return known.fence
	}
	return m.fence
}

// after is the state that a successful operation leaves behind.
func after(s step, known state, fence Fence, cas uint64) state {
	next := state{presence: live, fenced: true, fence: fence, binary: known.binary, cas: cas}
	switch s {
	case remove, raise, createDeleted, reserve:
		next.presence = tombstone
	case retype:
		next.fenced, next.binary = known.fenced, false
	}
	return next
}
