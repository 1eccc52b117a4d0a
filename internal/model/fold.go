package model

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// maxIdentities may ever have asserted one document.
const maxIdentities = 256

// xrefOrder is the order of sources in documents.
var xrefOrder = []string{onlineStore, homeDelivery, loyalty}

// contribution is what one identity says about the document at hand.
type contribution struct {
	who identity
	assertion
}

// Documents are the bucket customer360: exact bytes by key.
func (m *Model) Documents() map[string][]byte {
	under := map[string][]contribution{}
	for who, state := range m.identities {
		for key, a := range state.asserts {
			under[key] = append(under[key], contribution{who, a})
		}
	}
	documents := map[string][]byte{}
	for key, all := range under {
		if len(m.everUnder[key]) > maxIdentities {
			continue
		}
		slices.SortFunc(all, contribution.compare)
		if body := m.fold(key, all); body != "" {
			documents[key] = []byte(body)
		}
	}
	return documents
}

// Quarantined are the keys that too many identities have ever asserted, sorted.
func (m *Model) Quarantined() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.everUnder)),
		func(key string) bool { return len(m.everUnder[key]) <= maxIdentities })
}

// compare orders contributions as xrefs are.
func (c contribution) compare(d contribution) int {
	return cmp.Or(cmp.Compare(slices.Index(xrefOrder, c.who.source), slices.Index(xrefOrder, d.who.source)),
		compareIDs(c.id, d.id), strings.Compare(c.who.key, d.who.key))
}

// compareIDs: integers first, by value, quoted or not; the rest bytewise; then
// numbers before text before anything else.
func compareIDs(a, b string) int {
	textA, textB := idText(a), idText(b)
	numberA, numberB := integer(textA), integer(textB)
	types := cmp.Compare(idType(a), idType(b))
	switch {
	case numberA != nil && numberB != nil:
		return cmp.Or(numberA.Cmp(numberB), types)
	case numberA != nil:
		return -1
	case numberB != nil:
		return 1
	}
	return cmp.Or(strings.Compare(textA, textB), types)
}

func idText(id string) string {
	if kind([]byte(id)) == '"' {
		return unquote([]byte(id))
	}
	return id
}

func idType(id string) int {
	return map[byte]int{'0': -2, '"': -1}[kind([]byte(id))]
}

// integer is the value of digits with or without a minus, else nil.
func integer(s string) *big.Int {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil
	}
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

// fold makes the document of sorted contributions, "" for none.
func (m *Model) fold(key string, all []contribution) string {
	if !strings.Contains(key, "@") {
		return smallestAsked(all).order
	}
	if !slices.ContainsFunc(all, func(c contribution) bool { return c.who.source != onlineStore }) {
		return ""
	}
	var fields, xrefs []string
	for _, f := range profileFields {
		sources := f.sources
		if s, ok := m.options.Precedence[f.name]; ok {
			sources = s
		}
		if value := survivor(all, f.name, sources); value != "" {
			fields = append(fields, quote(f.name)+":"+quote(value))
		}
	}
	for _, c := range all {
		xref := `{"external_system":` + quote(c.who.source)
		if c.id != "" && c.id != `""` {
			xref += `,"external_ID":` + c.id
		}
		if c.pass != "" {
			xref += `,"pass":` + quote(c.pass)
		}
		xrefs = append(xrefs, xref+"}")
	}
	return `{"type":"user","profile":{` + strings.Join(fields, ",") + `},"xrefs":[` + strings.Join(xrefs, ",") + `]}`
}

// survivor is a field's value: of the first source that has one, of the
// smallest id there that has one.
func survivor(all []contribution, field string, sources []string) string {
	for _, source := range sources {
		for _, c := range all {
			if c.who.source == source && c.profile[field] != "" {
				return c.profile[field]
			}
		}
	}
	return ""
}

// smallestAsked of the customers who have one order wins.
func smallestAsked(all []contribution) contribution {
	return slices.MinFunc(all, func(a, b contribution) int { return strings.Compare(a.who.key, b.who.key) })
}
