package plant

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"customer360/bench/result"
)

// Peer is Kafka Streams in the place of merge: bench/peers/streams, with the
// options that are tuned there. It reads JSON records.
type Peer struct {
	Contender string // result.StreamsEOS or StreamsALO
	classpath string
}

// heap of the peer's JVM: see bench/peers/README.md.
var heap = []string{"-Xms256m", "-Xmx256m", "-XX:+UseSerialGC"}

// BuildStreams builds the peer from its sources in the folder source
// (bench/peers/streams) into the folder target.
func BuildStreams(ctx context.Context, source, target string) (Peer, error) {
	if _, err := exec.LookPath("mvn"); err != nil {
		return Peer{}, fmt.Errorf("building Kafka Streams takes Maven, and running it Java 17: install both, or leave it out with --streams '': %w", err)
	}
	target, err := filepath.Abs(target)
	if err != nil {
		return Peer{}, err
	}
	out, err := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(source, "pom.xml"), "package", "-Dstreams.target="+target).CombinedOutput()
	if err != nil {
		return Peer{}, fmt.Errorf("building %s: %w: %s", source, err, out)
	}
	return Peer{Contender: result.StreamsEOS, classpath: filepath.Join(target, "streams.jar") + ":" + filepath.Join(target, "lib", "*")}, nil
}

func (x Peer) guarantee() string {
	if x.Contender == result.StreamsALO {
		return "at_least_once"
	}
	return "exactly_once_v2"
}

// RunPeer starts a peer in the place of merge. mode is serve, which goes on until
// it is stopped, or restore, which ends when the state is complete.
func (p *Plant) RunPeer(name string, x Peer, mode string) (*Process, error) {
	s := p.Graph.Settings
	args := append(heap[:len(heap):len(heap)], "-cp", x.classpath, "Streams", "--mode", mode, "--name", x.Contender, "--guarantee", x.guarantee(),
		"--bootstrap", p.Broker, "--app", s.MergeGroup(), "--in", s.Records(), "--out", s.Documents(), "--generation", strconv.Itoa(s.Generation),
		"--state-dir", p.State(name))
	q, err := p.Start(name, nil, "java", args...)
	if err != nil {
		return nil, err
	}
	q.peer = true
	return q, nil
}

// Used is what a peer prints at its end.
type Used struct {
	Seconds float64 `json:"seconds"` // of a restore: from the start of its JVM until it runs
	CPU     float64 `json:"cpu_seconds_process"`
	RSS     float64 `json:"rss_peak_mib"`
	Job     string  `json:"job"` // its settings
}

// Used waits for its end.
func (q *Process) Used() (u Used, err error) {
	out, err := q.Output()
	if err != nil {
		return u, err
	}
	if err := json.Unmarshal(out, &u); err != nil {
		return u, fmt.Errorf("what %s printed: %w", q.Name, err)
	}
	return u, nil
}
