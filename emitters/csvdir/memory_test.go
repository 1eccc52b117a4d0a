package csvdir

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manyRows writes a file of n members in an order that is not sorted.
func manyRows(t testing.TB, path string, n, points int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	_, _ = out.WriteString(header)
	for i := range n {
		id := strconv.Itoa((i*7919)%n + 1)
		_, _ = out.WriteString(id + ",xrinn5xp.swd," + "Aron,Sawayn" + id + ",aron.sawayn" + id + "@stehr.co.uk," + strconv.Itoa(points) + "\n")
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
}

// watchMemory returns a function that ends the watch and tells by how much the
// heap grew at most, garbage included.
func watchMemory() func() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var base runtime.MemStats
	runtime.ReadMemStats(&base)
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		peak := base.HeapAlloc
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				done <- peak - base.HeapAlloc
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// Imports of a million rows, the second one with all members known, in a
// process of their own, so that the broker's memory is not counted.
func TestAMillionRowsInFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	n := 1_000_000
	if raceEnabled {
		n = 50_000
	}
	b := newBench(t)
	for night := range 2 {
		b.clock++
		path := filepath.Join(b.dir, fmt.Sprintf("night%d.csv", night))
		manyRows(t, path, n, night)
		at := time.Date(2026, 1, 1, 0, b.clock, 0, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		out := b.run(childImport, b.broker.Addr, b.dir, b.state, path)
		var heap, rss uint64
		var took time.Duration
		var rows int
		if _, err := fmt.Sscanf(strings.TrimSpace(out), "rows %d heap %d rss %d took %d", &rows, &heap, &rss, &took); err != nil {
			t.Fatalf("the other process says %q: %v", out, err)
		}
		t.Logf("night %d: %d rows in %s, heap +%.1f MiB, RSS +%.1f MiB", night, rows, took, float64(heap)/(1<<20), float64(rss)/(1<<20))
		if rows != n || heap > 64<<20 {
			t.Errorf("night %d: %d rows, heap %d bytes beside the base", night, rows, heap)
		}
	}
}
