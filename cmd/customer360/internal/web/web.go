// Package web serves what operators and orchestrators ask a process for:
// /metrics, /healthz (the process runs), /readyz (its parts are assigned,
// recovered and caught up), /status and, where it is asked for, /debug/pprof.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Part is one component's readiness, by name.
type Part struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	State string `json:"state,omitempty"`
}

// Server is inert until Listen and Serve.
type Server struct {
	listen   string
	mux      *http.ServeMux
	listener net.Listener
	server   *http.Server
}

// New makes a server for an address; parts says what /readyz is about.
func New(listen string, withPprof bool, gatherer prometheus.Gatherer, parts func() []Part) *Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { ready(w, parts()) })
	if withPprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return &Server{listen: listen, mux: mux, server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
}

func ready(w http.ResponseWriter, parts []Part) {
	w.Header().Set("Content-Type", "application/json")
	for _, p := range parts {
		if !p.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			break
		}
	}
	_ = json.NewEncoder(w).Encode(parts) // the asker hung up
}

// Listen takes the port, so that a used one is told before anything starts.
func (s *Server) Listen() error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("http.listen %s: %w; choose another port there, or 0 for any free one", s.listen, err)
	}
	s.listener = l
	return nil
}

// Addr is where it listens, after Listen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends; Listen must have been called.
func (s *Server) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving http: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	if served := <-done; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	return err
}
