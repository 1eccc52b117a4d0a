package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var testFacts = facts{partitions: 1, tableID: kadm.TopicID{1}, retention: 24 * time.Hour,
	tableStart: map[int32]int64{0: 0}, tableEnd: map[int32]int64{0: 1000}}

func openTest(t *testing.T, dir string) *store {
	t.Helper()
	db, m, _, err := openFolder(osFiles, dir, testFacts, 0, 1<<24, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore("t.0", 0, dir, db, m)
	s.limit = 1000
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func value(t *testing.T, s *store, key string) string {
	t.Helper()
	v, err := s.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return "(none)"
	}
	return string(v)
}

// What is open is seen by the one who writes, and by nobody after a restart
// unless its transaction has committed.
func TestStoreHoldsBackOpenWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	for _, cached := range []bool{false, true} {
		s := openTest(t, dir)
		if cached {
			s.cache = newCache(1 << 16)
		}
		if err := s.MarkRecovered(); err != nil {
			t.Fatal(err)
		}
		check := func(step, want string) {
			t.Helper()
			if got := value(t, s, "a") + value(t, s, "b"); got != want {
				t.Errorf("%s (cache %v): %s, want %s", step, cached, got, want)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.Set("a", []byte("1")))
		must(s.Delete("b"))
		check("open", "1(none)")
		s.reached(5)
		s.seal()
		s.acknowledged()
		must(s.committed())
		check("committed", "1(none)")
		must(s.Set("a", []byte("dirt")))
		must(s.Set("b", []byte("dirt")))
		s.reached(9)
		check("open again", "dirtdirt")
		must(s.Close())
		s = openTest(t, dir)
		check("after a restart", "1(none)")
		if off, _ := s.GetOffset(-3); off != 5 {
			t.Errorf("offset %d, want 5", off)
		}
		must(s.Close())
	}
}

func TestStoreRefuses(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s"))
	var told error
	s.onError = func(err error) { told = err }
	if err := s.Set("k", make([]byte, 1001)); !errors.Is(err, ErrTooLarge) || !errors.Is(told, ErrTooLarge) {
		t.Errorf("a large value: %v, told %v", err, told)
	}
	if err := s.Set(metaKey, nil); classify(err) != fatal {
		t.Errorf("a reserved key: %v", err)
	}
	if err := s.Delete(markerKey); err != nil {
		t.Errorf("a marker: %v", err)
	}
	if off, _ := s.GetOffset(-3); off != -3 {
		t.Errorf("an empty store has offset %d", off)
	}
}

// A recovery that is broken off leaves a folder that is recovered anew; one
// that is resumed keeps its age.
func TestStoreOfABrokenRecovery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openTest(t, dir)
	_ = s.Set("a", []byte("1"))
	_ = s.SetOffset(3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, _, why, err := openFolder(osFiles, dir, testFacts, 0, 1<<24, 0, time.Now())
	if err != nil || why == "" {
		t.Fatalf("why %q, %v", why, err)
	}
	_ = db.Close()

	s = openTest(t, dir)
	long := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	s.now = func() time.Time { return long }
	_ = s.MarkRecovered()
	_ = s.Close()
	s = openTest(t, dir)
	_ = s.Set("a", make([]byte, 900))
	_ = s.SetOffset(7)
	_ = s.Close()
	s = openTest(t, dir)
	if !s.openMeta.asOf.Equal(long) || s.openMeta.offset != 7 {
		t.Errorf("meta %+v, want that of %v at 7", s.openMeta, long)
	}
}

func TestFolderIsUsable(t *testing.T) {
	now := time.Now()
	good := meta{topic: testFacts.tableID, offset: 999, asOf: now.Add(-time.Hour)}
	for name, c := range map[string]struct {
		change func(*meta, *facts)
		usable bool
	}{
		"good":         {func(*meta, *facts) {}, true},
		"empty topic":  {func(m *meta, f *facts) { m.offset, f.tableEnd = -1, map[int32]int64{0: 0} }, true},
		"at the start": {func(m *meta, f *facts) { m.offset, f.tableStart = 9, map[int32]int64{0: 10} }, true},
		"partition":    {func(m *meta, _ *facts) { m.partition = 1 }, false},
		"topic":        {func(m *meta, _ *facts) { m.topic[5] = 1 }, false},
		"unfinished":   {func(m *meta, _ *facts) { m.asOf = time.Time{} }, false},
		"old":          {func(m *meta, _ *facts) { m.asOf = now.Add(-23*time.Hour - time.Minute) }, false},
		"future":       {func(m *meta, _ *facts) { m.asOf = now.Add(2 * time.Hour) }, false},
		"ahead":        {func(m *meta, _ *facts) { m.offset = 1000 }, false},
		"past":         {func(m *meta, f *facts) { m.offset, f.tableStart = 8, map[int32]int64{0: 10} }, false},
	} {
		m, f := good, testFacts
		c.change(&m, &f)
		if why := m.unusable(f, 0, now); (why == "") != c.usable {
			t.Errorf("%s: %q", name, why)
		}
		if d, ok := decodeMeta(m.encode()); !ok || d.topic != m.topic || d.offset != m.offset || d.asOf.UnixMilli() != m.asOf.UnixMilli() && !m.asOf.IsZero() {
			t.Errorf("%s: %+v is decoded as %+v", name, m, d)
		}
	}
}

func TestAFolderInUseIsNotDropped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openTest(t, dir)
	_ = s.MarkRecovered()
	if _, _, _, err := openFolder(osFiles, dir, testFacts, 0, 1<<24, 0, time.Now()); err == nil {
		t.Fatal("a folder is opened twice")
	}
	if err := s.Set("a", nil); err != nil || fmt.Sprint(value(t, s, "a")) != "" {
		t.Errorf("the first owner is disturbed: %v", err)
	}
}

// A reader that is a fetch ahead of goka changes nothing after the recovery, and
// a reserved key ends it.
func TestRecoveryTakesNothingLate(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s"))
	record := func(k, v string) []*kgo.Record { return []*kgo.Record{{Key: []byte(k), Value: []byte(v)}} }
	if err := s.take(record("a", "1"), 4); err != nil {
		t.Fatal(err)
	}
	if err := s.take(record(metaKey, "1"), 5); classify(err) != fatal {
		t.Errorf("a reserved key: %v", err)
	}
	if err := s.MarkRecovered(); err != nil {
		t.Fatal(err)
	}
	if err := s.take(record("a", "late"), 9); err != nil {
		t.Fatal(err)
	}
	if off, _ := s.GetOffset(-1); value(t, s, "a") != "1" || off != 4 {
		t.Errorf("a is %s at %d", value(t, s, "a"), off)
	}
	_ = s.Close()
	if err := s.take(record("a", "2"), 10); err == nil {
		t.Error("a closed store takes")
	}
}
