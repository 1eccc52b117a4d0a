package couchbase_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"customer360/internal/local/couchbase/couchbasetest"
)

// What SDKs ask of the management interface is answered on the same port, to
// those who know the password.
func TestManagement(t *testing.T) {
	node := couchbasetest.Start(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	ask := func(method, path, password string) (int, string) {
		t.Helper()
		q, err := http.NewRequest(method, "http://"+node.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			q.SetBasicAuth(couchbasetest.Username, password)
		}
		r, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
	for _, c := range []struct {
		method, path, password string
		want                   int
	}{
		{"GET", "/pools/default/buckets/default", couchbasetest.Password, 200},
		{"GET", "/pools/default/buckets/default", "wrong", 401},
		{"GET", "/pools/default/buckets/default", "", 401},
		{"GET", "/pools/default/buckets/other", couchbasetest.Password, 404},
		{"GET", "/", couchbasetest.Password, 404},
		{"DELETE", "/pools/default/buckets/default", couchbasetest.Password, 405},
		{"DELETE", "/pools/default/buckets/default", "", 401},
	} {
		status, body := ask(c.method, c.path, c.password)
		if status != c.want || strings.Contains(body, couchbasetest.Password) {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, body, c.want)
		}
		var bucket struct {
			Name  string
			Nodes []struct{ Hostname, Status string }
		}
		if status == 200 {
			if err := json.Unmarshal([]byte(body), &bucket); err != nil || bucket.Name != "default" || len(bucket.Nodes) != 1 || bucket.Nodes[0].Status != "healthy" || bucket.Nodes[0].Hostname != node.Addr() {
				t.Errorf("%s, %v", body, err)
			}
		}
	}
}

// A request that has no end is cut off, and others are served meanwhile.
func TestManagementIsBounded(t *testing.T) {
	node := couchbasetest.Start(t)
	conn, err := net.Dial("tcp", node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	line := "X-Header: " + strings.Repeat("x", 1000) + "\r\n"
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n"+strings.Repeat(line, 100)) // the node may close before it has read all
	if err == nil {
		_, err = bufio.NewReader(conn).ReadByte()
	}
	if err == nil {
		t.Error("a header of 100 kB is answered")
	}
	connect(t, node)
}
