package simulate

import "customer360/internal/splitmix"

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

// dice rolls alike for equal (seed, domain, n).
type dice struct{ splitmix.Dice }

func roll(seed int64, d domain, n int64) dice {
	return dice{splitmix.Roll(uint64(seed), uint64(d), uint64(n))}
}

func (d *dice) below64(n int64) int64 { return int64(d.Next() % uint64(n)) }

// oneIn is true once in n rolls.
func (d *dice) oneIn(n int) bool { return d.Next()%uint64(n) == 0 }

const secretLetters = "abcdefghijklmnopqrstuvwxyz0123456789"

// secret is a password in the tutorial's form, like "5owhiy1j.isq".
func (d *dice) secret() string {
	var b [12]byte
	for i := range b {
		b[i] = secretLetters[d.Below(len(secretLetters))]
	}
	b[8] = '.'
	return string(b[:])
}

func pick[T any](d *dice, from []T) T { return from[d.Below(len(from))] }
