package load

import "customer360/internal/splitmix"

type dice struct{ splitmix.Dice }

// roll returns the dice of one thing of one kind.
func roll(seed, kind uint64, n int) dice { return dice{splitmix.Roll(seed, kind, uint64(n))} }

func (d *dice) letters(n int) string {
	const from = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = from[d.Below(len(from))]
	}
	return string(b)
}

func pick(d *dice, from ...string) string { return from[d.Below(len(from))] }
