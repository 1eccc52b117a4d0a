//go:build !race

package csvdir

const raceEnabled = false
