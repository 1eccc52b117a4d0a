package engine

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"customer360/topology/engine/balance"
)

// Two join one after the other: the second generation comes before the first one
// was worked in. What was given again is still claimed, what was not is state.
func TestClaimsOutliveAGenerationWithoutWork(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Group: "g"}
	h := newHeld(cfg, "t")
	h.assigned(5, []int32{0, 1, 2})
	h.worked(5, []int32{0, 1, 2})
	for p := range int32(3) {
		h.reached(p, int64(10+p))
	}
	h.assigned(6, []int32{0, 2, 3})
	h.save()
	want := []balance.Holding{{Partition: 0, Owned: true, Offset: 10}, {Partition: 1, Offset: 11}, {Partition: 2, Owned: true, Offset: 12}}
	if generation, held := h.tell(); generation != 6 || !reflect.DeepEqual(held, want) {
		t.Errorf("generation %d, %+v", generation, held)
	}

	// A process that starts again has state, and claims nothing.
	for i := range want {
		want[i].Owned = false
	}
	if generation, held := newHeld(cfg, "t").tell(); generation != 0 || !reflect.DeepEqual(held, want) {
		t.Errorf("after a restart: generation %d, %+v", generation, held)
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, cfg.Group, heldFile), []byte(`{"0":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, held := newHeld(cfg, "t").tell(); len(held) != 0 {
		t.Errorf("of a damaged file: %+v", held)
	}
	if _, held := newHeld(cfg, "").tell(); len(held) != 0 {
		t.Errorf("of a group without a table: %+v", held)
	}
}
