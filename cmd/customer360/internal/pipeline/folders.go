package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"customer360/topology"
	"customer360/topology/generation"
)

// ofGeneration is the end of the name of a group's folder.
var ofGeneration = regexp.MustCompile(`\.g([0-9]+)$`)

// DropFolders deletes the local state, in an instance's folder, of groups whose
// generation is abandoned or removed, and that no generation in use has (the
// poller may carry an older number). It returns what it has deleted.
func DropFolders(dir string, s generation.State, want topology.Settings) ([]string, error) {
	var kept []string
	for _, g := range s.Generations {
		if g.State != generation.Abandoned && g.State != generation.Removed {
			kept = append(kept, g.Topology(want).PollerGroup())
		}
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the local state of former generations: %w", err)
	}
	var dropped []string
	for _, e := range entries {
		m := ofGeneration.FindStringSubmatch(e.Name())
		if m == nil || !e.IsDir() || slices.Contains(kept, e.Name()) {
			continue
		}
		number, _ := strconv.Atoi(m[1])
		if state := s.Generations[number].State; state != generation.Abandoned && state != generation.Removed {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return dropped, fmt.Errorf("deleting the local state of a former generation: %w", err)
		}
		dropped = append(dropped, filepath.Join(dir, e.Name()))
	}
	return dropped, nil
}
