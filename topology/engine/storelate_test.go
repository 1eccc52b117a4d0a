package engine

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// counting counts what is synced.
type counting struct {
	storage.Storage
	syncs *int
}

func (c counting) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := c.Storage.Create(fd)
	return countingWriter{w, c.syncs}, err
}

type countingWriter struct {
	storage.Writer
	syncs *int
}

func (w countingWriter) Sync() error {
	*w.syncs++
	return w.Writer.Sync()
}

func TestTablesOfARecoveryAreSyncedLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := osFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	b := files.(buffered)
	syncs := 0
	b.Storage = counting{b.Storage, &syncs}
	write := func(kind storage.FileType, number int64) int {
		t.Helper()
		w, err := b.Create(storage.FileDesc{Type: kind, Num: number})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		before := syncs
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		after := syncs
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(storage.FileDesc{Type: kind, Num: number})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if text, err := io.ReadAll(r); err != nil || string(text) != "text" {
			t.Errorf("%v %d holds %q, %v", kind, number, text, err)
		}
		return after - before
	}
	for i, late := range []bool{true, false} {
		b.late.Store(late)
		for _, kind := range []storage.FileType{storage.TypeTable, storage.TypeManifest, storage.TypeJournal} {
			want := 1
			if late && kind != storage.TypeJournal {
				want = 0
			}
			if got := write(kind, int64(i+1)); got != want {
				t.Errorf("late %v: %v is synced %d times, want %d", late, kind, got, want)
			}
		}
	}
	if err := syncFolder(dir); err != nil {
		t.Error(err)
	}
}

// What a recovery into an empty folder has written is all there when it works, and
// after a clean end and a killed one.
func TestRecoveryIntoAnEmptyFolder(t *testing.T) {
	t.Parallel()
	const n, keys = 60_000, 20_000
	known := testFacts
	known.tableEnd = map[int32]int64{0: n}
	for _, cached := range []int{0, 1 << 20} {
		dir, copied := filepath.Join(inMemory(t), "s"), filepath.Join(inMemory(t), "killed")
		db, m, _, err := openFolder(osFiles, dir, known, 0, 3<<20, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if db, err = db.again(true); err != nil {
			t.Fatal(err)
		}
		s := newStore("t.0", 0, dir, db, m)
		s.fresh, s.goal, s.cache = true, n, newCache(cached)
		want := func(i int) string { return fmt.Sprintf("%d-%s", i, strings.Repeat("x", 100)) }
		for from := 0; from < n; from += 500 {
			var records []*kgo.Record
			for i := from; i < from+500; i++ {
				r := &kgo.Record{Key: fmt.Append(nil, "key-", i%keys), Value: []byte(want(i)), Offset: int64(i)}
				if i >= n-keys && i%7 == 0 {
					r.Value = nil
				}
				records = append(records, r)
			}
			if err := s.take(records, int64(from+499)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.MarkRecovered(); err != nil {
			t.Fatal(err)
		}
		all := func(s *store) {
			t.Helper()
			for i := n - keys; i < n; i++ {
				v, err := s.Get(fmt.Sprint("key-", i%keys))
				if err != nil || i%7 == 0 && v != nil || i%7 != 0 && string(v) != want(i) {
					t.Fatalf("key-%d is %.20q, %v", i%keys, v, err)
				}
			}
		}
		all(s)
		killed(t, s, copied)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, folder := range []string{dir, copied} {
			db, m, why, err := openFolder(osFiles, folder, known, 0, 3<<20, 0, time.Now())
			if err != nil || why != "" || m.offset != n-1 || m.asOf.IsZero() {
				t.Fatalf("%+v, %q, %v", m, why, err)
			}
			s := newStore("t.0", 0, folder, db, m)
			all(s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The cache never has an older state than the changelog, also where states become
// larger while a recovery nears its end.
func TestARecoveryLeavesNothingOldInTheCache(t *testing.T) {
	t.Parallel()
	const n, keys = 2_000, 100
	dir := filepath.Join(inMemory(t), "s")
	known := testFacts
	known.tableEnd = map[int32]int64{0: n}
	db, m, _, err := openFolder(osFiles, dir, known, 0, 3<<20, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore("t.0", 0, dir, db, m)
	s.fresh, s.goal, s.cache = true, n, newCache(1<<20)
	t.Cleanup(func() { _ = s.Close() })
	for from := 0; from < n; from += keys {
		key, size := "key-", 10 // as few bytes as would all fit
		if from >= n/2 {
			size = 2000 // and then not
		}
		if from > n/2 {
			key = "other-"
		}
		s.mu.Lock()
		for i := range keys {
			s.open.put(fmt.Sprint(key, i), fmt.Appendf(nil, "%d-%s", from, strings.Repeat("x", size)))
		}
		s.openMeta.offset = int64(from + keys - 1)
		s.promote(&s.open, s.openMeta)
		s.mu.Unlock()
	}
	if err := s.MarkRecovered(); err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		if got := value(t, s, fmt.Sprint("key-", i)); !strings.HasPrefix(got, fmt.Sprint(n/2, "-")) {
			t.Fatalf("key-%d is %.9s, want that of %d", i, got, n/2)
		}
	}
}
