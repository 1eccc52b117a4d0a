//go:build race

package csvdir

// raceEnabled: the detector makes everything several times slower.
const raceEnabled = true
