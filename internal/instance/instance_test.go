package instance

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestSlotsAreTakenInOrderAndGivenBack(t *testing.T) {
	dir := t.TempDir()
	a, err := Claim(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Claim(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if a.Name == b.Name || filepath.Base(a.Dir) != "0" || filepath.Base(b.Dir) != "1" {
		t.Errorf("%+v, %+v", a, b)
	}
	if err := a.Release(); err != nil {
		t.Fatal(err)
	}
	c, err := Claim(dir, "")
	if err != nil || c.Name != a.Name || c.Dir != a.Dir {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestANamedInstanceRunsOnce(t *testing.T) {
	dir := t.TempDir()
	s, err := Claim(dir, "../blue 1")
	if err != nil || filepath.Dir(s.Dir) != dir {
		t.Fatalf("%+v, %v", s, err)
	}
	_, err = Claim(dir, "../blue 1")
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Error(err)
	}
	if held, pid := Held(filepath.Join(s.Dir, "lock")); !held || pid != strconv.Itoa(os.Getpid()) {
		t.Error(held, pid)
	}
	_ = s.Release()
	if held, _ := Held(filepath.Join(s.Dir, "lock")); held {
		t.Error("still held")
	}
}

// TestFoldersTellNamesApart: two folders on one host give two names, each the
// same at every start, also where several processes begin at once.
func TestFoldersTellNamesApart(t *testing.T) {
	names := map[string]bool{}
	for range 2 {
		dir := filepath.Join(t.TempDir(), "state")
		slots := make([]*Slot, 8)
		var wg sync.WaitGroup
		for i := range slots {
			wg.Go(func() {
				var err error
				if slots[i], err = Claim(dir, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, s := range slots {
			if s == nil || names[s.Name] {
				t.Fatalf("%+v beside %v", s, names)
			}
			names[s.Name] = true
			if err := s.Release(); err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			s, err := Claim(dir, "")
			if err != nil || !names[s.Name] {
				t.Fatalf("%+v, %v", s, err)
			}
			_ = s.Release()
		}
		prefixes := map[string]bool{}
		for _, s := range slots {
			prefixes[strings.TrimSuffix(s.Name, "-"+filepath.Base(s.Dir))] = true
		}
		if len(prefixes) != 1 {
			t.Errorf("several marks in one folder: %v", prefixes)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, markFile+".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestAnOlderFolderKeepsItsNames: transactional ids of before go on.
func TestAnOlderFolderKeepsItsNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "0"), 0o700); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Claim(dir, "")
	if err != nil || s.Name != safe(host)+"-0" {
		t.Errorf("%+v, %v", s, err)
	}
}
