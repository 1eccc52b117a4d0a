package engine

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"customer360/topology/engine/balance"
)

// held is what this instance knows of its state: the words of its next join. It
// is kept in a file beside the folders, so that a process that starts again need
// not open them to tell. All of it is a hint.
type held struct {
	path string // "": a group without a table, nothing is kept

	mu         sync.Mutex
	generation int32           // that this instance was last given partitions in
	owned      []int32         // worked on, and given again in every generation since
	offsets    map[int32]int64 // of the changelog, by partition
	saved      map[int32]int64
}

const heldFile = "held.json"

func newHeld(cfg Config, table string) *held {
	h := &held{offsets: map[int32]int64{}}
	if table == "" {
		return h
	}
	h.path = filepath.Join(cfg.Dir, cfg.Group, heldFile)
	if b, err := os.ReadFile(h.path); err == nil {
		if json.Unmarshal(b, &h.offsets) != nil || h.offsets == nil {
			h.offsets = map[int32]int64{} // damaged: a process that does not tell its state
		}
		h.saved = maps.Clone(h.offsets)
	}
	return h
}

// assigned: a new generation. What this instance worked on and is given again is
// its own also where the next generation comes before it works.
func (h *held) assigned(generation int32, partitions []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.generation = generation
	h.owned = slices.DeleteFunc(slices.Clone(h.owned), func(p int32) bool { return !slices.Contains(partitions, p) })
}

// worked: a session has recovered, and works.
func (h *held) worked(generation int32, owned []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.generation, h.owned = generation, owned
}

// reached notes how far the state of a partition goes; -1: there is none.
func (h *held) reached(partition int32, offset int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if offset < 0 {
		delete(h.offsets, partition)
	} else {
		h.offsets[partition] = offset
	}
}

// tell is for the words of a join.
func (h *held) tell() (generation int32, held []balance.Holding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[int32]balance.Holding{}
	for p, offset := range h.offsets {
		all[p] = balance.Holding{Partition: p, Offset: offset}
	}
	for _, p := range h.owned {
		offset, ok := h.offsets[p]
		if !ok {
			offset = -1
		}
		all[p] = balance.Holding{Partition: p, Owned: true, Offset: offset}
	}
	for _, p := range slices.Sorted(maps.Keys(all)) {
		held = append(held, all[p])
	}
	return h.generation, held
}

// save writes the file where anything is new; a disk that cannot take it says so
// where state is written.
func (h *held) save() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.path == "" || maps.Equal(h.offsets, h.saved) {
		return
	}
	b, err := json.Marshal(h.offsets)
	if err != nil || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	next := h.path + ".new"
	if os.WriteFile(next, b, 0o600) == nil && os.Rename(next, h.path) == nil {
		h.saved = maps.Clone(h.offsets)
	}
}

// noteHeld is for the next join.
func (s *session) noteHeld() {
	for _, st := range s.stores {
		if offset, err := st.GetOffset(-1); err == nil && st.complete() {
			s.inc.group.held.reached(st.partition, offset)
		}
	}
}
