//go:build unix

package engine

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchStore is one partition with its share of 32 MiB of a group's state_store_bytes and
// 16 MiB of its cache.
func benchStore(b *testing.B, dir string) *store {
	b.Helper()
	db, m, why, err := openFolder(osFiles, dir, testFacts, 0, 32<<20, 0, time.Now())
	if err != nil || why != "" {
		b.Fatal(why, err)
	}
	s := newStore("t.0", 0, dir, db, m)
	s.limit, s.cache = 1<<20, newCache(16<<20)
	return s
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("member-%d@example.com", i)
	}
	return keys
}

// values of 700 bytes that do not compress.
func benchValues() [][]byte {
	rnd := rand.NewChaCha8([32]byte{})
	values := make([][]byte, 64)
	for i := range values {
		values[i] = make([]byte, 700)
		_, _ = rnd.Read(values[i])
	}
	return values
}

// measured runs f and reports the CPU time of the whole process, since most of
// the work is done behind the caller.
func measured(b *testing.B, records int, f func()) {
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	f()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(time.Microsecond)/float64(records), "cpu-us/record")
}

// BenchmarkStore is a read and a write per record, a commit every 10,000, on a
// partition that has all keys already; closing is in the time.
func BenchmarkStore(b *testing.B) {
	for _, keys := range []int{25_000, 250_000} { // a quarter of 100,000 and of a million
		for _, skew := range []string{"uniform", "zipf"} {
			b.Run(fmt.Sprintf("%dkeys/%s", keys, skew), func(b *testing.B) {
				s := benchStore(b, filepath.Join(b.TempDir(), "s"))
				names, values := benchKeys(keys), benchValues()
				rnd := rand.New(rand.NewPCG(1, 2))
				zipf := rand.NewZipf(rnd, 1.1, 1, uint64(keys-1))
				for i, k := range names {
					if err := s.Set(k, values[i%len(values)]); err != nil {
						b.Fatal(err)
					}
					_ = s.SetOffset(int64(i))
				}
				if err := s.MarkRecovered(); err != nil {
					b.Fatal(err)
				}
				measured(b, b.N, func() {
					for i := range b.N {
						k := names[rnd.IntN(keys)]
						if skew == "zipf" {
							k = names[zipf.Uint64()]
						}
						if v, err := s.Get(k); err != nil || len(v) != 700 {
							b.Fatal(len(v), err)
						}
						if err := s.Set(k, values[i%len(values)]); err != nil {
							b.Fatal(err)
						}
						if i%10_000 == 9_999 {
							s.reached(int64(keys + i))
							s.seal()
							s.acknowledged()
							if err := s.committed(); err != nil {
								b.Fatal(err)
							}
						}
					}
					if err := s.Close(); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

// BenchmarkStoreRecovery fills an empty folder, with a sixth of the keys seen twice.
func BenchmarkStoreRecovery(b *testing.B) {
	names, values := benchKeys(250_000), benchValues()
	dir := b.TempDir()
	measured(b, b.N*len(names), func() {
		for n := range b.N {
			s := benchStore(b, filepath.Join(dir, strconv.Itoa(n)))
			for i := range names {
				if err := s.Set(names[i*7%len(names)], values[i%len(values)]); err != nil {
					b.Fatal(err)
				}
				_ = s.SetOffset(int64(i))
			}
			if err := s.MarkRecovered(); err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
