package couchbase_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// explained are the differences from the engine that are meant to be, by
// scenario and step ("set-get 3"), with the reason. A difference that is not
// here fails the test, and so does one that is here and does not occur.
func explained() map[string]string {
	return map[string]string{} // none
}

// The recorded conversations, on a new node and again on the same folder after a restart.
func TestTranscripts(t *testing.T) {
	dir := t.TempDir()
	for _, start := range []string{"new", "restarted"} {
		t.Run(start, func(t *testing.T) {
			node := couchbasetest.Start(t, func(c *couchbase.Config) { c.Dir = dir })
			t.Run("scenarios", func(t *testing.T) {
				for _, s := range readScenarios(t) {
					t.Run(s.Name, func(t *testing.T) {
						t.Parallel()
						play(t, s, func(int) string { return node.Addr() })
					})
				}
			})
		})
	}
}

// What the store keeps is all that a conversation needs: the node is restarted
// before every step. Locks are in memory only, here and in the engine.
func TestTranscriptsWithRestarts(t *testing.T) {
	chosen := regexp.MustCompile(`tombstone|^revive|^removal|^delete|^create-as|^xattr-survives|^macros|^document-xattr|^touch|^snappy`)
	for _, s := range readScenarios(t) {
		if !chosen.MatchString(s.Name) || s.Name == "snappy" { // its features are of the connection
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var stop func()
			t.Cleanup(func() { stop() })
			play(t, s, func(step int) string {
				if step > 0 {
					stop()
				}
				var address string
				address, stop = startStoppable(t, dir)
				return address
			})
		})
	}
}

// play runs a scenario; at says where the node is before each step. When it has
// moved the connection is made anew.
func play(t *testing.T, s scenario, at func(step int) string) {
	t.Helper()
	known := explained()
	p := newPlayer(s)
	address := ""
	if s.Name == "touch" { // the same relative expiry twice has to fall into one second
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	}
	for i, step := range s.Steps {
		if now := at(i); now != address {
			address = now
			if p.conn != nil {
				p.conn.Close()
			}
			if err := p.connect(address, s); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.conn.Close() })
		}
		diffs, err := p.step(step)
		if err != nil {
			t.Fatalf("step %d %s: %v", i+1, step.name(), err)
		}
		id := fmt.Sprintf("%s %d", s.Name, i+1)
		if reason, listed := known[id]; listed && len(diffs) == 0 {
			t.Errorf("step %d: the listed difference (%s) is not there", i+1, reason)
		} else if !listed {
			for _, d := range diffs {
				t.Errorf("step %d %s: %s", i+1, step.name(), d)
			}
		}
	}
}

func (s scenarioStep) name() string {
	if s.Request != nil {
		return s.Request.Name
	}
	return "pipeline"
}

// The replayer sees differences: each altered answer of a good conversation is one.
func TestTranscriptsAreCompared(t *testing.T) {
	node := couchbasetest.Start(t)
	all := readScenarios(t)
	find := func(name string) scenario {
		return all[slices.IndexFunc(all, func(s scenario) bool { return s.Name == name })]
	}
	for what, alter := range map[string]func(*wantedResponse){
		"status":   func(r *wantedResponse) { r.Status = "0x0001" },
		"CAS":      func(r *wantedResponse) { r.CAS = "$cas2" },
		"datatype": func(r *wantedResponse) { r.Datatype = nil },
		"flags":    func(r *wantedResponse) { r.Extras = map[string]string{"flags": "0x1"} },
		"extras":   func(r *wantedResponse) { r.Extras = nil },
		"value":    func(r *wantedResponse) { r.Value += " " },
	} {
		t.Run(what, func(t *testing.T) {
			s := find("set-get")
			p := newPlayer(s)
			if err := p.connect(node.Addr(), s); err != nil {
				t.Fatal(err)
			}
			defer p.conn.Close()
			for i, step := range s.Steps {
				if i == 5 {
					altered := *step.Response
					altered.Extras = map[string]string{"flags": step.Response.Extras["flags"]}
					alter(&altered)
					step.Response = &altered
				}
				diffs, err := p.step(step)
				if err != nil || (len(diffs) > 0) != (i == 5) {
					t.Errorf("step %d: %v, %v", i+1, diffs, err)
				}
			}
		})
	}
}
