package web

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"time"
)

// Status is what this process says of itself at /status.
type Status struct {
	Instance string  `json:"instance"`
	Parts    []Part  `json:"parts"`
	Groups   []Group `json:"groups"`
}

// Group is this process's part in a goka group.
type Group struct {
	Group         string     `json:"group"`
	State         string     `json:"state"` // starting, recovering, running, stopped
	Partitions    []int32    `json:"partitions"`
	Lag           int64      `json:"lag"` // records, of these partitions
	CaughtUp      bool       `json:"caught_up"`
	Recovered     int64      `json:"recovered"`      // changelog records read by the recovery under way, or the last one
	RecoveryTotal int64      `json:"recovery_total"` // offsets that it has to cover
	RecoveryLeft  int64      `json:"recovery_left"`
	Standbys      []Standby  `json:"standbys"`
	LastCommit    *time.Time `json:"last_commit,omitempty"`
	LastError     string     `json:"last_error,omitempty"`
	LastErrorAt   *time.Time `json:"last_error_at,omitempty"`
}

// Standby is a copy that the process keeps of another one's partition.
type Standby struct {
	Partition int32 `json:"partition"`
	Lag       int64 `json:"lag"` // offsets behind the changelog's stable end; -1: not known
	Current   bool  `json:"current"`
}

// ServeStatus adds /status; it must be called before Run.
func (s *Server) ServeStatus(status func() Status) {
	s.mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status()) // the asker hung up
	})
}

// Advertised is where others reach the server, after Listen: the configured
// address, or the one that it listens on, with the host's name where that names
// no host.
func (s *Server) Advertised(configured string) string {
	if configured != "" {
		return configured
	}
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return s.Addr()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, port)
}
