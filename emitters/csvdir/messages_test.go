package csvdir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// says checks an error's kind and what it tells.
func says(t *testing.T, what string, err, kind error, parts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want: %v", what, err, kind)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s does not say %q: %v", what, part, err)
		}
	}
}

// A held file says what is wrong with its rows; one that was cut off within a row is
// held however few members it lacks.
func TestHeldFilesSayWhy(t *testing.T) {
	b := newBench(t)
	b.must(b.byHand(b.drop("first.csv", header+members(1, 50, 1)), false))
	before := b.log()
	cut := strings.TrimSuffix(members(1, 49, 2), "\n")
	_, err := b.byHand(b.drop("cut.csv", header+cut[:strings.LastIndexByte(cut, ',')]), false)
	says(t, "a file that was cut off", err, ErrHeld, "cut off", "withdraw 1 of 50", "line 50: the row has 5 fields, the header 6")
	_, err = b.byHand(b.drop("commas.csv", header+strings.ReplaceAll(members(1, 50, 3), "\n", ",\n")), false)
	says(t, "a comma too many in each row", err, ErrHeld, "none of the file's 50 rows is usable", "line 2: the row has 7 fields, the header 6")
	if b.log() != before {
		t.Error("something was written")
	}
	f, err := b.byHand(b.drop("whole.csv", header+cut), false) // a row without a newline is whole
	if err != nil || f.Phase != Done || f.Withdrawn != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

// Each message says what happened and what can be done.
func TestMessages(t *testing.T) {
	b := newBench(t)
	first := b.drop("first.csv", header+members(1, 50, 1))
	b.must(b.byHand(first, false))
	before := b.log()

	f, err := b.byHand(first, false)
	says(t, "the same file again", err, ErrAlready, "first.csv was imported at 2", "with 50 rows", "nothing was written")
	if f.Phase != Done || f.Rows != 50 {
		t.Errorf("its entry: %+v", f)
	}
	_, err = b.byHand(b.drop("copy.csv", header+members(1, 50, 1)), false)
	says(t, "a newer copy", err, ErrAlready, "copy.csv has the content of the last import")

	held := b.drop("held.csv", header+members(1, 5, 2))
	f, err = b.byHand(held, false)
	says(t, "a held file", err, ErrHeld, "45 of 50", "import --accept "+f.ShortHash())
	if b.log() != before {
		t.Error("something was written")
	}

	b.must(b.byHand(b.drop("newer.csv", header+members(1, 49, 3)), false))
	before = b.log()
	_, err = b.byHand(held, true)
	says(t, "accepting an overtaken file", err, ErrOlder, "held.csv was held (the file would withdraw 45 of 50", "newer.csv of 2026-01-01T", "nothing to accept", "touch FILE")
	says(t, "its release", Accept(context.Background(), b.deps(), f.Hash), ErrOlder, "held.csv is not held", "newer.csv of", "touch FILE")
	_, err = b.byHand(first, false)
	says(t, "an old file again", err, ErrAlready, "first.csv was imported at", "newer.csv of", "touch FILE")
	late := b.dropAt("late.csv", header+members(1, 49, 4), 2)
	for _, what := range []string{"an older file", "an older file again"} {
		_, err = b.byHand(late, false)
		says(t, what, err, ErrOlder, "newer.csv of 2026-01-01T", "touch FILE")
	}
	if b.log() != before {
		t.Error("something was written")
	}

	// The way out that they name.
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(held, now, now); err != nil {
		t.Fatal(err)
	}
	if f := b.must(b.byHand(held, true)); f.Phase != Done || f.Withdrawn != 44 {
		t.Errorf("after touch: %+v", f)
	}
}

// A link inside the folder may not make rows, or dead letters, of any other
// file of the host; a link that stays inside is as good as its file.
func TestLinks(t *testing.T) {
	b := newBench(t)
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte(header+members(90, 99, "outside")), 0o600); err != nil {
		t.Fatal(err)
	}
	up, err := filepath.Rel(b.dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(outside, "absolute.csv")
	link(up, "relative.csv")
	link("absolute.csv", "twice.csv")
	link(filepath.Dir(outside), "folder")
	link("folder/secret.csv", "through.csv")
	link("nowhere.csv", "dangling.csv")
	link("kept/inner.csv", "inside.csv")
	i, _ := b.start(b.config())
	b.idle(i)
	if n := b.records(); n != 0 {
		t.Fatalf("%d records of a file outside the folder", n)
	}
	if p := i.Status().Problem; !strings.Contains(p, "absolute.csv is a link that leads out of the watched folder") || strings.Contains(p, outside) {
		t.Errorf("status says: %q", p)
	}
	i.mu.Lock()
	got := strings.Join(i.folder.outside, " ")
	i.mu.Unlock()
	if got != "absolute.csv relative.csv through.csv twice.csv" {
		t.Errorf("refused: %s", got)
	}

	if err := os.Mkdir(filepath.Join(b.dir, "kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.drop("kept/inner.csv", header+members(1, 3, "inside"))
	eventually(t, "the link that stays inside is read", func() bool { l := i.Status().Last; return l != nil && l.Name == "inside.csv" })
	if alive := b.alive(); len(alive) != 3 || strings.Contains(alive["1"], "outside") {
		t.Errorf("members: %v", alive)
	}

	// A file that is swapped for a link between the look and the reading.
	path := b.drop("swapped.csv", header+members(1, 3, "later"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	link(outside, "swapped.csv")
	if f, err := (&folder{cfg: b.config()}).open("swapped.csv"); err == nil {
		_ = f.Close()
		t.Error("a link out of the folder was opened")
	}
	if f, err := (&folder{cfg: b.config()}).open("../" + filepath.Base(b.dir) + "/kept/inner.csv"); err == nil {
		_ = f.Close()
		t.Error("a name that leads out of the folder was opened")
	}
	// By hand the operator names it, and means it.
	if f := b.must(b.byHand(filepath.Join(b.dir, "absolute.csv"), true)); f.Name != "absolute.csv" || f.Rows != 10 {
		t.Errorf("by hand: %+v", f)
	}
}
