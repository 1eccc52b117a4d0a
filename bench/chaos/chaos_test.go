package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/internal/local/kafka/kafkatest"
)

func TestPlan(t *testing.T) {
	deck := kinds(true)
	a := plan(7, 10*time.Minute, 3, deck)
	if !reflect.DeepEqual(a, plan(7, 10*time.Minute, 3, deck)) {
		t.Error("equal seeds, different plans")
	}
	if reflect.DeepEqual(a, plan(8, 10*time.Minute, 3, deck)) {
		t.Error("different seeds, equal plans")
	}
	seen := map[Kind]int{}
	until := map[string]time.Duration{}
	for _, s := range a {
		seen[s.Kind]++
		place := fmt.Sprint(s.Process)
		if s.Kind.network() {
			place = fmt.Sprint(s.Process, services[s.Service])
		}
		if s.At < until[place] {
			t.Errorf("%+v while there is another fault until %v", s, until[place])
		}
		until[place] = s.At + s.Lasts
		if up := s.Kind == KillUp || s.Kind == PauseUp; up != (s.Process == 0) && s.Kind != Clock {
			t.Errorf("%+v strikes another process than it says", s)
		}
		if s.Offset.Abs() > maxJump || s.At >= 10*time.Minute {
			t.Errorf("%+v", s)
		}
	}
	for _, k := range deck {
		if seen[k] < len(a)/len(deck)/2 {
			t.Errorf("%s comes %d times in %d faults", k, seen[k], len(a))
		}
	}
}

// A client that knows only the proxy's address never learns another one.
func TestKafkaStaysBehindTheProxy(t *testing.T) {
	broker := kafkatest.Start(t, kafkatest.WithTopics(3, "t"))
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := own.Addr().String()
	own.Close()
	view, err := newKafkaWire(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := openLink(address, broker.Addr, view)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	var strangers []string
	dial := func(ctx context.Context, network, to string) (net.Conn, error) {
		if to != address {
			strangers = append(strangers, to)
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.Dialer(dial), kgo.DefaultProduceTopic("t"), kgo.TransactionalID("x"),
		kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, kgo.StringRecord("1")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := cl.PollRecords(ctx, 1); got.NumRecords() != 1 || got.Err() != nil {
		t.Errorf("%d records, %v", got.NumRecords(), got.Err())
	}
	if len(strangers) > 0 {
		t.Errorf("it connected to %v", strangers)
	}
}

// echo answers each byte with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func TestWhatALinkLetsPass(t *testing.T) {
	l, err := openLink("127.0.0.1:0", echo(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	// ask says whether an answer came: io.EOF and the like when the connection broke.
	ask := func(c net.Conn, wait time.Duration) error {
		c.SetDeadline(time.Now().Add(wait))
		if _, err := c.Write([]byte{'x'}); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	late := func(err error) bool { return os.IsTimeout(err) }
	const short, long = 300 * time.Millisecond, time.Minute
	c := dial()
	if err := ask(c, long); err != nil {
		t.Fatal(err)
	}
	l.set(Delay)
	if begun := time.Now(); ask(c, long) != nil || time.Since(begun) < 2*delay {
		t.Errorf("delayed, the answer was there after %v", time.Since(begun))
	}
	l.set(Stall)
	if err := ask(c, short); !late(err) {
		t.Errorf("stalled: %v", err)
	}
	l.set("")
	c.SetDeadline(time.Now().Add(long))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("what was stalled did not arrive afterwards: %v", err)
	}
	l.set(HalfOpen)
	if err := ask(c, short); !late(err) {
		t.Errorf("half open: %v", err)
	}
	l.set("")
	if err := ask(c, long); err == nil || late(err) {
		t.Errorf("half open is over, and the connection is not broken: %v", err)
	}
	c = dial()
	if err := ask(c, long); err != nil {
		t.Fatal(err)
	}
	l.set(Cut)
	if err := ask(c, long); err == nil || late(err) {
		t.Errorf("cut: %v", err)
	}
	if err := ask(dial(), long); err == nil || late(err) {
		t.Errorf("cut, a new connection: %v", err)
	}
	l.set("")
	if err := ask(dial(), long); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

// What is killed comes back; what ends by itself too, and is counted.
func TestAProcessIsKeptUp(t *testing.T) {
	out, w := io.Pipe()
	p := &process{name: "p", binary: "/bin/sh", args: []string{"-c", `trap 'exit 0' TERM; echo $$; while :; do sleep 0.1; done`}, log: w}
	p.start()
	pid := func() (pid int) {
		t.Helper()
		if _, err := fmt.Fscanln(out, &pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := pid()
	if err := p.kill(0); err != nil {
		t.Fatal(err)
	}
	second := pid()
	if len(p.ended()) != 0 {
		t.Errorf("killed, it says %v", p.ended())
	}
	process, err := os.FindProcess(second)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	third := pid()
	if first == second || second == third || len(p.ended()) != 1 {
		t.Errorf("%d, %d, %d; %v", first, second, third, p.ended())
	}
	if err := p.end(time.Minute); err != nil {
		t.Error(err)
	}
}

func TestReport(t *testing.T) {
	right := func() Report { return Report{Records: 1, Documents: 1} }
	doc := func(pairs ...string) map[string][]byte {
		m := map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = []byte(pairs[i+1])
		}
		return m
	}
	for _, c := range []struct {
		got, want map[string][]byte
		counts    [3]int
	}{
		{doc("a", "1"), doc("a", "1"), [3]int{}},
		{doc("a", "1"), doc("a", "secret"), [3]int{1}},
		{doc("a", "1", "b", "2"), doc("a", "1"), [3]int{0, 1}},
		{doc(), doc("a", "1"), [3]int{0, 0, 1}},
	} {
		r := right()
		r.compare("customer360", c.got, c.want)
		if got := [3]int{r.Differences, r.TooMany, r.Missing}; got != c.counts || r.Right() != (got == [3]int{}) {
			t.Errorf("%v and %v: %v, right %t", c.got, c.want, got, r.Right())
		}
		if strings.Contains(fmt.Sprint(r), "secret") {
			t.Error("a body is in the report")
		}
	}
	r := right()
	if r.Unexplained = []string{"t/0/1"}; r.Right() {
		t.Error("an unexplained dead letter is right")
	}
	if (Report{}).Right() {
		t.Error("nothing at all is right")
	}
}

func TestMistakesAreRefused(t *testing.T) {
	var notes bytes.Buffer
	if _, err := Run(t.Context(), Config{}, &notes); err == nil || notes.Len() > 0 {
		t.Errorf("%v, %q", err, &notes)
	}
}
