package instance

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
