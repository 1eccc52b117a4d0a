package simulate

// domain keeps the sequences apart that grow from one seed.
type domain uint64

const (
	ofIdentity domain = iota + 1
	ofAddress
	ofSecrets
	ofSpelling
	ofOrders
	ofPoints
	ofStep
	ofNight
)

// dice is splitmix64: two dice of equal (seed, domain, n) roll alike for ever,
// on every machine and Go version, which math/rand does not promise.
type dice struct{ state uint64 }

func roll(seed int64, d domain, n int64) dice {
	x := dice{uint64(seed)*0x9E3779B97F4A7C15 ^ uint64(d)*0xD1342543DE82EF95}
	x.state ^= x.next() + uint64(n)*0xA24BAED4963EE407
	return x
}

func (d *dice) next() uint64 {
	d.state += 0x9E3779B97F4A7C15
	z := d.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns 0 to n-1.
func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) below64(n int64) int64 { return int64(d.next() % uint64(n)) }

// oneIn is true once in n rolls.
func (d *dice) oneIn(n int) bool { return d.next()%uint64(n) == 0 }

const secretLetters = "abcdefghijklmnopqrstuvwxyz0123456789"

// secret is a password in the tutorial's form, like "5owhiy1j.isq".
func (d *dice) secret() string {
	var b [12]byte
	for i := range b {
		b[i] = secretLetters[d.below(len(secretLetters))]
	}
	b[8] = '.'
	return string(b[:])
}

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }
