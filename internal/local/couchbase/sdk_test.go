package couchbase_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase"
	"customer360/internal/local/couchbase/couchbasetest"
)

// sdkCache is where `make sdk-clients` puts the SDKs of other languages.
func sdkCache(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CUSTOMER360_SDK_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no folder for the SDKs: %v", err)
	}
	return filepath.Join(dir, "customer360-sdk")
}

// Couchbase's own SDKs of other languages as clients of the node: a program of
// each (testdata/sdk) walks through what applications do, and the node is
// restarted under it. The SDKs of C++ heritage (Python, Node.js) read cluster
// maps and negotiate features in another way than gocb does.
func TestOtherSDKs(t *testing.T) {
	cache := sdkCache(t)
	source := func(name string) string { return filepath.Join("testdata", "sdk", name) }
	for name, sdk := range map[string]struct {
		installed string // is there once the SDK is
		command   []string
		env       []string
	}{
		"python": {filepath.Join(cache, "python", "bin", "python"), []string{filepath.Join(cache, "python", "bin", "python"), source("client.py")}, nil},
		"node":   {filepath.Join(cache, "node", "node_modules", "couchbase"), []string{"node", source("client.js")}, []string{"NODE_PATH=" + filepath.Join(cache, "node", "node_modules")}},
		"java":   {filepath.Join(cache, "java"), []string{"java", "-cp", filepath.Join(cache, "java", "*"), source("Client.java")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(sdk.installed); err != nil {
				t.Skipf("the SDK is not installed: `make sdk-clients` does it (looked for %s)", sdk.installed)
			}
			if _, err := exec.LookPath(sdk.command[0]); err != nil {
				t.Skipf("%s: %v", name, err)
			}
			runSDK(t, sdk.command, sdk.env)
		})
	}
}

func runSDK(t *testing.T, command, env []string) {
	dir, address := t.TempDir(), couchbasetest.FreeAddress(t)
	start := func() (stop func()) {
		_, stop = startStoppable(t, dir, func(c *couchbase.Config) { c.Listen = address })
		return stop
	}
	stop := start()
	defer func() { stop() }()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	client := exec.CommandContext(ctx, command[0], append(command[1:], "couchbase://"+address, couchbasetest.Password)...)
	client.Env = append(os.Environ(), env...)
	var complaints strings.Builder
	client.Stderr = &complaints
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	steps := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "restart":
			stop()
			stop = start()
			if _, err := io.WriteString(in, "\n"); err != nil {
				t.Error(err)
			}
		case strings.HasPrefix(line, "ok "):
			steps++
			t.Log(line)
		default:
			t.Log(line)
		}
	}
	if err := client.Wait(); err != nil {
		t.Fatalf("%v after %d steps:\n%s", err, steps, complaints.String())
	}
	const want = 2*6 + 2 // in two collections each; a wrong password, a restart
	if steps != want {
		t.Errorf("%d steps, want %d", steps, want)
	}
}
