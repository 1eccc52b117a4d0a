package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestEndpoints(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	reg := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total", Help: "h"})
	reg.MustRegister(counter)
	var ready atomic.Bool
	s := New("127.0.0.1:0", false, reg, func() []Part { return []Part{{Name: "a", Ready: true}, {Name: "b", Ready: ready.Load()}} })
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	base := "http://" + s.Addr()
	if code, body := get(t, base+"/metrics"); code != 200 || !strings.Contains(body, "c_total 0") {
		t.Error(code, body)
	}
	if code, _ := get(t, base+"/healthz"); code != 200 {
		t.Error(code)
	}
	if code, body := get(t, base+"/readyz"); code != 503 || !strings.Contains(body, `"b"`) {
		t.Error(code, body)
	}
	ready.Store(true)
	if code, _ := get(t, base+"/readyz"); code != 200 {
		t.Error(code)
	}
	if code, _ := get(t, base+"/debug/pprof/"); code != 404 {
		t.Error("pprof is served without being asked for:", code)
	}
	other := New(s.Addr(), false, reg, nil)
	if err := other.Listen(); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
