package contest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"customer360/bench/child"
)

// jvm is what Kafka Streams runs with: tuned, see bench/peers/README.md.
var jvm = []string{"-Xms256m", "-Xmx256m", "-XX:+UseSerialGC"}

// launcher starts contenders as processes.
type launcher struct {
	cfg  Config
	self string // customer360-bench
}

// build makes the peers that take part.
func (c Config) build(ctx context.Context) (*launcher, error) {
	self, err := child.Self()
	if err != nil {
		return nil, err
	}
	l := &launcher{c, self}
	if slices.ContainsFunc(c.Contenders, Contender.Java) {
		if err := c.needs("java", "mvn"); err != nil {
			return nil, err
		}
		if err := command(ctx, "mvn", "-q", "-B", "-f", l.peers("streams", "pom.xml"), "package", "-Dstreams.target="+l.at("streams")); err != nil {
			return nil, err
		}
	}
	if slices.Contains(c.Contenders, GokaStock) {
		if err := c.needs("go"); err != nil {
			return nil, err
		}
		if err := command(ctx, "go", "-C", l.peers(), "build", "-o", l.at("goka-stock"), "./goka-stock"); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *launcher) at(name string) string { return filepath.Join(l.cfg.Dir, name) }

func (l *launcher) peers(names ...string) string {
	return filepath.Join(append([]string{l.cfg.Root, "bench", "peers"}, names...)...)
}

func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// argv of a contender that works in a place, its state in a folder.
func (l *launcher) argv(c Contender, bootstrap string, p Place, state string) []string {
	records, warmup := strconv.Itoa(l.cfg.Load.Records), strconv.Itoa(l.cfg.Warmup)
	names := func(dashes, group string) []string {
		return []string{dashes + "bootstrap", bootstrap, dashes + group, p.Group(), dashes + "in", p.Records(), dashes + "out", p.Documents(),
			dashes + "generation", strconv.Itoa(p.Graph.Settings.Generation), dashes + "records", records, dashes + "warmup", warmup, dashes + "state-dir", state}
	}
	switch c {
	case StreamsEOS, StreamsALO:
		guarantee := "exactly_once_v2"
		if c == StreamsALO {
			guarantee = "at_least_once"
		}
		jars := l.at("streams")
		argv := append([]string{"java"}, jvm...)
		argv = append(argv, "-cp", filepath.Join(jars, "streams.jar")+string(os.PathListSeparator)+filepath.Join(jars, "lib", "*"), "Streams",
			"--name", string(c), "--guarantee", guarantee)
		return append(argv, names("--", "app")...)
	case GokaStock:
		return append([]string{l.at("goka-stock")}, names("-", "group")...)
	}
	return []string{l.self, "contend", string(c), "--bootstrap", bootstrap, "--records", records, "--warmup", warmup,
		"--partitions", strconv.Itoa(int(l.cfg.Partitions)), "--commit-interval", l.cfg.CommitInterval.String(), "--dir", state}
}

// launch runs a contender as a process, to its end. Its log is a file, which is
// named where it fails.
func (l *launcher) launch(ctx context.Context, c Contender, bootstrap string, p Place) (m Measurement, err error) {
	state := l.at("state")
	if err := os.RemoveAll(state); err != nil {
		return m, err
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		return m, err
	}
	log, err := os.Create(l.at(string(c) + ".log"))
	if err != nil {
		return m, err
	}
	defer log.Close() //nolint:errcheck // it is written by the process
	ctx, cancel := context.WithTimeoutCause(ctx, l.cfg.Limit, fmt.Errorf("it took more than %v", l.cfg.Limit))
	defer cancel()
	argv := l.argv(c, bootstrap, p, state)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second // then it is killed
	cmd.Stderr = log
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return m, fmt.Errorf("%w, its log is %s", context.Cause(ctx), log.Name())
	}
	if err != nil {
		return m, fmt.Errorf("its process: %w, its log is %s:\n%s", err, log.Name(), tail(log.Name()))
	}
	if err := json.Unmarshal(lastLine(out), &m); err != nil {
		return m, fmt.Errorf("what it printed: %w: %.200q", err, out)
	}
	if err := m.plausible(int64(l.cfg.Load.Records)); err != nil {
		return m, fmt.Errorf("%w: %w: %s", ErrVoid, err, lastLine(out))
	}
	// The kernel knows all of it, to the last moment.
	m.Process = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return m, os.RemoveAll(state)
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}

// tail is the end of a log, for an error's text.
func tail(name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(b[max(0, len(b)-2000):])
}
