package processors

import (
	"bytes"
	"cmp"
	"slices"

	"customer360/codec"
	"customer360/topology/engine"
)

// plan is what the fold was configured with, compiled: sources by their rank,
// which is their place among the xrefs.
type plan struct {
	sources    []string
	primary    []bool
	precedence [][len(profileFields)]int8 // by rank and field, from 1 for the best; 0: gives none
	names      [len(profileFields)]string // of the fields, as the document has them
	heads      []string                   // of the sources' xrefs
}

func newPlan(sources, primary []string, p Precedence) *plan {
	pl := &plan{sources: sources, precedence: make([][len(profileFields)]int8, len(sources)+1)}
	for _, s := range sources {
		pl.primary = append(pl.primary, slices.Contains(primary, s))
		pl.heads = append(pl.heads, string(appendXrefHead(nil, []byte(s))))
	}
	for i, f := range profileFields {
		pl.names[i] = `"` + f.String() + `":`
		for n, s := range p[f] {
			if rank := slices.Index(sources, s); rank >= 0 {
				pl.precedence[rank][i] = int8(n + 1)
			}
		}
	}
	return pl
}

// rank is the source's place; one that is not configured comes behind all
// others: it has an xref and gives no field.
func (pl *plan) rank(source []byte) int {
	for i, s := range pl.sources {
		if string(source) == s {
			return i
		}
	}
	return len(pl.sources)
}

// contribution is an asserted register: what sorts it and makes its xref, and
// the fields behind those.
type contribution struct {
	rank             int
	source, identity []byte
	scalar, pass     []byte
	profile          []byte // encoded
	id               identifier
	parsed           bool // id is what scalar says: only identities of one source need it
}

func (a *contribution) compare(b *contribution) int {
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	if order := bytes.Compare(a.source, b.source); order != 0 {
		return order
	}
	a.parse()
	b.parse()
	if order := a.id.compare(&b.id); order != 0 {
		return order
	}
	return bytes.Compare(a.identity, b.identity)
}

func (a *contribution) parse() {
	if !a.parsed {
		a.id, a.parsed = parseIdentifier(a.scalar), true
	}
}

// folder folds registers into documents. It is one goroutine's at a time; its
// buffers are used again, and so is the document that fold returns. What is given
// away lies in kept.
type folder struct {
	plan          *plan
	contributions []contribution
	order         []int32 // of contributions, as xrefs have them
	best          [len(profileFields)]survivor
	next          []byte // the registers at hand
	document      []byte
	kept          arena
	spare         []engine.Header // of which headers are made
}

// survivor is the value of a profile's field, and the precedence of its source.
type survivor struct {
	value      []byte
	precedence int8
}

// fold returns the document that the registers make under their key, nil where
// they make none. It holds until the next fold.
func (f *folder) fold(key string, state []byte) ([]byte, error) {
	f.document = f.document[:0]
	if codec.IsOrderKey(key) {
		return f.foldOrder(state)
	}
	exists, err := f.read(state)
	if err != nil || !exists {
		return nil, err
	}
	if err := f.survive(); err != nil {
		return nil, err
	}
	f.document = append(f.document, `{"type":"user","profile":{`...)
	f.appendProfile()
	f.document = append(f.document, `},"xrefs":[`...)
	for i, n := range f.order {
		if i > 0 {
			f.document = append(f.document, ',')
		}
		f.appendXref(&f.contributions[n])
	}
	f.document = append(f.document, `]}`...)
	return f.document, nil
}

// foldOrder: of several customers of the store who have one order, the smallest
// asked-for email wins.
func (f *folder) foldOrder(state []byte) ([]byte, error) {
	var winner register
	var body []byte
	for rest := state[registersHeader:]; len(rest) > 0; {
		var r register
		var err error
		if r, rest, err = cutRegister(rest); err != nil {
			return nil, err
		}
		if !r.asserted || body != nil && bytes.Compare(r.identity, winner.identity) >= 0 {
			continue
		}
		var fields codec.Fields
		if err := fields.Decode(r.fields); err != nil {
			return nil, err
		}
		if b := fields.Get(codec.FieldBody); b != nil {
			winner, body = r, b
		}
	}
	if body == nil {
		return nil, nil
	}
	f.document = append(f.document, body...)
	return f.document, nil
}

// read collects the asserted registers and sorts them. A customer exists while
// a primary source asserts it.
func (f *folder) read(state []byte) (exists bool, err error) {
	f.contributions, f.order = f.contributions[:0], f.order[:0]
	for rest := state[registersHeader:]; len(rest) > 0; {
		var r register
		if r, rest, err = cutRegister(rest); err != nil {
			return false, err
		}
		if !r.asserted {
			continue
		}
		f.order = append(f.order, int32(len(f.contributions)))
		f.contributions = slices.Grow(f.contributions, 1)[:len(f.contributions)+1]
		c := &f.contributions[len(f.contributions)-1]
		c.rank, c.source, c.identity, c.parsed = f.plan.rank(r.source), r.source, r.identity, false
		if c.scalar, c.profile, err = takeField(r.fields, codec.FieldID); err != nil {
			return false, err
		}
		if c.pass, c.profile, err = takeField(c.profile, codec.FieldPass); err != nil {
			return false, err
		}
		exists = exists || c.rank < len(f.plan.primary) && f.plan.primary[c.rank]
	}
	slices.SortFunc(f.order, func(a, b int32) int { return f.contributions[a].compare(&f.contributions[b]) })
	return exists, nil
}

// survive finds per field of the profile the value of the best source that has
// one, and there that of the smallest id, which comes first.
func (f *folder) survive() error {
	f.best = [len(profileFields)]survivor{}
	for _, n := range f.order {
		c := &f.contributions[n]
		for rest := c.profile; len(rest) > 0; {
			var field codec.Field
			var value []byte
			var err error
			if field, value, rest, err = cutField(rest); err != nil {
				return err
			}
			i := int(field) - int(profileFields[0])
			if i < 0 || i >= len(f.best) {
				continue
			}
			precedence := f.plan.precedence[c.rank][i]
			if best := &f.best[i]; precedence > 0 && (best.value == nil || precedence < best.precedence) {
				*best = survivor{value, precedence}
			}
		}
	}
	return nil
}

func (f *folder) appendProfile() {
	empty := true
	for i := range f.best {
		if f.best[i].value == nil {
			continue
		}
		if !empty {
			f.document = append(f.document, ',')
		}
		empty = false
		f.document = append(f.document, f.plan.names[i]...)
		f.document = appendQuoted(f.document, f.best[i].value)
	}
}

func (f *folder) appendXref(c *contribution) {
	if c.rank < len(f.plan.heads) {
		f.document = append(f.document, f.plan.heads[c.rank]...)
	} else {
		f.document = appendXrefHead(f.document, c.source)
	}
	if !isEmptyScalar(c.scalar) {
		f.document = append(f.document, `,"external_ID":`...)
		f.document = append(f.document, c.scalar...)
	}
	if c.pass != nil {
		f.document = append(f.document, `,"pass":`...)
		f.document = appendQuoted(f.document, c.pass)
	}
	f.document = append(f.document, '}')
}

func isEmptyScalar(scalar []byte) bool {
	s := string(scalar)
	return s == "" || s == `""` || s == "null"
}

func appendXrefHead(dst, source []byte) []byte {
	return appendQuoted(append(dst, `{"external_system":`...), source)
}
