package load

// dice is splitmix64, which rolls alike for ever; math/rand promises that for
// its sources only, not for what is made of them.
type dice struct{ state uint64 }

// roll returns the dice of one thing of one kind.
func roll(seed, kind uint64, n int) dice {
	d := dice{seed*0x9E3779B97F4A7C15 ^ kind*0xD1342543DE82EF95}
	d.state ^= d.next() + uint64(n)*0xA24BAED4963EE407
	return d
}

func (d *dice) next() uint64 {
	d.state += 0x9E3779B97F4A7C15
	z := d.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) letters(n int) string {
	const from = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = from[d.below(len(from))]
	}
	return string(b)
}

func pick(d *dice, from ...string) string { return from[d.below(len(from))] }
