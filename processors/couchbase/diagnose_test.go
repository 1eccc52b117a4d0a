package couchbase

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase/couchbasetest"
)

func TestDescribeBucket(t *testing.T) {
	answers := map[string]string{
		"/pools/default/buckets/own":     `{"bucketType":"membase","evictionPolicy":"fullEviction","maxTTL":3600,"replicaNumber":2,"autoCompactionSettings":{"parallelDBAndViewCompaction":false},"purgeInterval":0.5}`,
		"/pools/default/buckets/cluster": `{"bucketType":"ephemeral","evictionPolicy":"noEviction","maxTTL":0,"replicaNumber":0,"autoCompactionSettings":false}`,
		"/settings/autoCompaction":       `{"autoCompactionSettings":{},"purgeInterval":3}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, ok := answers[r.URL.Path]
		switch {
		case user != "u" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Write([]byte(body))
		}
	}))
	defer server.Close()
	cfg := DefaultConfig()
	cfg.ConnectionString, cfg.Username, cfg.Password = "couchbase://"+strings.TrimPrefix(server.URL, "http://"), "u", "secret"
	for name, want := range map[string]Bucket{
		"own":     {"membase", "fullEviction", time.Hour, 2, 12 * time.Hour},
		"cluster": {"ephemeral", "noEviction", 0, 0, 72 * time.Hour},
	} {
		if got, err := DescribeBucket(t.Context(), cfg, name); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := DescribeBucket(t.Context(), cfg, "none"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Error(err)
	}
	cfg.Password = "another secret"
	if _, err := DescribeBucket(t.Context(), cfg, "own"); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestManagementAddresses(t *testing.T) {
	for connection, want := range map[string][]string{
		"couchbase://a,b:11210":       {"http://a:8091", "http://b:8091"},
		"couchbases://a?network=auto": {"https://a:18091"},
		"couchbase://127.0.0.1:4711":  {"http://127.0.0.1:4711", "http://127.0.0.1:8091"},
		"couchbase://[::1]":           {"http://[::1]:8091"},
	} {
		got := Config{ConnectionString: connection}.managementAddresses(strings.HasPrefix(connection, "couchbases"))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", connection, got, want)
		}
	}
}

// The probe leaves no document behind.
func TestProbeOfADoctor(t *testing.T) {
	node := couchbasetest.Start(t)
	cfg := DefaultConfig()
	cfg.ConnectionString, cfg.Username, cfg.Password = node.ConnectionString(), couchbasetest.Username, couchbasetest.Password
	target := Target{Bucket: "default"}
	client, err := Connect(t.Context(), cfg, nil, target)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 2 {
		if odd, err := client.Probe(t.Context(), target); err != nil || odd != "" {
			t.Error(odd, err)
		}
	}
	if n, err := node.Count("default"); err != nil || n != 0 {
		t.Errorf("%d documents are left, %v", n, err)
	}
}
