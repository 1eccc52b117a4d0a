package csvdir

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"customer360/codec"
	"customer360/codec/loyalty"
	"customer360/topology"
)

// The scenarios of the pipeline that are the importer's own, by their names.

func Test_csv_absent(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	b.drop("one.csv", header+members(1, 20, 5))
	b.idle(i)
	b.drop("two.csv", header+members(1, 19, 5))
	b.idle(i)
	if all := b.members(); len(all) != 20 || all["20"] != "" || all["19"] == "" {
		t.Fatalf("after the second night: %v", all)
	}
	last := i.Status().Last
	if last == nil || last.Withdrawn != 1 || last.Rows != 19 || last.Known != 20 {
		t.Errorf("last: %+v", last)
	}
	b.drop("three.csv", header+members(1, 20, 6))
	b.idle(i)
	if alive := b.alive(); len(alive) != 20 || !strings.Contains(alive["20"], `"points":"6"`) {
		t.Fatalf("after the third night: %v", alive)
	}
	b.wantPhases("three.csv done, two.csv done, one.csv done")
}

func Test_csv_same_file_two_instances(t *testing.T) {
	b := newBench(t)
	other := b.config()
	other.Instance, other.StateDir = "two", t.TempDir()
	one, _ := b.start(b.config())
	two, _ := b.start(other)
	b.idle(one, two)
	for n := range 5 {
		b.drop(fmt.Sprintf("night%d.csv", n), header+members(1, 500, n))
		eventually(t, "it is imported", func() bool { f := one.Status().Last; return f != nil && f.Name == fmt.Sprintf("night%d.csv", n) })
		b.idle(one, two)
	}
	if got := b.records(); got != 5*500 {
		t.Errorf("%d records, want each row once: 2500", got)
	}
	b.members() // every position is newer than the one before it
}

func Test_csv_touched_without_change(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	path := b.drop("a.csv", header+members(1, 10, 1))
	b.idle(i)
	before := b.log()
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, now, now); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the touch is noted", func() bool { return len(b.history()) == 2 })
	b.idle(i)
	if b.log() != before {
		t.Error("a touched file was imported again")
	}
	b.wantPhases("a.csv unchanged, a.csv done")
	// What lies between the two times is older than what the source said last.
	b.dropAt("b.csv", header+members(1, 9, 1), 100)
	eventually(t, "the older one is noted", func() bool { return len(b.history()) == 3 })
	if b.log() != before {
		t.Error("a file older than the touched one was imported")
	}
}

func Test_csv_older_after_newer(t *testing.T) {
	b := newBench(t)
	b.dropAt("z-old.csv", header+members(1, 8, "old"), 10)
	b.dropAt("a-new.csv", header+members(1, 9, "new"), 20)
	i, _ := b.start(b.config())
	b.idle(i)
	if got := b.records(); got != 9 {
		t.Fatalf("%d records, want those of the newest of two waiting files", got)
	}
	b.dropAt("late.csv", header+members(1, 10, "late"), 15)
	eventually(t, "it is skipped", func() bool { return len(b.history()) == 2 })
	b.idle(i)
	if got := b.records(); got != 9 {
		t.Errorf("%d records: an older file was imported after a newer one", got)
	}
	b.wantPhases("a-new.csv done, late.csv skipped")
	if f, err := b.byHand(filepath.Join(b.dir, "z-old.csv"), false); !errors.Is(err, ErrOlder) {
		t.Errorf("by hand: %+v, %v", f, err)
	}
}

func Test_csv_A_B_A(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	first, second := header+members(1, 30, "A"), header+members(2, 31, "B")
	for n, content := range []string{first, second, first} {
		b.drop(fmt.Sprintf("%d.csv", n), content)
		b.idle(i)
	}
	alive := b.alive()
	if len(alive) != 30 || !strings.Contains(alive["1"], `"points":"A"`) || alive["31"] != "" {
		t.Errorf("after A, B, A: %v", alive)
	}
	b.wantPhases("2.csv done, 1.csv done, 0.csv done")
}

