// Package splitmix rolls alike for ever, on every machine and Go version:
// math/rand promises that for its sources only, not for what is made of them.
package splitmix

// Dice is a splitmix64 generator.
type Dice struct{ state uint64 }

// Roll returns the dice of one thing (n) of one kind: sequences of other seeds,
// kinds and things have nothing in common with it.
func Roll(seed, kind, n uint64) Dice {
	d := Dice{seed*0x9E3779B97F4A7C15 ^ kind*0xD1342543DE82EF95}
	d.state ^= d.Next() + n*0xA24BAED4963EE407
	return d
}

// Next returns 64 bits.
func (d *Dice) Next() uint64 {
	d.state += 0x9E3779B97F4A7C15
	z := d.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Below returns 0 to n-1.
func (d *Dice) Below(n int) int { return int(d.Next() % uint64(n)) }
