package processors

import (
	"fmt"
	"slices"
	"strings"

	"customer360/codec"
	"customer360/topology"
)

// Precedence says per field of the profile which sources may give it, best
// first: the survivorship of merge.
type Precedence map[codec.Field][]string

// profileFields are the fields of a profile in the document's order, which is
// that of their numbers too: the fold finds a field's place by its number.
var profileFields = [...]codec.Field{
	codec.FieldName, codec.FieldAddress1, codec.FieldAddress2, codec.FieldCity, codec.FieldState, codec.FieldZipcode,
	codec.FieldPhone, codec.FieldEmail, codec.FieldLoyaltyPoints,
}

// DefaultPrecedence is the tutorial's text, made deterministic.
func DefaultPrecedence() Precedence {
	p := Precedence{
		codec.FieldName:          {codec.OnlineStore, codec.HomeDelivery, codec.Loyalty},
		codec.FieldEmail:         {codec.OnlineStore, codec.HomeDelivery, codec.Loyalty},
		codec.FieldLoyaltyPoints: {codec.Loyalty},
	}
	for _, f := range profileFields {
		if p[f] == nil {
			p[f] = []string{codec.HomeDelivery}
		}
	}
	return p
}

// Set replaces the sources of a field by the field's name in documents. The
// error names what there is to choose from.
func (p Precedence) Set(field string, sources []string) error {
	i := slices.IndexFunc(profileFields[:], func(f codec.Field) bool { return f.String() == field })
	if i < 0 {
		return fmt.Errorf("there is no profile field %q: use one of %s", field, fieldNames())
	}
	if err := validateSources(sources); err != nil {
		return err
	}
	p[profileFields[i]] = slices.Clone(sources)
	return nil
}

// Validate reports fields that are none of a profile's or have no source, and
// sources that do not exist or are named twice.
func (p Precedence) Validate() error {
	for f := range p {
		if !slices.Contains(profileFields[:], f) {
			return fmt.Errorf("%s is no profile field: use %s", f, fieldNames())
		}
	}
	for _, f := range profileFields {
		if err := validateSources(p[f]); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

func validateSources(sources []string) error {
	if len(sources) == 0 {
		return fmt.Errorf("no source is named: use one or more of %s", strings.Join(topology.Sources(), ", "))
	}
	for i, s := range sources {
		if !slices.Contains(topology.Sources(), s) {
			return fmt.Errorf("there is no source %q: use %s", s, strings.Join(topology.Sources(), ", "))
		}
		if slices.Contains(sources[:i], s) {
			return fmt.Errorf("source %s is named twice", s)
		}
	}
	return nil
}

func fieldNames() string {
	names := make([]string, len(profileFields))
	for i, f := range profileFields {
		names[i] = f.String()
	}
	return strings.Join(names, ", ")
}

// foldRules is the version of what the fold makes of registers. Raise it with
// every change that gives other bytes: it makes a new generation.
const foldRules = 1

// Fingerprint names what decides the documents' bytes here: part of a
// generation's hash.
func (p Precedence) Fingerprint() string {
	var b strings.Builder
	fmt.Fprintf(&b, "merge rules=%d", foldRules)
	for _, f := range profileFields {
		fmt.Fprintf(&b, " %s=%s", f, strings.Join(p[f], ","))
	}
	return b.String()
}
