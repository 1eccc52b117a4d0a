// Package merge is the merge job as somebody would write it on stock goka:
// typed structs, encoding/json, one state value per key. It makes the documents
// of the product's processors.Merge with its default precedence, and shares no
// code with it.
//
// Not in it, and not in the load: orders, quarantine of keys with more than 256
// identities, limits of size, dead letters.
package merge

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
)

// Record is a value of the records topic.
type Record struct {
	Source   string  `json:"source"`
	Identity string  `json:"identity"`
	Kind     string  `json:"kind"` // assert or withdraw
	Version  int64   `json:"version"`
	Fields   *Fields `json:"fields"`
}

// Fields is what an identity asserts. ID is a JSON scalar.
type Fields struct {
	ID            string `json:"id,omitempty"`
	Pass          string `json:"pass,omitempty"`
	Name          string `json:"name,omitempty"`
	Address1      string `json:"address1,omitempty"`
	Address2      string `json:"address2,omitempty"`
	City          string `json:"city,omitempty"`
	State         string `json:"state,omitempty"`
	Zipcode       string `json:"zipcode,omitempty"`
	Phone         string `json:"phone,omitempty"`
	Email         string `json:"email,omitempty"`
	LoyaltyPoints string `json:"loyaltyPoints,omitempty"`
	Orders        string `json:"orders,omitempty"`
}

// State is all that was said about one key, and the hash of the document that
// was emitted last; none: there is none.
type State struct {
	Document  []byte     `json:"document,omitempty"`
	Registers []Register `json:"registers"`
}

// Register is what one identity said last; without fields it was withdrawn, and
// its version is remembered.
type Register struct {
	Source   string  `json:"source"`
	Identity string  `json:"identity"`
	Version  int64   `json:"version"`
	Fields   *Fields `json:"fields,omitempty"`
}

// Document is what the documents topic has.
type Document struct {
	Type    string  `json:"type"`
	Profile Profile `json:"profile"`
	Xrefs   []Xref  `json:"xrefs"`
}

// Profile has the survivors.
type Profile struct {
	Name          string `json:"name,omitempty"`
	Address1      string `json:"address1,omitempty"`
	Address2      string `json:"address2,omitempty"`
	City          string `json:"city,omitempty"`
	State         string `json:"state,omitempty"`
	Zipcode       string `json:"zipcode,omitempty"`
	Phone         string `json:"phone,omitempty"`
	Email         string `json:"email,omitempty"`
	LoyaltyPoints string `json:"loyaltyPoints,omitempty"`
}

// Xref is one asserting identity.
type Xref struct {
	System string          `json:"external_system"`
	ID     json.RawMessage `json:"external_ID,omitempty"`
	Pass   string          `json:"pass,omitempty"`
}

// Effect is what a record does to the documents.
type Effect int

// Effects.
const (
	Unchanged Effect = iota
	Written
	Removed
)

// Apply changes the state. changed is false when the record is not newer than
// what is there; document is that of Written.
func (s *State) Apply(r *Record) (changed bool, effect Effect, document []byte, err error) {
	if !s.register(r) {
		return false, Unchanged, nil, nil
	}
	d := fold(s.Registers)
	if d == nil {
		if s.Document != nil {
			effect = Removed
		}
		s.Document = nil
		return true, effect, nil, nil
	}
	if document, err = encode(d); err != nil {
		return false, Unchanged, nil, err
	}
	if sum := sha256.Sum256(document); !bytes.Equal(s.Document, sum[:16]) {
		s.Document = sum[:16]
		return true, Written, document, nil
	}
	return true, Unchanged, nil, nil
}

func (s *State) register(r *Record) bool {
	i := slices.IndexFunc(s.Registers, func(g Register) bool { return g.Source == r.Source && g.Identity == r.Identity })
	if i < 0 {
		i = len(s.Registers)
		s.Registers = append(s.Registers, Register{Source: r.Source, Identity: r.Identity})
	} else if r.Version <= s.Registers[i].Version {
		return false
	}
	s.Registers[i].Version, s.Registers[i].Fields = r.Version, nil
	if r.Kind == "assert" {
		s.Registers[i].Fields = r.Fields
		if r.Fields == nil {
			s.Registers[i].Fields = new(Fields)
		}
	}
	return true
}

// Places of the sources: the order of xrefs, and of who gives name and email.
const (
	shop = iota
	home
	loyalty
	unknown // has an xref, and gives no field
)

func rank(source string) int {
	switch source {
	case "online_store":
		return shop
	case "home_delivery":
		return home
	case "loyalty":
		return loyalty
	}
	return unknown
}

type contribution struct {
	*Register
	rank int
	id   identifier
}

// fold is nil where no source asserts the customer that makes one.
func fold(registers []Register) *Document {
	asserted, exists := make([]contribution, 0, len(registers)), false
	for i := range registers {
		if g := &registers[i]; g.Fields != nil {
			c := contribution{g, rank(g.Source), parse(g.Fields.ID)}
			exists = exists || c.rank == home || c.rank == loyalty
			asserted = append(asserted, c)
		}
	}
	if !exists {
		return nil
	}
	slices.SortFunc(asserted, func(a, b contribution) int {
		return cmp.Or(a.rank-b.rank, cmp.Compare(a.Source, b.Source), a.id.compare(b.id), cmp.Compare(a.Identity, b.Identity))
	})
	d := &Document{Type: "user", Xrefs: make([]Xref, 0, len(asserted))}
	p := &d.Profile
	for _, c := range asserted {
		f := c.Fields
		if c.rank != unknown {
			p.Name, p.Email = cmp.Or(p.Name, f.Name), cmp.Or(p.Email, f.Email)
		}
		switch c.rank {
		case home:
			p.Address1, p.Address2 = cmp.Or(p.Address1, f.Address1), cmp.Or(p.Address2, f.Address2)
			p.City, p.State, p.Zipcode = cmp.Or(p.City, f.City), cmp.Or(p.State, f.State), cmp.Or(p.Zipcode, f.Zipcode)
			p.Phone = cmp.Or(p.Phone, f.Phone)
		case loyalty:
			p.LoyaltyPoints = cmp.Or(p.LoyaltyPoints, f.LoyaltyPoints)
		}
		x := Xref{System: c.Source, Pass: f.Pass}
		if !c.id.empty() {
			x.ID = json.RawMessage(f.ID)
		}
		d.Xrefs = append(d.Xrefs, x)
	}
	return d
}

func encode(d *Document) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
