package csvdir

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// What was done with a loyalty.members that was deleted since does not count for
// the one of its name; entries that name no topic count for any.
func TestLedgerJudgesByTopic(t *testing.T) {
	names := map[judgement]string{settled: "settled", older: "older", unchanged: "unchanged", fresh: "fresh", resume: "resume"}
	for _, c := range []struct{ ledger, file, want string }{
		{"a@1 done/here", "a@1", "settled"},
		{"a@1 done/here", "a@2", "unchanged"},
		{"a@1 rows/here", "a@1", "resume"},
		{"a@1 done/gone", "a@1", "fresh"},
		{"a@1 done/gone", "a@2", "fresh"}, // touched
		{"a@1 rows/gone", "a@1", "fresh"},
		{"a@1 incomplete/gone", "a@1", "fresh"},
		{"a@1 done/gone, a@5 unchanged/gone", "a@5", "fresh"},
		{"a@1 done/gone, a@5 unchanged/gone", "a@1", "settled"},
		{"a@1 done/gone", "b@0", "older"}, // an older file is no substitute
		{"a@1 done/gone, b@2 done/gone", "a@1", "settled"},
		{"a@1 done/gone, b@2 held/gone", "b@2", "settled"}, // for the same reason as it was
		{"a@1 done/gone, b@2 held/gone", "a@1", "fresh"},
		{"a@1 done/gone, b@2 seen/here", "b@2", "fresh"},
		{"a@1 done/gone, b@2 done/here", "b@3", "unchanged"},
		{"a@1 done, b@2 done/gone", "b@2", "fresh"},
		{"a@1 done/gone, b@2 done", "b@2", "settled"},
		{"a@1 done/gone, b@2 done", "b@3", "unchanged"},
	} {
		f := File{Hash: c.file[:1], MTime: int64(c.file[2] - '0')}
		l := ledgerOf(t, c.ledger)
		l.topic = "here"
		if got, _ := l.judge(&f, time.Unix(100, 0)); names[got] != c.want {
			t.Errorf("with %q, %s is %s, want %s", c.ledger, c.file, names[got], c.want)
		}
	}
	l := ledgerOf(t, "a@1 done/gone") // which topic is there is not known
	if got, _ := l.judge(&File{Hash: "a", MTime: 1}, time.Unix(100, 0)); got != settled {
		t.Errorf("without an id: %s", names[got])
	}
}

// recreate deletes loyalty.members and creates it anew.
func (b *bench) recreate() {
	b.t.Helper()
	if err := b.broker.Cluster.DeleteTopic(topology.LoyaltyTopic); err != nil {
		b.t.Fatal(err)
	}
	b.broker.CreateTopic(b.t, topology.LoyaltyTopic, 3, map[string]string{"cleanup.policy": "compact"})
}

func (b *bench) wantMembers(what string, alive, records int) {
	b.t.Helper()
	if a, r := len(b.alive()), b.records(); a != alive || r != records {
		b.t.Errorf("%s: %d members in %d records, want %d in %d", what, a, r, alive, records)
	}
}

// The newest file is imported into a loyalty.members that was created anew, once:
// by the importer, touched, and by hand.
func TestATopicCreatedAnewIsFilledAgain(t *testing.T) {
	b := newBench(t)
	b.drop("older.csv", header+members(1, 20, 1))
	newest := b.drop("newest.csv", header+members(1, 10, 2)+"11,pw,short\n")
	for _, way := range []string{"first", "by the importer"} {
		i, stop := b.start(b.config())
		b.idle(i)
		stop()
		b.wantMembers(way, 10, 10)
		i, stop = b.start(b.config())
		b.idle(i)
		stop()
		b.wantMembers(way+", and again", 10, 10)
		b.wantPhases("newest.csv done")
		b.recreate()
	}

	later := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(newest, later, later); err != nil {
		t.Fatal(err)
	}
	i, stop := b.start(b.config())
	b.idle(i)
	stop()
	b.wantMembers("touched", 10, 10)
	b.wantPhases("newest.csv done, newest.csv done")

	b.recreate()
	if f := b.must(b.byHand(newest, false)); f.Phase != Done || f.Written != 10 || f.Rejected != 1 || f.Row != 11 {
		t.Errorf("by hand: %+v", f)
	}
	b.wantMembers("by hand", 10, 10)
	_, err := b.byHand(newest, false)
	says(t, "by hand, and again", err, ErrAlready, "nothing newer since")
}

// An import that was under way when the topic was deleted begins anew.
func TestAnImportIsNotResumedInAnotherTopic(t *testing.T) {
	b := newBench(t)
	path := b.drop("one.csv", header+members(1, 10, 1))
	b.must(b.byHand(path, false))
	half := b.history()[0]
	half.Phase, half.Row, half.Written = Rows, 5, 5
	b.writeFile(half)
	b.recreate()
	b.must(b.byHand(path, false))
	b.wantMembers("begun anew", 10, 10)
}

// An entry of an earlier version names no topic: nothing is imported again.
func TestEntriesThatNameNoTopicCount(t *testing.T) {
	b := newBench(t)
	path := b.drop("one.csv", header+members(1, 10, 1))
	f := b.must(b.byHand(path, false))
	if f.Topic == "" || !strings.Contains(string(f.encode()), `"topic":"`+f.Topic+`"`) {
		t.Errorf("the entry names no topic: %s", f.encode())
	}
	f.Topic = ""
	if strings.Contains(string(f.encode()), "topic") {
		t.Errorf("an earlier version's entry: %s", f.encode())
	}
	b.writeFile(f)
	i, _ := b.start(b.config())
	b.idle(i)
	b.wantMembers("as before", 10, 10)
	later := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the touch is noted", func() bool { return b.phases() == "one.csv unchanged, one.csv done" })
	b.wantMembers("touched", 10, 10)
}

// writeFile puts an entry into loyalty.files.
func (b *bench) writeFile(f File) {
	b.t.Helper()
	record := &kgo.Record{Topic: topology.FilesTopic, Key: []byte(f.Key()), Value: f.encode()}
	if err := b.broker.Client(b.t).ProduceSync(b.t.Context(), record).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}
