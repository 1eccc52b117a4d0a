package csvdir

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ledgerOf makes a ledger of "hash@mtime phase" words; a topic may follow the
// phase, as in done/ID.
func ledgerOf(t *testing.T, text string) *ledger {
	l := newLedger()
	for word := range strings.SplitSeq(text, ", ") {
		if word == "" {
			continue
		}
		var f File
		var phase string
		if _, err := fmt.Sscanf(strings.Replace(word, "@", " ", 1), "%s %d %s", &f.Hash, &f.MTime, &phase); err != nil {
			t.Fatal(err)
		}
		phase, f.Topic, _ = strings.Cut(phase, "/")
		f.Phase, f.Instance, f.Time = Phase(phase), "other", time.Unix(100, 0)
		l.put(f, time.Unix(100, 0))
	}
	return l
}

func TestLedgerJudges(t *testing.T) {
	names := map[judgement]string{settled: "settled", older: "older", unchanged: "unchanged", fresh: "fresh", resume: "resume"}
	for _, c := range []struct{ ledger, file, want string }{
		{"", "a@1", "fresh"},
		{"a@1 done", "a@1", "settled"},
		{"a@1 done", "a@2", "unchanged"},
		{"a@2 done", "a@1", "older"},
		{"a@1 done", "b@2", "fresh"},
		{"a@2 done", "b@1", "older"},
		{"a@1 done", "b@1", "fresh"}, // one time: the hash decides
		{"b@1 done", "a@1", "older"},
		{"a@1 done, b@2 done", "a@3", "fresh"}, // A, B, A
		{"a@1 done, b@2 done", "a@1", "settled"},
		{"a@1 done, a@5 unchanged", "a@5", "settled"},
		{"a@1 done, a@5 unchanged", "b@3", "older"},
		{"a@1 done, a@5 unchanged", "a@6", "unchanged"},
		{"a@1 done, a@5 unchanged", "b@6", "fresh"},
		{"a@1 seen", "a@1", "fresh"},
		{"a@1 rows", "a@1", "resume"},
		{"a@1 withdrawn", "a@1", "resume"},
		{"a@1 incomplete", "a@1", "resume"},
		{"a@1 rows", "a@2", "fresh"}, // touched while half of it was written
		{"a@1 rows", "b@0", "older"},
		{"a@1 incomplete, b@2 done", "a@1", "settled"},
		{"a@1 done, b@2 incomplete", "a@3", "fresh"},
		{"a@1 done, b@2 held", "b@2", "settled"},
		{"a@1 done, b@2 held", "b@3", "fresh"}, // another file: it is held for itself
		{"a@1 done, b@2 held", "a@3", "unchanged"},
		{"a@1 done, b@2 accepted", "b@2", "fresh"},
		{"c@3 done, b@2 accepted", "b@2", "older"},
		{"a@1 done, b@2 failed", "b@2", "settled"},
		{"a@1 done, b@2 failed", "c@1", "fresh"},
		{"a@5 done, b@2 skipped", "b@2", "settled"},
		{"a@5 done, b@2 seen", "b@2", "older"},
	} {
		var f File
		if _, err := fmt.Sscanf(strings.Replace(c.file, "@", " ", 1), "%s %d", &f.Hash, &f.MTime); err != nil {
			t.Fatal(err)
		}
		if got, _ := ledgerOf(t, c.ledger).judge(&f, time.Unix(100, 0)); names[got] != c.want {
			t.Errorf("with %q, %s is %s, want %s", c.ledger, c.file, names[got], c.want)
		}
	}
}

func TestLedgerIsBusyWhileAnotherInstanceMoves(t *testing.T) {
	for _, c := range []struct {
		ledger, me string
		seconds    int64
		want       bool
	}{
		{"a@1 rows", "me", 5, true}, {"a@1 rows", "other", 5, false}, {"a@1 rows", "me", 15, false},
		{"a@1 seen", "me", 5, true}, {"a@1 done", "me", 5, false}, {"a@1 incomplete", "me", 5, false},
	} {
		if _, got := ledgerOf(t, c.ledger).busy(c.me, time.Unix(100+c.seconds, 0), 10*time.Second); got != c.want {
			t.Errorf("%+v: busy is %t", c, got)
		}
	}
}

func TestLedgerForgetsOnlyWhatSaysNothing(t *testing.T) {
	l := ledgerOf(t, "a@1 done, b@2 held, c@3 done, d@4 done, e@5 held, f@6 accepted")
	var gone []string
	for _, f := range l.outdated(1) {
		gone = append(gone, f.Key())
	}
	if got := strings.Join(gone, " "); got != "b@2 a@1" {
		t.Errorf("outdated beyond one before d: %q", got)
	}
	if w := l.waiting(); len(w) != 1 || w[0].Hash != "e" {
		t.Errorf("waiting: %+v", w)
	}
}

func TestHold(t *testing.T) {
	cfg := DefaultConfig()
	for _, c := range []struct {
		c    checked
		held bool
	}{
		{checked{rows: 10, usable: 10}, false}, // the first import ever
		{checked{}, true},                      // empty, even then
		{checked{rows: 5, rejected: 5}, true},
		{checked{rows: 90, usable: 90, known: 100, removes: 10}, false},
		{checked{rows: 89, usable: 89, known: 100, removes: 11}, true},
		{checked{rows: 100, usable: 50, rejected: 50, known: 100, removes: 50}, true}, // all emails of a half unusable
		{checked{rows: 2, usable: 2, known: 5, removes: 3}, false},                    // so few are no share
		{checked{rows: 1, usable: 1, known: 10, removes: 9}, true},
	} {
		if reason := cfg.hold(&c.c); (reason != "") != c.held {
			t.Errorf("%+v: held is %t (%s)", c.c, reason != "", reason)
		}
	}
}

func TestConfigIsValidated(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Dir, cfg.StateDir, cfg.Instance = "a", "b", "c"
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	err := Config{HoldShare: 2, Pattern: "[", Compression: "zip", Stable: -1}.Validate()
	for _, name := range []string{"Dir", "StateDir", "Instance", "Pattern", "Stable", "Poll", "Takeover", "HoldShare", "TransactionRows", "TransactionBytes", "History", "Compression"} {
		if err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("nothing is said of %s: %v", name, err)
		}
	}
	for name, want := range map[string]bool{"a.csv": true, "A.CSV": true, "a.csv.gz": true, ".a.csv": false, "a.csv.part": false, "a.txt": false} {
		if cfg.Matches(name) != want {
			t.Errorf("%s: matches is %t", name, !want)
		}
	}
}
