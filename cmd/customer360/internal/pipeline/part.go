package pipeline

import (
	"fmt"
	"time"

	"customer360/cmd/customer360/internal/web"
	"customer360/emitters/csvdir"
	"customer360/emitters/restpoll"
	"customer360/topology/engine"
)

// importerPart tells what is wrong with the folder; the importer is ready all
// the same, as no restart mends a file.
func importerPart(ready bool, s csvdir.Status) web.Part {
	state := string(s.State)
	if s.Problem != "" {
		state += ": " + s.Problem
	}
	switch {
	case len(s.Held) == 1:
		state += "; " + s.Held[0].Name + " is held"
	case len(s.Held) > 1:
		state += fmt.Sprintf("; %d files are held", len(s.Held))
	}
	if s.Incomplete != nil {
		state += "; " + s.Incomplete.Name + " was imported in part only"
	}
	if s.Failed != nil {
		state += "; " + s.Failed.Name + " cannot be read"
	}
	return web.Part{Name: "csvdir", Ready: ready, State: state}
}

// pollerPart tells that the store is down. The poller is ready all the same:
// it probes the store and goes on by itself, and an orchestrator that took it
// out or restarted it would only add an outage of ours to the store's.
func pollerPart(ready bool, s restpoll.Status) web.Part {
	state := "circuit " + s.Circuit
	switch s.Circuit {
	case "open":
		state += ": the store does not answer, the last good answers stay; " + s.LastError
	case "silent":
		state += ": the store asked for a pause until " + s.SilentUntil.UTC().Format(time.RFC3339)
	}
	return web.Part{Name: "restpoll", Ready: ready, State: state}
}

// trouble is how long a group's failure is told of: longer than the pause
// between two attempts, so that one that lasts stays in sight.
const trouble = 15 * time.Second

// groupPart tells how far a recovery has come: until it is done, and the inputs
// are caught up with, the group is not ready.
func groupPart(name string, ready bool, s engine.Status) web.Part {
	state := string(s.State)
	switch {
	case s.State == engine.Recovering && s.RecoveryTotal > 0:
		state += fmt.Sprintf(": %d of %d left", s.RecoveryLeft, s.RecoveryTotal)
	case s.State == engine.Running && !ready:
		state += fmt.Sprintf(": catching up, %d behind", s.Lag)
	}
	if s.LastError != nil && time.Since(s.LastErrorAt) < trouble {
		state += "; in trouble: " + s.LastError.Error()
	}
	return web.Part{Name: name, Ready: ready, State: state}
}
