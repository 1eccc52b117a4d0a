package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	sample = []file{{name: "customer360", mode: 0o755, data: []byte("binary")}, {name: "completion/customer360.bash", mode: 0o644, data: []byte("complete\n")}}
	commit = time.Unix(1795697144, 0).UTC()
)

func write(t *testing.T, zipped bool) (path string, data []byte) {
	t.Helper()
	path, err := archive(filepath.Join(t.TempDir(), "a"), "customer360_v1", zipped, sample, commit)
	if err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestSameBytes(t *testing.T) {
	for _, zipped := range []bool{false, true} {
		_, first := write(t, zipped)
		_, second := write(t, zipped)
		if !bytes.Equal(first, second) {
			t.Errorf("zip %v: two archives of the same files differ", zipped)
		}
	}
}

func TestArchivesHoldFilesModesAndTime(t *testing.T) {
	check := func(i int, name string, mode int64, at time.Time, content io.Reader) {
		t.Helper()
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if name != "customer360_v1/"+sample[i].name || mode != int64(sample[i].mode) || !at.Equal(commit) || !bytes.Equal(data, sample[i].data) {
			t.Errorf("%s, mode %o, %v, %q", name, mode, at, data)
		}
	}
	_, data := write(t, false)
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	members := tar.NewReader(plain)
	n := 0
	for h, err := members.Next(); err == nil; h, err = members.Next() {
		check(n, h.Name, h.Mode, h.ModTime, members)
		n++
	}
	_, data = write(t, true)
	zipped, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range zipped.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		check(i, f.Name, int64(f.Mode().Perm()), f.Modified, content)
	}
	if n != len(sample) || len(zipped.File) != len(sample) {
		t.Errorf("%d files in the tar, %d in the zip", n, len(zipped.File))
	}
}

func TestSumsAreThoseOfTheFiles(t *testing.T) {
	dir := t.TempDir()
	want := ""
	for _, name := range []string{"a.tar.gz", "b.zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(name)), name)
	}
	for range 2 { // its own file does not count
		if err := sums(dir); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS")); err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}
