package processors

import (
	"bytes"
	"cmp"
	"slices"

	"customer360/codec"
)

// plan is what the fold was configured with, compiled: sources by their rank,
// which is their place among the xrefs.
type plan struct {
	sources []string
	primary []bool
	fields  [len(profileFields)][]int // per profile field the ranks that may give it, best first
}

func newPlan(sources, primary []string, p Precedence) *plan {
	pl := &plan{sources: sources}
	for _, s := range sources {
		pl.primary = append(pl.primary, slices.Contains(primary, s))
	}
	for i, f := range profileFields {
		for _, s := range p[f] {
			if rank := slices.Index(sources, s); rank >= 0 {
				pl.fields[i] = append(pl.fields[i], rank)
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

// contribution is an asserted register, decoded.
type contribution struct {
	rank             int
	source, identity []byte
	id               identifier
	fields           codec.Fields
}

func (a *contribution) compare(b *contribution) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), bytes.Compare(a.source, b.source),
		a.id.compare(&b.id), bytes.Compare(a.identity, b.identity))
}

// folder folds registers into documents. It is one goroutine's at a time; its
// buffers are used again, and so is the document that fold returns.
type folder struct {
	plan          *plan
	contributions []contribution
	order         []int32 // of contributions, as xrefs have them
	document      []byte
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
// asked-for email wins. Registers lie in that order within a source.
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

// read decodes the asserted registers and sorts them. A customer exists while
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
		n := len(f.contributions)
		f.contributions = slices.Grow(f.contributions, 1)[:n+1]
		c := &f.contributions[n]
		if err := c.fields.Decode(r.fields); err != nil {
			return false, err
		}
		c.rank, c.source, c.identity = f.plan.rank(r.source), r.source, r.identity
		c.id = parseIdentifier(c.fields.Get(codec.FieldID))
		exists = exists || c.rank < len(f.plan.primary) && f.plan.primary[c.rank]
		f.order = append(f.order, int32(n))
	}
	slices.SortFunc(f.order, func(a, b int32) int { return f.contributions[a].compare(&f.contributions[b]) })
	return exists, nil
}

func (f *folder) appendProfile() {
	empty := true
	for i, field := range profileFields {
		value := f.first(field, f.plan.fields[i])
		if value == nil {
			continue
		}
		if !empty {
			f.document = append(f.document, ',')
		}
		empty = false
		f.document = appendName(f.document, field.String())
		f.document = appendQuoted(f.document, value)
	}
}

// first is the value of the best source that has one, there of the smallest id.
func (f *folder) first(field codec.Field, ranks []int) []byte {
	for _, rank := range ranks {
		for _, n := range f.order {
			c := &f.contributions[n]
			if c.rank != rank {
				continue
			}
			if value := c.fields.Get(field); value != nil {
				return value
			}
		}
	}
	return nil
}

func (f *folder) appendXref(c *contribution) {
	f.document = append(f.document, `{"external_system":`...)
	f.document = appendQuoted(f.document, c.source)
	if id := c.fields.Get(codec.FieldID); !isEmptyScalar(id) {
		f.document = append(f.document, `,"external_ID":`...)
		f.document = append(f.document, id...)
	}
	if pass := c.fields.Get(codec.FieldPass); pass != nil {
		f.document = append(f.document, `,"pass":`...)
		f.document = appendQuoted(f.document, pass)
	}
	f.document = append(f.document, '}')
}

func isEmptyScalar(scalar []byte) bool {
	s := string(scalar)
	return s == "" || s == `""` || s == "null"
}

// appendName appends a member's name, which needs no escapes.
func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, '"'), name...), `":`...)
}
