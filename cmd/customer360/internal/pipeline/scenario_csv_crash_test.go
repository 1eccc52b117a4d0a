package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/codec"
	"customer360/emitters/csvdir"
	"customer360/topology"
)

// The test binary is an importer that kills itself when this is set: to a
// doomed, as JSON.
const asImporter = "CUSTOMER360_TEST_AS_IMPORTER"

// doomed is an importer, and the record at whose production it dies.
type doomed struct {
	Config        config.Config
	Instance, Dir string
	Record        int64
}

// crashRows is how many rows a transaction of the doomed importer holds: so
// that some of a file is committed, and some is open.
const crashRows = 10

func importUntilKilled(text string) int {
	var d doomed
	err := json.Unmarshal([]byte(text), &d)
	if err == nil {
		cfg := ImporterConfig(d.Config, d.Dir, d.Instance)
		cfg.TransactionRows = crashRows
		kill := &killAtRecord{}
		kill.left.Store(d.Record)
		var i *csvdir.Importer
		i, err = csvdir.New(cfg, csvdir.Deps{Kafka: []kgo.Opt{kgo.SeedBrokers(d.Config.Kafka.Brokers...), kgo.WithHooks(kill)}})
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			err = i.Run(ctx)
		}
	}
	fmt.Fprintln(os.Stderr, "the importer was not killed:", err)
	return 1
}

// killAtRecord ends its own process by kill -9 at the n-th record about members.
type killAtRecord struct{ left atomic.Int64 }

func (k *killAtRecord) OnProduceRecordBuffered(r *kgo.Record) {
	if r.Topic != topology.FilesTopic && k.left.Add(-1) == 0 {
		time.Sleep(20 * time.Millisecond) // what came before is on its way to the broker
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {}
	}
}

// dieImporting runs an importer in a process of its own up to a record.
func (c *cluster) dieImporting(instance string, record int) {
	c.t.Helper()
	text, err := json.Marshal(doomed{c.config, instance, c.in(instance), int64(record)})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asImporter+"="+string(text))
	cmd.Stderr = c.t.Output()
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || ctx.Err() != nil {
		c.t.Fatalf("the importer did not die by kill -9 at record %d but: %v", record, err)
	}
}

const (
	crashMembers = 60
	crashNights  = 10
	// crashRecords is what a night writes: a row for each but 3 who are absent
	// and 1 without a usable email, whose row is a dead letter and who is
	// withdrawn, as are the 3.
	crashRecords = crashMembers - 4 + 1 + 1 + 3
)

// crashNight is a night's file and the documents behind it.
func crashNight(n int) (rows []string, want map[string]string) {
	rows, want = []string{csvHeader}, map[string]string{}
	for id := 1; id <= crashMembers; id++ {
		switch text := fmt.Sprintf("night %d", n); {
		case n > 0 && (id-1)/3 == n: // absent
		case n > 0 && id == 60-n:
			rows = append(rows, strings.Replace(member(id, text), "@", " at ", 1))
		default:
			rows = append(rows, member(id, text))
			want[fmt.Sprintf("m%d@example.org", id)] = ofMember(id, text)
		}
	}
	return rows, want
}

// crashStory imports the nights; kill says before which record of a night's the
// importer dies first, 0: it does not.
func crashStory(c *cluster, begin time.Time, kill func(night int) int) {
	c.t.Helper()
	c.run("one", "rekey", "merge", "restpoll", "staging", "sink")
	for n := 0; n <= crashNights; n++ {
		rows, want := crashNight(n)
		c.csvAt(fmt.Sprintf("night%d.csv", n), begin.Add(time.Duration(n)*time.Hour), rows...)
		if at := kill(n); at > 0 {
			c.dieImporting("csv", at)
		}
		i := c.run("csv", "csvdir")
		c.expect(want)
		i.stop()
	}
	letters := c.letters()
	if len(letters) != crashNights {
		c.t.Errorf("%d dead letters, want one a night: %d", len(letters), crashNights)
	}
}

// membersLog is all that was ever written about members, with its positions.
func (c *cluster) membersLog() string {
	c.t.Helper()
	records := c.everRaw()
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return cmp.Compare(a.Partition, b.Partition) })
	var log strings.Builder
	for _, r := range records {
		if r.Topic != topology.LoyaltyTopic {
			continue
		}
		fmt.Fprintf(&log, "%d %s %x null=%t", r.Partition, r.Key, codec.HashOf(r.Value), r.Value == nil)
		for _, h := range r.Headers {
			fmt.Fprintf(&log, " %s=%s", h.Key, h.Value)
		}
		log.WriteByte('\n')
	}
	return log.String()
}

// The importer's process is killed at every tenth of a file, each time of
// another night's, and started again: the same bytes, down to the raw topic.
func TestScenario16_csv_crash_mid_file(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-100 * time.Hour).Truncate(time.Second)
	undisturbed := start(t)
	crashStory(undisturbed, begin, func(int) int { return 0 })
	want, staged, log := undisturbed.documents("customer360"), undisturbed.documents("staging"), undisturbed.membersLog()
	if n := strings.Count(log, "\n"); n != crashMembers+crashNights*(crashRecords-1) {
		t.Fatalf("the calm run wrote %d records, want %s", n, strconv.Itoa(crashMembers+crashNights*(crashRecords-1)))
	}
	scenario(t, func(c *cluster) {
		crashStory(c, begin, func(night int) int { return crashRecords * night / crashNights })
		if d := difference(want, c.documents("customer360")); d != "" {
			c.t.Error(d)
		}
		if d := difference(staged, c.documents("staging")); d != "" {
			c.t.Error("staging: ", d)
		}
		if c.membersLog() != log {
			c.t.Errorf("%s differs from that of a run that nobody killed", topology.LoyaltyTopic)
		}
		c.sameBytes()
	})
}
