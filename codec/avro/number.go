package avro

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxDecimal bounds the bytes of a decimal: MySQL's 65 digits are 28.
const maxDecimal = 256

// appendDecimal appends the number that two's complement, most significant byte
// first, makes with a scale: 0x04d2 with 2 is 12.34. No bytes are 0, as Java
// has it where it does not refuse them.
func appendDecimal(dst, b []byte, scale int) ([]byte, error) {
	if len(b) > maxDecimal {
		return dst, fmt.Errorf("a decimal of %d bytes: up to %d can be read", len(b), maxDecimal)
	}
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		dst = append(dst, '-')
		n.Abs(n)
	}
	digits := n.String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst, nil
}

// appendFloat appends a number as Java's Double.toString does, which is what
// JsonConverter writes: 1.0, 1.0E10, 1.0E-5, and as text what JSON cannot say.
// bits is 32 or 64.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	if a := math.Abs(v); a == 0 || a >= 1e-3 && a < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
		if bytes.IndexByte(dst[start:], '.') < 0 {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, bits), "e")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	n, _ := strconv.Atoi(exponent) // strconv has just written it
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}