func Test_csv_growing(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.Stable = 300 * time.Millisecond
	i, _ := b.start(cfg)
	f, err := os.Create(filepath.Join(b.dir, "growing.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString(header)
	for id := 1; id <= 10; id++ {
		_, _ = f.WriteString(member(id, 1))
		time.Sleep(50 * time.Millisecond)
		if id < 10 && len(b.history()) > 0 {
			t.Fatalf("a growing file was read after %d rows", id)
		}
	}
	if i.Idle() {
		t.Error("idle while a file is waited for")
	}
	b.idle(i)
	if got := b.records(); got != 10 {
		t.Errorf("%d records, want 10", got)
	}
}

func Test_csv_shrunk(t *testing.T) {
	b := newBench(t)
	i, _ := b.start(b.config())
	b.drop("full.csv", header+members(1, 200, 1))
	b.idle(i)
	before := b.log()
	b.drop("shrunk.csv", header+"bad row\n"+members(1, 20, 2))
	b.idle(i)
	if b.log() != before {
		t.Fatal("a held file has written")
	}
	s := i.Status()
	if len(s.Held) != 1 || s.Held[0].Removes != 180 || s.Held[0].Known != 200 || s.Held[0].Rejected != 1 || s.Last.Name != "full.csv" {
		t.Fatalf("status: %+v", s)
	}
	f, err := b.byHand(filepath.Join(b.dir, "shrunk.csv"), false)
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "--accept "+f.Hash[:12]) || !strings.Contains(err.Error(), "180 of 200") {
		t.Fatalf("by hand: %v", err)
	}
	ctx := context.Background()
	if err := Accept(ctx, b.deps(), "full.csv"); !errors.Is(err, ErrAlready) || !strings.Contains(err.Error(), "full.csv is not held: imported already") {
		t.Errorf("accepting what is done: %v", err)
	}
	if err := Accept(ctx, b.deps(), "nothing.csv"); err == nil {
		t.Error("accepting what nobody has seen: no error")
	}
	if err := Accept(ctx, b.deps(), s.Held[0].Hash[:8]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is imported", func() bool { l := i.Status().Last; return l != nil && l.Name == "shrunk.csv" })
	if alive := b.alive(); len(alive) != 20 {
		t.Errorf("%d members, want 20", len(alive))
	}
	if l := i.Status().Last; !l.Accepted || l.Withdrawn != 180 || l.Rejected != 1 {
		t.Errorf("last: %+v", l)
	}
	// An acceptance is of one file: the next such file is held again.
	b.drop("again.csv", header+members(1, 2, 3))
	b.idle(i)
	if held := i.Status().Held; len(held) != 1 || held[0].Name != "again.csv" {
		t.Errorf("held: %+v", held)
	}
	if _, err := b.byHand(filepath.Join(b.dir, "again.csv"), true); err != nil {
		t.Errorf("import --accept: %v", err)
	}
	if alive := b.alive(); len(alive) != 2 {
		t.Errorf("%d members, want 2", len(alive))
	}
}

func Test_csv_duplicate_ids(t *testing.T) {
	b := newBench(t)
	noMail := "7,pw,F,L,,1\n"
	f := b.must(b.byHand(b.drop("d.csv", header+member(5, "first")+member(6, 1)+noMail+member(7, "later")+member(5, "later")), false))
	if f.Duplicates != 2 || f.Written != 3 || f.Rejected != 0 || f.Rows != 5 {
		t.Errorf("file: %+v", f)
	}
	alive := b.alive()
	if len(alive) != 3 || !strings.Contains(alive["5"], `"later"`) || !strings.Contains(alive["7"], `"later"`) || b.records() != 3 {
		t.Errorf("members: %v", alive)
	}
	// The later row counts where it is the worse one, too.
	f = b.must(b.byHand(b.drop("e.csv", header+member(5, "ok")+member(6, 1)+member(7, "ok")+noMail), false))
	if alive := b.alive(); len(alive) != 2 || alive["7"] != "" || len(b.dead()) != 1 || f.Withdrawn != 1 || f.Rejected != 1 {
		t.Errorf("members: %v, dead letters %+v, file %+v", alive, b.dead(), f)
	}
}

func Test_csv_points_zero_and_csv_points_text(t *testing.T) {
	b := newBench(t)
	b.must(b.byHand(b.drop("p.csv", header+member(1, 0)+member(2, "many")+member(3, "")+member(4, " 007 ")), false))
	alive := b.alive()
	for id, want := range map[string]string{"1": `"points":"0"`, "2": `"points":"many"`, "3": `"points":""`, "4": `"points":" 007 "`} {
		if !strings.Contains(alive[id], want) {
			t.Errorf("member %s is %s, want %s", id, alive[id], want)
		}
	}
}

// What readers see of a record beside its key and value.
func TestRecordsCarryTheirPosition(t *testing.T) {
	b := newBench(t)
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	deps := b.deps()
	deps.Now = func() time.Time { return now }
	b.drop("one.csv", header+member(7, 1)+member(9, 1))
	f := b.must(Import(t.Context(), b.config(), deps, b.drop("two.csv", header+member(9, 1)+member(8, 1)), false))
	f2 := b.must(Import(t.Context(), b.config(), deps, b.drop("three.csv", header+member(8, 2)), false))
	got := map[string]string{}
	for _, r := range b.broker.Records(t, topology.LoyaltyTopic) {
		p, err := loyalty.ParsePosition(rawOf(r).Headers)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Headers) != 3 || !r.Timestamp.Equal(now) {
			t.Errorf("record of %s: %d headers, timestamp %s", r.Key, len(r.Headers), r.Timestamp)
		}
		got[fmt.Sprintf("%s %s", r.Key, p.Hash[:6])] = fmt.Sprintf("row %d of %d, null %t", p.Row, p.MTime, r.Value == nil)
	}
	want := map[string]string{
		"9 " + f.Hash[:6]: fmt.Sprintf("row 1 of %d, null false", f.MTime), "8 " + f.Hash[:6]: fmt.Sprintf("row 2 of %d, null false", f.MTime),
		"8 " + f2.Hash[:6]: fmt.Sprintf("row 1 of %d, null false", f2.MTime), "9 " + f2.Hash[:6]: fmt.Sprintf("row 2 of %d, null true", f2.MTime),
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Scenario 10's like: the contribution goes, a dead letter says why, and with
// a usable email it returns.
func TestAMemberWhoseEmailBecomesUnusableIsWithdrawn(t *testing.T) {
	b := newBench(t)
	row := func(email string) string { return header + members(2, 20, 1) + "1,secret,A,B," + email + ",5\n" }
	b.must(b.byHand(b.drop("0.csv", row("a@example.com")), false))
	for n, email := range []string{"", "nobody", strings.Repeat("x", 300) + "@example.com"} {
		b.must(b.byHand(b.drop(fmt.Sprintf("bad%d.csv", n), row(email)), false))
		letters := b.dead()
		last := letters[len(letters)-1]
		if _, ok := b.alive()["1"]; ok || len(letters) != n+1 {
			t.Fatalf("email %q: alive, or %d dead letters", email, len(letters))
		}
		if string(last.Key) != "1" || last.Line != 21 || last.Stage != "csvdir" || last.Source != codec.Loyalty || strings.Contains(last.Reason, "secret") ||
			!strings.HasPrefix(string(last.Value), "1,secret,") || last.Offset != -1 {
			t.Errorf("dead letter %+v", last)
		}
		b.must(b.byHand(b.drop(fmt.Sprintf("good%d.csv", n), row("a@example.com")), false))
		if _, ok := b.alive()["1"]; !ok {
			t.Fatalf("after email %q: did not return", email)
		}
	}
}
