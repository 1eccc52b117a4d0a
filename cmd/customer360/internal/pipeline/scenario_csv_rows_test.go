package pipeline

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"customer360/cmd/customer360/internal/config"
	"customer360/emitters/csvdir"
	"customer360/topology"
)

// A file that is still being written is not read. Only a machine that lets the
// writer sleep for longer than a file must rest can make it look complete: then
// the attempt says nothing.
func TestScenario19_csv_growing(t *testing.T) {
	const rest = 1500 * time.Millisecond
	slow := func(c *config.Config) { c.Loyalty.Stable = rest }
	scenario(t, func(c *cluster) {
		r := c.run("one")
		c.until("the importer watches", r.Importer().Ready)
		for attempt := 1; ; attempt++ {
			name := strings.Repeat("x", attempt) + ".csv"
			longest, read := c.grow(r.Importer(), name, members(1, 30, "7"))
			if longest >= rest/2 && attempt < 5 {
				c.until("what was written is decided about", r.Importer().Idle)
				continue
			}
			if read != "" {
				c.t.Fatalf("a growing file was read: %s", read)
			}
			break
		}
		c.expect(ofMembers(1, 30, "7"))
		c.noLetters()
		c.sameBytes()
	}, slow)
}

// grow writes a file row by row, for longer than a complete one must rest. It
// returns the longest pause between two writes, and what the importer did
// meanwhile.
func (c *cluster) grow(i *csvdir.Importer, name string, rows []string) (longest time.Duration, read string) {
	c.t.Helper()
	f, err := os.Create(c.config.Loyalty.Folder + "/" + name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // written through
	before, last := c.wrote(topology.LoyaltyTopic), time.Now()
	for n, row := range append([]string{csvHeader}, rows...) {
		if _, err := f.WriteString(row + "\n"); err != nil {
			c.t.Fatal(err)
		}
		longest, last = max(longest, time.Since(last)), time.Now()
		if s := i.Status(); n > 0 && (s.Current != nil && s.Current.Name == name || s.Last != nil && s.Last.Name == name) {
			read = string(s.State)
		}
		if i.Idle() {
			read = "idle while a file is waited for"
		}
		time.Sleep(80 * time.Millisecond) // the pace of the writer
	}
	if c.wrote(topology.LoyaltyTopic) > before && read == "" {
		read = "records are there"
	}
	return max(longest, time.Since(last)), read
}

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) with(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

// Two rows of one id: the later one counts, with one warning.
func TestScenario20_csv_duplicate_ids(t *testing.T) {
	scenario(t, func(c *cluster) {
		c.run("one", "rekey", "merge", "restpoll", "staging", "sink")
		log := &lines{}
		i := c.importer(log)
		c.csv("night.csv", time.Hour, csvHeader, member(1, "first"), member(2, "2"), "3,secret,Other,Person,m3@example.org,9",
			member(1, "later"), member(3, "3"))
		c.until("the file is imported", i.Idle)
		want := ofMembers(1, 3, "3")
		want["m1@example.org"], want["m2@example.org"] = ofMember(1, "later"), ofMember(2, "2")
		c.expect(want)
		if got := c.wrote(topology.LoyaltyTopic); got != 3 {
			c.t.Errorf("%d records, want one for each id: 3", got)
		}
		warnings := log.with("level=WARN")
		if len(warnings) != 1 || !strings.Contains(warnings[0], "more than once: the later row counts") || !strings.Contains(warnings[0], "rows=2") {
			c.t.Errorf("warnings: %q, want one, of two rows", warnings)
		}
		if len(log.with("secret")) > 0 {
			c.t.Error("the log shows a password")
		}
		c.noLetters()
		c.sameBytes()
	})
}

// importer runs csvdir as the pipeline does, with a log to look into.
func (c *cluster) importer(log *lines) *csvdir.Importer {
	c.t.Helper()
	i, err := csvdir.New(ImporterConfig(c.config, c.in("csv"), "csv"), csvdir.Deps{Kafka: c.kafka,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Errorf("the importer ended with: %v", err)
		}
	})
	c.until("the importer is ready", i.Ready)
	return i
}

// points keeps what the source sent in the column, whatever it is.
func points(t *testing.T, sent ...string) {
	scenario(t, func(c *cluster) {
		c.run("one")
		rows, want := []string{csvHeader}, map[string]string{}
		for n, p := range sent {
			rows = append(rows, member(n+1, p))
			for key, body := range ofMembers(n+1, n+1, strings.Trim(p, `"`)) {
				want[key] = body
			}
		}
		c.csv("night.csv", time.Hour, rows...)
		c.expect(want)
		c.noLetters()
		c.sameBytes()
	})
}

func TestScenario20_csv_points_zero(t *testing.T) { points(t, "0", "00", "0.0", "-0") }

func TestScenario20_csv_points_text(t *testing.T) {
	points(t, "many", "1e3", "12345678901234567890123", `"4,711"`, "n/a", "null", "true")
}
