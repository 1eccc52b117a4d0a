package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/storage"

	"customer360/topology/engine"
)

// disks has one for each folder.
type disks struct {
	mu sync.Mutex
	of map[string]*disk
}

func (d *disks) at(dir string) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of[dir] == nil {
		d.of[dir] = new(disk)
	}
	return d.of[dir]
}

func (d *disks) files(dir string) (storage.Storage, error) { return d.at(dir).files(dir) }

// What happens to copies: a folder damaged while nobody used it, a disk that
// takes nothing while the copy is open. The copy is made anew or goes on; the
// group never notices, and the folders equal the changelog at their offsets.
func TestStandbyFaultsDoNotHarmTheGroup(t *testing.T) {
	t.Parallel()
	b, dir := startBroker(t), t.TempDir()
	const keys = 100
	d := &disks{of: map[string]*disk{}}
	rs := map[string]*watched{}
	begin := func(name string) {
		rs[name] = startWatched(t, standbyConfig(b, dir, name), jobGraph(nil), engine.Deps{Files: d.files}, engine.Hooks{})
	}
	settled := func() (standbys map[int32]string) {
		t.Helper()
		eventually(t, 60*time.Second, func() bool { _, standbys = copies(rs); return standbys != nil }, func() string {
			return fmt.Sprintf("a %+v; b %+v", rs["a"].Status(), rs["b"].Status())
		})
		return standbys
	}
	begin("a")
	begin("b")
	generate(t, b.Addr, 0, 2000, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	settled()
	if err := rs["b"].stop(); err != nil {
		t.Fatal(err)
	}
	folder := func(partition int32) string {
		return filepath.Join(dir, "b", jobGroup, fmt.Sprintf("%s.%d", jobTable, partition))
	}
	for p := range int32(jobParts) {
		tear(t, folder(p)) // each is an owned one or a copy when b is back
	}
	generate(t, b.Addr, 2000, 2000, keys, 0)
	begin("b")
	for p, name := range settled() {
		said := 0
		for _, line := range rs["b"].book.said("standby copy dropped, reading it from Kafka") {
			if line["folder"] == folder(p) && strings.Contains(fmt.Sprint(line["reason"]), "damaged") {
				said++
			}
		}
		if name == "b" && said != 1 {
			t.Errorf("the damaged copy of %d was dropped %d times", p, said)
		}
	}
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)

	var failing []*disk
	for p, name := range settled() {
		if name == "b" {
			failing = append(failing, d.at(folder(p)))
		}
	}
	for _, f := range failing {
		f.set(syscall.ENOSPC)
	}
	generate(t, b.Addr, 4000, 2000, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	eventually(t, 30*time.Second, func() bool {
		return len(rs["b"].book.said("a standby copy has stopped and is begun again; the group is not touched by that")) > 0
	},
		func() string { return "the full disk is not told" })
	for name, r := range rs {
		if s := r.Status(); s.State != engine.Running || s.LastError != nil {
			t.Errorf("%s is touched by its copies: %+v", name, s)
		}
	}
	for _, f := range failing {
		f.clear()
	}
	settled()
	generate(t, b.Addr, 6000, 1000, keys, 0)
	awaitEnd(t, b.Addr, jobGroup, 60*time.Second, jobIn)
	for name, r := range rs {
		if rebuilds := valueOf(t, r, "customer360_engine_rebuilds_total"); rebuilds != 0 {
			t.Errorf("%s was replaced %v times", name, rebuilds)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	verify(t, b.Addr, dir, 7000, keys)
}

// tear overwrites the middle of every file of a leveldb.
func tear(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", folder, files, err)
	}
	for _, name := range files {
		if base := filepath.Base(name); base == "LOCK" || base == "LOG" || base == "CURRENT" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(b) / 3; i < len(b)/3+40 && i < len(b); i++ {
			b[i] ^= 0x5a
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
