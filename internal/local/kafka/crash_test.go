package kafka

import (
	"os"
	"path/filepath"
	"testing"
)

// removeSnapshots leaves a folder as kill -9 would: kfake writes the snapshots
// and the session state only at an end in order.
func removeSnapshots(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "snapshot.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(dir, "session_state.json"), filepath.Join(dir, "seq_windows.json")) {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}
