package couchbase_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// unifier gives symbols their values. The first answer in which a symbol stands
// where it was not seen before says what it means; from then on it has to stand
// for the same, and no other symbol of its kind may.
type unifier struct {
	bound map[string]uint64
	last  map[uint16]uint64 // newest sequence number by vbucket
}

func newUnifier() *unifier {
	return &unifier{bound: map[string]uint64{}, last: map[uint16]uint64{}}
}

// meets compares a symbol or a plain number with what came.
func (u *unifier) meets(symbol string, got uint64, vbucket uint16, now time.Time) error {
	switch {
	case symbol == "zero" || symbol == "":
		return unless(got == 0, "want 0, got %d", got)
	case symbol == "max":
		return unless(got == math.MaxUint64, "want all ones, got %x", got)
	case symbol == "$any", symbol == "$manifest":
		return nil
	case strings.HasPrefix(symbol, "$now"):
		d, err := strconv.ParseInt(symbol[len("$now"):], 10, 64)
		off := int64(got) - now.Unix() - d
		return firstError(err, unless(off > -12 && off < 12, "want %s, got %d s more", symbol, off))
	case strings.HasPrefix(symbol, "$"):
		if strings.HasPrefix(symbol, "$seqno") {
			got |= uint64(vbucket) << 48
		}
		return u.bind(symbol, got)
	}
	want, err := strconv.ParseUint(symbol, 0, 64)
	return firstError(err, unless(got == want, "want %d, got %d", want, got))
}

var symbolKind = regexp.MustCompile(`^\$[a-z.]+`)

func (u *unifier) bind(symbol string, got uint64) error {
	if have, ok := u.bound[symbol]; ok {
		return unless(have == got, "%s is 0x%x, got 0x%x", symbol, have, got)
	}
	for other, v := range u.bound {
		if v == got && symbolKind.FindString(other) == symbolKind.FindString(symbol) {
			return fmt.Errorf("want a new value %s, got %s again", symbol, other)
		}
	}
	u.bound[symbol] = got
	return nil
}

// value is what a number or symbol of a request stands for.
func (u *unifier) value(symbol string, now time.Time) (uint64, error) {
	switch {
	case symbol == "" || symbol == "zero":
		return 0, nil
	case strings.HasPrefix(symbol, "$now"):
		d, err := strconv.ParseInt(symbol[len("$now"):], 10, 64)
		return uint64(now.Unix() + d), err
	case strings.HasPrefix(symbol, "$"):
		v, ok := u.bound[symbol]
		return v, unless(ok, "%s means nothing yet", symbol)
	}
	return strconv.ParseUint(symbol, 0, 64)
}

// symbolInText finds symbols within a value; ${Mutation.CAS} is none.
var symbolInText = regexp.MustCompile(`\$(cas|seqno|uuid|rev)\d+( byte-swapped)?|\$now[+-]\d+|\$any`)

// text compares a value in which symbols stand among literal characters.
func (u *unifier) text(want, got string, vbucket uint16, now time.Time) error {
	want = strings.ReplaceAll(want, `"$any"`, "$any") // which hides a number
	rest := got
	for want != "" {
		at := symbolInText.FindStringIndex(want)
		literal := want
		if at != nil {
			literal = want[:at[0]]
		}
		if !strings.HasPrefix(rest, literal) || at == nil && rest != literal {
			return fmt.Errorf("want %q, got %q of %q", literal, rest, got)
		}
		rest = rest[len(literal):]
		if at == nil {
			return nil
		}
		n, tail, err := number(rest)
		if err != nil {
			return fmt.Errorf("in %q: %w", got, err)
		}
		symbol, swapped := strings.CutSuffix(want[at[0]:at[1]], " byte-swapped")
		if swapped {
			n = binary.LittleEndian.Uint64(binary.BigEndian.AppendUint64(nil, n))
		}
		if err := u.meets(symbol, n, vbucket, now); err != nil {
			return fmt.Errorf("in %q: %w", got, err)
		}
		want, rest = want[at[1]:], tail
	}
	return unless(rest == "", "%q is too much", rest)
}

var leadingNumber = regexp.MustCompile(`^(0x[0-9a-f]{16}|\d+)`)

func number(text string) (n uint64, rest string, err error) {
	digits := leadingNumber.FindString(text)
	n, err = strconv.ParseUint(digits, 0, 64)
	return n, text[len(digits):], err
}

// grows checks the sequence number of a mutation.
func (u *unifier) grows(vbucket uint16, seqno uint64) error {
	before := u.last[vbucket]
	u.last[vbucket] = seqno
	return unless(seqno > before, "sequence number %d comes after %d", seqno, before)
}

func unless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
