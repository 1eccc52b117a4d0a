package plant

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// served is a process, this one, that serves a registry's metrics.
func served(t *testing.T, r *prometheus.Registry) *Process {
	t.Helper()
	s := httptest.NewServer(http.StripPrefix("/metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{})))
	t.Cleanup(s.Close)
	return &Process{Name: "test", HTTP: s.URL, ended: make(chan struct{})}
}

func TestAQuantileIsOfWhatCameBetweenTwoLooks(t *testing.T) {
	r := prometheus.NewRegistry()
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pause", Buckets: []float64{.001, .005, .01}}, []string{"group"})
	r.MustRegister(h)
	q := served(t, r)
	look := func() Figures {
		f, err := q.Figures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	labels := map[string]string{"group": "merge.g1"}
	h.WithLabelValues("other").Observe(3)
	h.WithLabelValues("merge.g1").Observe(5) // before the first look
	before := look().Histogram("pause", labels)
	if v := Quantile(.99, before, look().Histogram("pause", labels)); !math.IsNaN(v) {
		t.Errorf("nothing came: %v", v)
	}
	for range 100 {
		h.WithLabelValues("merge.g1").Observe(.003)
	}
	if v := Quantile(.5, before, look().Histogram("pause", labels)); math.Abs(v-.003) > 1e-9 {
		t.Errorf("the median of a hundred in the bucket from 1 to 5 ms is %v", v)
	}
	for range 100 {
		h.WithLabelValues("merge.g1").Observe(1)
	}
	if v := Quantile(.99, before, look().Histogram("pause", labels)); v != .01 {
		t.Errorf("above the highest bound: %v", v)
	}
}

func TestValuesAreSumsOverMatchingLabels(t *testing.T) {
	r := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "records_total"}, []string{"group", "outcome"})
	r.MustRegister(c)
	c.WithLabelValues("a", "x").Add(1)
	c.WithLabelValues("a", "y").Add(2)
	c.WithLabelValues("b", "y").Add(4)
	f, err := served(t, r).Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a, all := f.Value("records_total", map[string]string{"group": "a"}), f.Value("records_total", nil); a != 3 || all != 7 {
		t.Errorf("a: %v, all: %v", a, all)
	}
}

func TestPercentilesAreOfTheNearestRank(t *testing.T) {
	var sorted []time.Duration
	for i := range 1000 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{0: 1, .5: 500, .99: 990, .999: 999, 1: 1000} {
		if got := Percentile(sorted, q); got != want {
			t.Errorf("%v: %d, want %d", q, got, want)
		}
	}
	if got := Percentile(sorted[:1], .999); got != 1 {
		t.Errorf("of one: %d", got)
	}
}

func TestAGroupIsSharedWhenAllMembersRunWithTheirCopies(t *testing.T) {
	type says = struct {
		State    string
		Standbys []struct{ Current bool }
	}
	with := func(change func(g groups)) groups {
		g := make(groups, 1)
		g[0].Group = "merge.g1"
		for _, name := range []string{"a", "b"} {
			m := append(g[0].Members, struct {
				Instance string
				Standby  []int32
				Says     *struct {
					State    string
					Standbys []struct{ Current bool }
				}
			}{Instance: name, Standby: []int32{1}, Says: &says{State: "running", Standbys: []struct{ Current bool }{{true}}}})
			g[0].Members = m
		}
		change(g)
		return g
	}
	if why := with(func(groups) {}).shared("merge.g1", 2); why != "" {
		t.Error(why)
	}
	for name, change := range map[string]func(g groups){
		"a partition without an owner": func(g groups) { g[0].Unassigned = 1 },
		"one recovers":                 func(g groups) { g[0].Members[1].Says.State = "recovering" },
		"one does not answer":          func(g groups) { g[0].Members[0].Says = nil },
		"a copy is behind":             func(g groups) { g[0].Members[0].Says.Standbys[0].Current = false },
		"one has left":                 func(g groups) { g[0].Members = g[0].Members[:1] },
		"another group":                func(g groups) { g[0].Group = "sink.g1" },
	} {
		if with(change).shared("merge.g1", 2) == "" {
			t.Errorf("%s: it counts as shared", name)
		}
	}
}

// A process that has ended says so, with the end of its log, and has used
// something.
func TestAProcessThatEndedByItselfIsAnErrorWithItsLog(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	p := &Plant{Dir: t.TempDir()}
	q, err := p.Start("fails", []string{"WORD=broken"}, sh, "-c", "echo $WORD >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Output()
	if err == nil || q.Alive() == nil {
		t.Fatalf("no error: %v, %v", err, q.Alive())
	}
	for _, want := range []string{"fails", "exit status 3", "broken"} {
		if !strings.Contains(err.Error(), want) || !strings.Contains(q.Alive().Error(), want) {
			t.Errorf("no %q in %v and %v", want, err, q.Alive())
		}
	}
	if err := q.Stop(); err == nil {
		t.Error("its end counts as one in order")
	}
}

// cat ends with its input: what stops a peer.
func TestAPeerEndsWithItsInput(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("no cat")
	}
	p := &Plant{Dir: t.TempDir()}
	q, err := p.Start("peer", nil, cat)
	if err != nil {
		t.Fatal(err)
	}
	q.peer = true
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		if u, err := q.Usage(); err != nil || u.RSS <= 0 {
			t.Errorf("it runs and has used %+v, %v", u, err)
		}
	}
	if err := q.Stop(); err != nil {
		t.Error(err)
	}
}
