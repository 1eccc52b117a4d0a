package onlinestore

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// total is the sum of price times quantity over the items, exact, without
// trailing zeros. It is "" where an item lacks either, or has what is no
// number or too long to be one: then no sum is better than a wrong one.
func total(items jsontext.Value) string {
	var sum, product decimal
	usable := true
	err := eachElement(items, "", func(item jsontext.Value) error {
		usable = usable && product.multiply(item)
		if usable {
			sum.add(&product)
		}
		return nil
	})
	if err != nil || !usable {
		return ""
	}
	return sum.String()
}

// multiply sets d to the item's price times its quantity.
func (d *decimal) multiply(item jsontext.Value) bool {
	var price, quantity once
	err := eachMember(item, "", func(member []byte, v jsontext.Value) error {
		switch {
		case is(member, "Price"):
			return price.set(v)
		case is(member, "Quantity"):
			return quantity.set(v)
		}
		return nil
	})
	var other decimal
	if err != nil || !d.parse(price.v) || !other.parse(quantity.v) {
		return false
	}
	d.digits.Mul(&d.digits, &other.digits)
	d.scale += other.scale
	return true
}

// decimal is digits / 10^scale; the scale is never negative.
type decimal struct {
	digits big.Int
	scale  int
}

const (
	maxExponent = 64
	wordDigits  = 18 // always fit into an int64
)

// parse sets d to a JSON number.
func (d *decimal) parse(v jsontext.Value) bool {
	if v.Kind() != '0' || len(v) > maxNumber {
		return false
	}
	mantissa, exponent := string(v), 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(mantissa[i+1:]); err != nil || max(exponent, -exponent) > maxExponent {
			return false
		}
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.scale = len(fraction) - exponent
	if d.setDigits(whole + fraction); d.scale < 0 {
		d.raise(-d.scale)
		d.scale = 0
	}
	return true
}

func (d *decimal) setDigits(s string) {
	if len(s) <= wordDigits {
		n, _ := strconv.ParseInt(s, 10, 64)
		d.digits.SetInt64(n)
		return
	}
	d.digits.SetString(s, 10)
}

func (d *decimal) add(e *decimal) {
	switch {
	case d.scale < e.scale:
		d.raise(e.scale - d.scale)
		d.scale = e.scale
	case d.scale > e.scale:
		e.raise(d.scale - e.scale)
		e.scale = d.scale
	}
	d.digits.Add(&d.digits, &e.digits)
}

// raise multiplies the digits by 10^n.
func (d *decimal) raise(n int) {
	var power big.Int
	power.Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	d.digits.Mul(&d.digits, &power)
}

// String is the number as JSON, without trailing zeros behind the point.
func (d *decimal) String() string {
	s := d.digits.String()
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if d.scale == 0 {
		return sign + s
	}
	if len(s) <= d.scale {
		s = strings.Repeat("0", d.scale+1-len(s)) + s
	}
	point := len(s) - d.scale
	fraction := strings.TrimRight(s[point:], "0")
	if fraction == "" {
		return sign + s[:point]
	}
	return sign + s[:point] + "." + fraction
}
