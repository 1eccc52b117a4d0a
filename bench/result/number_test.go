package result_test

import (
	"testing"

	"customer360/bench/result"
)

func TestNumbersHaveThreeDigits(t *testing.T) {
	for want, v := range map[string]float64{"0": 0, "0.333": 1.0 / 3, "0.0123": 0.01234, "2.60": 2.6, "99.9": 99.94, "123": 123.4, "-3.50": -3.5, "12346": 12345.6} {
		if got := result.Number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for want, v := range map[string]float64{"0": 0, "12.3": 12.34, "999": 999.4, "1,000": 999.9999, "1,234,567": 1234567, "-1,234": -1234} {
		if got := result.Grouped(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
