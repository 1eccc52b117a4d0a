package result

import (
	"math"
	"strconv"
)

// Number writes three significant digits, and all those before the point.
func Number(v float64) string {
	if v == 0 || math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(digits, 9), 64)
}

// Grouped is Number with its thousands apart: 123,456.
func Grouped(v float64) string {
	if math.Abs(v) < 100 {
		return Number(v)
	}
	digits := Number(math.Abs(v))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if v < 0 {
		return "-" + digits
	}
	return digits
}
