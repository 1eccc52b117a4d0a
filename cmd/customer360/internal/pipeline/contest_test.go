package pipeline

import (
	"fmt"
	"testing"

	"customer360/bench/contest"
	"customer360/cmd/customer360/internal/config"
)

// What bench measures is what run does where its configuration says nothing.
func TestTheContestHasTheConfigurationOfRun(t *testing.T) {
	ours := EngineConfig(config.Default(), Deps{})
	measured := contest.Engine()
	if ours.NewHash == nil || measured.NewHash == nil {
		t.Error("no hash")
	}
	ours.NewHash, measured.NewHash = nil, nil // functions do not compare
	ours.Transactional = true                 // merge sets it
	if have, want := fmt.Sprintf("%+v", measured), fmt.Sprintf("%+v", ours); have != want {
		t.Errorf("the contest's engine is\n%s\nand that of run\n%s", have, want)
	}
}
