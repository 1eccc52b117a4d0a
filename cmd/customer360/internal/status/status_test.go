package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/cmd/customer360/internal/status"
	"customer360/cmd/customer360/internal/web"
	"customer360/internal/local/kafka/kafkatest"
	"customer360/topology"
	"customer360/topology/admin"
	"customer360/topology/engine/balance"
	"customer360/topology/generation"
)

// cluster has the topics and the first generation.
func cluster(t *testing.T) (*kafkatest.Broker, topology.Graph, func() (status.Report, error)) {
	t.Helper()
	b := kafkatest.Start(t)
	s := topology.DefaultSettings()
	s.Partitions = 4
	g, err := topology.New(s)
	if err != nil {
		t.Fatal(err)
	}
	opts := []kgo.Opt{kgo.SeedBrokers(b.Addr)}
	c, err := status.New(opts, []string{b.Addr}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	collect := func() (status.Report, error) { return c.Collect(t.Context()) }
	if _, err := collect(); !errors.Is(err, status.ErrNoGeneration) {
		t.Errorf("an empty cluster: %v", err)
	}
	if _, err := admin.Create(t.Context(), b.Client(t), g, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := generation.Ensure(t.Context(), opts, g, map[string]string{"partitions": "4"}); err != nil {
		t.Fatal(err)
	}
	return b, g, collect
}

// spoken is a member of a group that says what it likes.
type spoken struct {
	kgo.GroupBalancer
	words []byte
}

func (s spoken) JoinGroupMetadata(topics []string, _ map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version, meta.Topics, meta.Generation, meta.UserData = 3, topics, generation, s.words
	return meta.AppendTo(nil)
}

func join(t *testing.T, b *kafkatest.Broker, group, instance string, words []byte, topics ...string) {
	t.Helper()
	cl := b.Client(t, kgo.ClientID(instance), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.Balancers(spoken{kgo.RangeBalancer(), words}),
		kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100*time.Millisecond))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func find(t *testing.T, r status.Report, group string) status.Group {
	t.Helper()
	i := slices.IndexFunc(r.Groups, func(g status.Group) bool { return g.Name == group })
	if i < 0 {
		t.Fatalf("no group %s in %+v", group, r.Groups)
	}
	return r.Groups[i]
}

// Groups without members are told with the part that does not run, and what
// waits for them.
func TestEmptyGroups(t *testing.T) {
	b, g, collect := cluster(t)
	b.Client(t).ProduceSync(t.Context(), &kgo.Record{Topic: g.Settings.Records(), Key: []byte("a@b.c"), Value: []byte("x")})
	r, err := collect()
	if err != nil {
		t.Fatal(err)
	}
	if missing := r.Missing(); len(missing) != len(g.Groups) || !slices.Equal(status.Stages(missing), []string{"rekey", "merge", "restpoll", "staging", "sink"}) {
		t.Errorf("missing: %+v", missing)
	}
	merge := find(t, r, g.Settings.MergeGroup())
	if merge.Lag != 1 || merge.Partitions != 4 || merge.Unassigned != 4 || merge.State != "Empty" {
		t.Errorf("merge: %+v", merge)
	}
	if len(r.Generations) != 1 || r.Generations[0].Number != 1 {
		t.Errorf("generations: %+v", r.Generations)
	}
	if text := r.Text(0); !strings.Contains(text, "! nobody works on it: no instance runs the part merge") {
		t.Error(text)
	}
}

// What members say is shown; those that cannot be asked, or say nonsense, are
// named, and the rest of the report stands.
func TestMembersAreAsked(t *testing.T) {
	b, g, collect := cluster(t)
	merge := g.Settings.MergeGroup()
	committed := time.Now().Add(-time.Second).UTC().Truncate(time.Second)
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(web.Status{Instance: "good", Parts: []web.Part{{Name: "restpoll", Ready: true, State: "circuit open"}},
			Groups: []web.Group{{Group: merge, State: "recovering", RecoveryTotal: 200, RecoveryLeft: 50, LastCommit: &committed}}})
	}))
	defer good.Close()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	at := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	words := map[string][]byte{
		"good":     balance.Member{Instance: "good", Host: "h", Address: at(good)}.Encode(),
		"endless":  balance.Member{Instance: "endless", Address: at(endless)}.Encode(),
		"gone":     balance.Member{Instance: "gone", Address: nobody}.Encode(),
		"mistaken": balance.Member{Instance: "mistaken", Address: at(good)}.Encode(),
		"evil":     balance.Member{Instance: "evil", Address: "user@127.0.0.1:1/metrics?"}.Encode(),
		"older":    nil,
		"garbage":  []byte("\x00\xff{"),
	}
	for name, w := range words {
		join(t, b, merge, name, w, g.Settings.Records())
	}
	var r status.Report
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if r, err = collect(); err == nil && len(find(t, r, merge).Members) == len(words) && find(t, r, merge).Unassigned == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %+v", err, r)
		}
	}
	problems := map[string]string{"good": "", "endless": "no status", "gone": "refused", "mistaken": `instance "good"`,
		"evil": "address that is none", "older": "gives no address", "garbage": "gives no address"}
	for _, i := range r.Instances {
		if want := problems[i.Name]; (want == "") != (i.Problem == "") || !strings.Contains(i.Problem, want) {
			t.Errorf("%s: %q, want %q", i.Name, i.Problem, want)
		}
	}
	group := find(t, r, merge)
	if len(r.Instances) != len(words) || group.LastCommit == nil || !group.LastCommit.Equal(committed) || slices.Contains(status.Stages(r.Missing()), "merge") {
		t.Errorf("%+v", r)
	}
	text := r.Text(0)
	for _, want := range []string{"recovering 75%, 50 left", "! does not answer: connect: connection refused", "restpoll circuit open", "not known"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.SplitSeq(r.Text(60), "\n") {
		if n := len([]rune(line)); n > 60 {
			t.Errorf("a line of %d: %s", n, line)
		}
	}
}

// Kafka away is an error that says where it was looked for.
func TestKafkaAway(t *testing.T) {
	b, _, _ := cluster(t)
	b.Stop()
	c, err := status.New([]kgo.Opt{kgo.SeedBrokers(b.Addr)}, []string{b.Addr}, topology.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Collect(t.Context()); err == nil || !strings.Contains(err.Error(), b.Addr) || !strings.Contains(err.Error(), "kafka at") {
		t.Errorf("%v", err)
	}
}

// A page is repainted line by line: none may be longer than the screen is wide.
func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{{"abcdé", 2, "ab\ncd\né"}, {"abcd", 4, "abcd"}, {"abcd", 0, "abcd"}, {"", 3, ""}} {
		if got := status.Wrap(c.text, c.width); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestRanges(t *testing.T) {
	for want, p := range map[string][]int32{"": nil, "3": {3}, "0-2,4,6-7": {0, 1, 2, 4, 6, 7}} {
		if got := status.Ranges(p); got != want {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
}
