package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// freely runs the command where the user's umask keeps nobody out.
func freely(args ...string) *exec.Cmd {
	c := exec.Command("sh", append([]string{"-c", `umask 000; exec "$0" "$@"`, os.Args[0]}, args...)...)
	c.Env = append(os.Environ(), asCommand+"=1", "TERM=dumb")
	return c
}

// Whatever the umask: nobody else can look into the folder, at any file in it.
func TestNobodyElseReadsTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	args := append([]string{"up", "--once", "--dir", dir, "--customers", "60"}, anyPorts...)
	if r := finish(t, freely(args...), 3*time.Minute); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, tail(r.err))
	}
	private(t, dir, 40)
	password := read(t, filepath.Join(dir, "couchbase.password"))
	if len(password) < 27 { // 26 letters of base32 and a newline: 130 bits
		t.Errorf("a password of %d bytes", len(password))
	}
	if text := read(t, filepath.Join(dir, "customer360.yaml")); !strings.Contains(text, "password_file: couchbase.password") || strings.Contains(text, strings.TrimSpace(password)) {
		t.Error("the configuration does not name the password's file, or holds it")
	}

	// What a folder of an older version lets others see is closed at the next start;
	// the password stays. Another folder has another one.
	for _, name := range []string{"kafka", "couchbase", "state", "couchbase.password", "customer360.yaml"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if r := finish(t, freely(args...), 3*time.Minute); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, tail(r.err))
	}
	private(t, dir, 40)
	if read(t, filepath.Join(dir, "couchbase.password")) != password {
		t.Error("another password at the second start")
	}
	other := t.TempDir()
	once(t, other, 5)
	if read(t, filepath.Join(other, "couchbase.password")) == password {
		t.Error("two folders have one password")
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func private(t *testing.T, dir string, least int) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", strings.TrimPrefix(path, dir), mode)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if files < least {
		t.Errorf("only %d files were looked at", files)
	}
}

// Nothing listens where other machines can reach it, unless it is told to.
func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip("needs Linux's /proc")
	}
	dir := t.TempDir()
	c := command(append([]string{"up", "--dir", dir, "--customers", "5", "--night", "10h"}, anyPorts...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	var all []string
	for end := time.Now().Add(2 * time.Minute); len(all) < 4; time.Sleep(100 * time.Millisecond) {
		if all = listeners(t, c.Process.Pid); time.Now().After(end) {
			t.Fatalf("it listens at %v", all)
		}
	}
	for _, address := range all {
		if !strings.HasPrefix(address, "0100007F:") && !strings.HasPrefix(address, "00000000000000000000000001000000:") {
			t.Errorf("it listens at %s", address)
		}
	}
	if c := command("config", "show", "--dir", dir); !strings.Contains(finish(t, c, time.Minute).out, "listen: 127.0.0.1:0") {
		t.Error("further instances listen elsewhere")
	}
}

var socket = regexp.MustCompile(`^socket:\[(\d+)\]$`)

// listeners are the addresses, in the kernel's hexadecimal form, at which a
// process accepts connections.
func listeners(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	own := map[string]bool{}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if m := socket.FindStringSubmatch(link); err == nil && m != nil {
			own[m[1]] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no IPv6
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if column := strings.Fields(lines.Text()); len(column) > 9 && column[3] == "0A" && own[column[9]] {
				addresses = append(addresses, column[1])
			}
		}
	}
	return addresses
}
