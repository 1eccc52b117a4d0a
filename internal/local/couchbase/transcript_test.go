package couchbase_test

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
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

// The recorded conversations, on a new node and again on the same folder after a
// restart. They run all at once: some wait for seconds.
func TestTranscripts(t *testing.T) {
	dir := t.TempDir()
	taken := newTerritory()
	for _, start := range []string{"new", "restarted"} {
		t.Run(start, func(t *testing.T) {
			node := couchbasetest.Start(t, func(c *couchbase.Config) { c.Dir = dir })
			all := readScenarios(t)
			diffs := make([][]string, len(all))
			var players sync.WaitGroup
			for i, s := range all {
				players.Go(func() { diffs[i] = play(s, taken, func(int) string { return node.Addr() }) })
			}
			players.Wait()
			for i, s := range all {
				for _, d := range diffs[i] {
					t.Errorf("%s, %s", s.Name, d)
				}
			}
		})
	}
}

// What the store keeps is all that a conversation needs: the node is restarted
// before every step. Locks are in memory only, here and in the engine; touch is
// over within a second, which restarts are not.
func TestTranscriptsWithRestarts(t *testing.T) {
	chosen := regexp.MustCompile(`tombstone|^revive|^removal|^delete|^create-as|^xattr-survives|^macros|^document-xattr`)
	for _, s := range readScenarios(t) {
		if !chosen.MatchString(s.Name) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stop := func() {}
			diffs := play(s, newTerritory(), func(int) (address string) {
				stop()
				address, stop = startStoppable(t, dir)
				return address
			})
			stop()
			for _, d := range diffs {
				t.Error(d)
			}
		})
	}
}

// play runs a scenario and returns what is not as recorded. at says where the
// node is before each step; when it has moved the connection is made anew.
func play(s scenario, taken *territory, at func(step int) string) (diffs []string) {
	if s.Name != "touch" {
		return playOnce(s, taken, at)
	}
	// The same relative expiry twice has to fall into one second, which a busy
	// machine may need several attempts for.
	for range 30 {
		begun := time.Now().Truncate(time.Second).Add(time.Second)
		time.Sleep(time.Until(begun))
		if diffs = playOnce(s, taken, at); len(diffs) == 0 || time.Since(begun) < time.Second {
			break
		}
	}
	return diffs
}

func playOnce(s scenario, taken *territory, at func(step int) string) (diffs []string) {
	known := explained()
	p := newPlayer(s, taken)
	defer func() { p.close() }()
	address := ""
	for i, step := range s.Steps {
		where := fmt.Sprintf("step %d %s", i+1, step.name())
		if now := at(i); now != address {
			address = now
			p.close()
			if err := p.connect(address, s); err != nil {
				return append(diffs, fmt.Sprintf("%s: %v", where, err))
			}
		}
		found, err := p.step(step)
		if err != nil {
			return append(diffs, fmt.Sprintf("%s: %v", where, err))
		}
		reason, listed := known[fmt.Sprintf("%s %d", s.Name, i+1)]
		switch {
		case listed && len(found) == 0:
			diffs = append(diffs, fmt.Sprintf("%s: the listed difference (%s) is not there", where, reason))
		case !listed:
			for _, d := range found {
				diffs = append(diffs, where+": "+d)
			}
		}
	}
	return diffs
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
	taken := newTerritory()
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
			p := newPlayer(s, taken)
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
