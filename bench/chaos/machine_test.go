package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// The test binary is a child that says what time it is, and what writing a file
// gives, for each line on its stdin.
const asChild = "CUSTOMER360_CHAOS_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(asChild); path != "" {
		for line := make([]byte, 1); ; {
			if _, err := os.Stdin.Read(line); err != nil {
				return
			}
			err := os.WriteFile(path, []byte("x"), 0o600)
			fmt.Printf("%d %t\n", time.Now().Unix(), err == nil)
		}
	}
	os.Exit(m.Run())
}

// child starts the test binary as above and returns what asks it.
func child(t *testing.T, start func(*exec.Cmd) error) (*exec.Cmd, func() (time.Time, bool)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"="+filepath.Join(t.TempDir(), "file"))
	cmd.SysProcAttr = dieWithUs()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return cmd, func() (time.Time, bool) {
		t.Helper()
		if _, err := in.Write([]byte{'\n'}); err != nil {
			t.Fatal(err)
		}
		var unix int64
		var wrote bool
		if _, err := fmt.Fscanln(out, &unix, &wrote); err != nil {
			t.Fatal(err)
		}
		return time.Unix(unix, 0), wrote
	}
}

func TestAClockJumpsForOneProcess(t *testing.T) {
	if runtime.GOOS+runtime.GOARCH != "linuxamd64" {
		t.Skip("needs the vDSO of Linux on amd64")
	}
	var c *clock
	_, ask := child(t, func(cmd *exec.Cmd) (err error) {
		c, err = startShifted(cmd, -time.Hour)
		return err
	})
	for _, offset := range []time.Duration{-time.Hour, 5 * time.Hour, 0} {
		if err := c.set(offset); err != nil {
			t.Fatal(err)
		}
		if now, _ := ask(); time.Since(now.Add(-offset)).Abs() > time.Minute {
			t.Errorf("with %v the process says %v, it is %v", offset, now, time.Now())
		}
	}
}

func TestAFullDiskIsFullUntilItIsNot(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs prlimit")
	}
	cmd, ask := child(t, (*exec.Cmd).Start)
	for _, full := range []bool{true, false, true, false} {
		act := map[bool]func(int) error{true: fillDisk, false: emptyDisk}[full]
		if err := act(cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if _, wrote := ask(); wrote == full {
			t.Errorf("full is %t, and writing a file worked: %t", full, wrote)
		}
	}
}
