package generation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"customer360/codec"
	"customer360/topology"
)

// States of a generation. The first one goes from building to serving; every
// later one through all of the first four, beside the one that serves.
const (
	Building  = "building"  // its groups read the raw topics
	Ready     = "ready"     // it has caught up once: it can be compared and promoted
	Promoting = "promoting" // the point of no return; the former one still serves
	Serving   = "serving"
	Retired   = "retired"   // another one serves
	Abandoned = "abandoned" // given up before it was promoted
	Removed   = "removed"   // its topics and groups are gone; the number stays taken
)

// Generation is one entry of the topic, under its number.
type Generation struct {
	Format int       `json:"format,omitempty"` // of the entry; 0 is 1
	Number int       `json:"number"`
	State  string    `json:"state"`
	Since  time.Time `json:"since,omitzero"` // of the state
	// Settings are those of its topology; nil in entries of the first release.
	Settings *topology.Settings `json:"settings,omitempty"`
	Parts    map[string]string  `json:"parts,omitempty"`  // what decides the bytes, by name
	Topics   map[string]string  `json:"topics,omitempty"` // raw topics' ids
	// FirstOffsets is where the groups began: topic -> partition -> offset.
	FirstOffsets map[string]map[int32]int64 `json:"first_offsets,omitempty"`
	// Replay says in words what of a raw topic was left out, "" for nothing.
	Replay string `json:"replay,omitempty"`
}

// generationFormat is the number of the entries' format. An entry says it from 2 on.
const generationFormat = 1

// in is the generation in another state, as of now.
func (g Generation) in(state string) Generation {
	g.State, g.Since = state, time.Now().UTC().Truncate(time.Second)
	return g
}

// Topology are the settings of the generation's topics and groups. of is what
// the configuration asks for, for entries that hold none.
func (g Generation) Topology(of topology.Settings) topology.Settings {
	if g.Settings != nil {
		return *g.Settings
	}
	of.Generation = g.Number
	if n, err := strconv.ParseInt(g.Parts["partitions"], 10, 32); err == nil && n > 0 {
		of.Partitions = int32(n)
	}
	return of
}

// State is the whole topic, folded.
type State struct {
	Generations map[int]Generation
	KeyForms    map[string]string // see keyForm -> bare or wrapped
}

// Live is the generation that serves; there is at most one.
func (s State) Live() (Generation, bool) { return s.newest(Serving) }

// Next is the generation beside the one that serves: building, ready or
// promoting. There is at most one.
func (s State) Next() (Generation, bool) {
	if _, ok := s.Live(); !ok {
		return Generation{}, false
	}
	return s.newest(Building, Ready, Promoting)
}

// Current is the generation that serves or, before there is one, is building.
func (s State) Current() (Generation, bool) {
	if g, ok := s.Live(); ok {
		return g, true
	}
	return s.newest(Building)
}

func (s State) newest(states ...string) (best Generation, ok bool) {
	for _, g := range s.Generations {
		if slices.Contains(states, g.State) && g.Number > best.Number {
			best, ok = g, true
		}
	}
	return best, ok
}

// numbers in order.
func (s State) numbers() []int { return slices.Sorted(maps.Keys(s.Generations)) }

func (s *State) apply(key, value []byte) error {
	if pinned, ok := strings.CutPrefix(string(key), keyFormPrefix); ok {
		if value == nil {
			delete(s.KeyForms, pinned)
		} else {
			s.KeyForms[pinned] = string(value)
		}
		return nil
	}
	number, err := strconv.Atoi(string(key))
	if err != nil {
		return fmt.Errorf("key %q is no generation", key)
	}
	if value == nil {
		delete(s.Generations, number)
		return nil
	}
	var g Generation
	if err := json.Unmarshal(value, &g); err != nil {
		return fmt.Errorf("generation %d: %w", number, err)
	}
	if err := codec.CheckFormat(g.Format, generationFormat); err != nil {
		return fmt.Errorf("generation %d: %w", number, err)
	}
	s.Generations[number] = g
	return nil
}

// entries are the generations' records.
func entries(generations ...Generation) ([]entry, error) {
	var all []entry
	for _, g := range generations {
		value, err := json.Marshal(g)
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", g.Number, err)
		}
		all = append(all, entry{strconv.AppendInt(nil, int64(g.Number), 10), value})
	}
	return all, nil
}
