package contest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"customer360/bench/child"
	"customer360/bench/stack"
	"customer360/internal/freeport"
	"customer360/internal/local/kafka"
)

// broker is the one that all runs of a contest have.
type broker struct {
	bootstrap string
	cpu       func() (time.Duration, error) // user and system time so far; nil: not known
	stop      func() error
}

func (c Config) startBroker(ctx context.Context) (*broker, error) {
	switch c.Broker {
	case Kfake:
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(kafka.Settings()))
		if err != nil {
			return nil, fmt.Errorf("starting the broker: %w", err)
		}
		own := func() (time.Duration, error) { u, err := child.Use(); return u.CPU, err }
		return &broker{strings.Join(cluster.ListenAddrs(), ","), own, func() error { cluster.Close(); return nil }}, nil
	case External:
		return &broker{c.Bootstrap, cpuOf(c.BrokerPID), func() error { return nil }}, nil
	}
	if err := c.needs("java", "bash"); err != nil {
		return nil, err
	}
	ports, err := freeport.Take(4)
	if err != nil {
		return nil, err
	}
	machine := stack.New(filepath.Join(c.Root, "deploy", "stack"), c.Dir, [4]int(ports))
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*patience)
		defer cancel()
		return machine.Kafka.Stop(ctx)
	}
	if err := machine.Kafka.Start(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	text, err := os.ReadFile(filepath.Join(c.Dir, "kafka", "kafka.pid"))
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the broker's pid file: %w", err), stop())
	}
	return &broker{machine.Broker(), cpuOf(pid), stop}, nil
}

func cpuOf(pid int) func() (time.Duration, error) {
	if pid == 0 {
		return nil
	}
	if _, err := child.CPUOf(pid); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return func() (time.Duration, error) { return child.CPUOf(pid) }
}

// needs says which program is missing, and what can be done without.
func (c Config) needs(programs ...string) error {
	what := map[string]string{"java": "Java 17 or later", "mvn": "Maven", "go": "Go", "bash": "bash"}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("%s is missing (no %q in PATH): install %s, or measure without Java by --broker kfake, without one peer by --contenders, as in --contenders customer360,raw-txn",
				what[p], p, what[p])
		}
	}
	return nil
}
