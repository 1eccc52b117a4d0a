package pipeline

import (
	"errors"
	"testing"
	"time"

	"customer360/cmd/customer360/internal/web"
	"customer360/emitters/csvdir"
	"customer360/emitters/restpoll"
	"customer360/topology/engine"
)

// Whether a part is ready says nothing about the source behind it, and what it
// says of itself does.
func TestPartsOfSources(t *testing.T) {
	for _, c := range []struct{ got, want web.Part }{
		{pollerPart(true, restpoll.Status{Circuit: "closed", LastError: "orders: status 500"}), web.Part{Name: "restpoll", Ready: true, State: "circuit closed"}},
		{pollerPart(true, restpoll.Status{Circuit: "open", LastError: "orders: status 500"}),
			web.Part{Name: "restpoll", Ready: true, State: "circuit open: the store does not answer, the last good answers stay; orders: status 500"}},
		{pollerPart(false, restpoll.Status{Circuit: "silent", SilentUntil: time.Unix(1e9, 0)}), web.Part{Name: "restpoll", State: "circuit silent: the store asked for a pause until 2001-09-09T01:46:40Z"}},
		{importerPart(true, csvdir.Status{State: csvdir.Idle}), web.Part{Name: "csvdir", Ready: true, State: "idle"}},
		{importerPart(true, csvdir.Status{State: csvdir.Idle, Held: []csvdir.File{{Name: "a.csv"}}}), web.Part{Name: "csvdir", Ready: true, State: "idle; a.csv is held"}},
		{importerPart(true, csvdir.Status{State: csvdir.Idle, Held: make([]csvdir.File, 2), Incomplete: &csvdir.File{Name: "b.csv"}, Failed: &csvdir.File{Name: "c.csv"}}),
			web.Part{Name: "csvdir", Ready: true, State: "idle; 2 files are held; b.csv was imported in part only; c.csv cannot be read"}},
		{importerPart(true, csvdir.Status{State: csvdir.Away, Problem: "no disk"}), web.Part{Name: "csvdir", Ready: true, State: "away: no disk"}},
	} {
		if c.got != c.want {
			t.Errorf("got  %+v\nwant %+v", c.got, c.want)
		}
	}
}

func TestPartsOfGroups(t *testing.T) {
	for _, c := range []struct{ got, want web.Part }{
		{groupPart("merge", false, engine.Status{State: engine.Starting}), web.Part{Name: "merge", State: "starting"}},
		{groupPart("merge", false, engine.Status{State: engine.Recovering}), web.Part{Name: "merge", State: "recovering"}},
		{groupPart("merge", false, engine.Status{State: engine.Recovering, RecoveryTotal: 1000, RecoveryLeft: 400}),
			web.Part{Name: "merge", State: "recovering: 400 of 1000 left"}},
		{groupPart("merge", false, engine.Status{State: engine.Running, Lag: 7}), web.Part{Name: "merge", State: "running: catching up, 7 behind"}},
		{groupPart("merge", true, engine.Status{State: engine.Running, Lag: 7}), web.Part{Name: "merge", Ready: true, State: "running"}},
		{groupPart("merge", true, engine.Status{State: engine.Running, LastError: errors.New("no way"), LastErrorAt: time.Now()}),
			web.Part{Name: "merge", Ready: true, State: "running; in trouble: no way"}},
		{groupPart("merge", true, engine.Status{State: engine.Running, LastError: errors.New("no way"), LastErrorAt: time.Now().Add(-time.Hour)}),
			web.Part{Name: "merge", Ready: true, State: "running"}},
	} {
		if c.got != c.want {
			t.Errorf("got  %+v\nwant %+v", c.got, c.want)
		}
	}
}
