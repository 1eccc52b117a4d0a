package couchbase_test

import (
	"strings"
	"testing"
)

// lostWithTheProcess are the conversations that cannot outlive their server, the
// recorded one neither, with the reason. TestTranscripts plays them.
func lostWithTheProcess() map[string]string {
	const connection = "what was said before on the same connection decides"
	const lock = "locks are in memory, in the engine too"
	const clock = "it is about seconds, and the kills of all others take longer"
	return map[string]string{
		"hello-gocb": connection, "sasl-scram": connection, "sasl-scram-sha1-sha256": connection, "select-bucket": connection,
		"not-my-vbucket-deduplicated": connection, "snappy": connection,
		"lock": lock, "lock-refuses": lock, "unlock": lock, "lock-times-out": lock,
		"expiry-kinds": clock, "expiry-passes": clock, "touch": clock, "get-and-touch": clock, "preserve-expiry": clock,
		"preserve-expiry-subdoc": clock, "expiry-leaves-fence": clock, "write-of-an-expired-document": clock, "write-with-fence": clock,
		"document-xattr": clock, "revive-staged-user-xattr": clock,
		"observe-seqno": "sequence numbers are drawn for a whole bucket: after a restart they may be ahead of the vbucket (doc.go)",
	}
}

// The recorded conversations again, all at once, with a node that is killed
// (SIGKILL, a process of its own) and started again before every step of theirs.
func TestTranscriptsWithKills(t *testing.T) {
	dir, taken, excused := t.TempDir(), newTerritory(), lostWithTheProcess()
	var all []scenario
	for _, s := range readScenarios(t) {
		if excused[s.Name] == "" {
			all = append(all, s)
		}
	}
	arrived, ended := make(chan chan string), make(chan int) // a player waits for the next node, or is done
	diffs := make([][]string, len(all))
	for i, s := range all {
		go func() {
			diffs[i] = play(s, taken, func(int) string {
				next := make(chan string)
				arrived <- next
				return <-next
			})
			ended <- i
		}()
	}
	kills, address, kill := 0, "", func() {}
	for playing := len(all); playing > 0; {
		var waiting []chan string
		for len(waiting) < playing {
			select {
			case next := <-arrived:
				waiting = append(waiting, next)
			case <-ended:
				playing--
			}
		}
		kill()
		kills++
		for before := address; address == before; { // players go by the address
			if address, kill = startChild(t, dir); address == before {
				kill()
			}
		}
		for _, next := range waiting {
			next <- strings.TrimPrefix(address, "couchbase://")
		}
	}
	kill()
	for i, s := range all {
		for _, d := range diffs[i] {
			t.Errorf("%s, %s", s.Name, d)
		}
	}
	if len(all)+len(excused) != len(readScenarios(t)) {
		t.Error("a conversation is left out that is not recorded")
	}
	t.Logf("%d conversations over %d nodes, %d left out", len(all), kills, len(excused))
}
