package couchbase

import (
	"bufio"
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The part of the management interface that SDKs ask for before they work: Java's
// waitUntilReady wants to hear that the bucket's nodes are healthy. It is on the
// same port, and told from the binary protocol by its first byte.

const (
	maxManagementRequest = 64 << 10
	managementPatience   = 10 * time.Second
)

// isManagement looks at the first byte of a connection: a method's name, or the
// magic of a packet.
func isManagement(r *bufio.Reader) bool {
	first, err := r.Peek(1)
	return err == nil && first[0] >= 'A' && first[0] <= 'Z'
}

// manage answers one HTTP request and ends the connection.
func (c *connection) manage() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(managementPatience)); err != nil {
		return err
	}
	request, err := http.ReadRequest(bufio.NewReader(io.LimitReader(c.r, maxManagementRequest)))
	if err != nil {
		return fmt.Errorf("a management request: %w", err)
	}
	status, value := c.node.management(request, c.certified())
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("a management answer: %w", err)
	}
	answer := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: request}
	if status == http.StatusUnauthorized {
		answer.Header.Set("WWW-Authenticate", `Basic realm="Couchbase"`)
	}
	var out bytes.Buffer
	if err := answer.Write(&out); err != nil {
		return fmt.Errorf("a management answer: %w", err)
	}
	return c.send(out.Bytes())
}

// managedNode and managedBucket are what is told of them.
type (
	managedNode struct {
		Hostname          string         `json:"hostname"`
		Status            string         `json:"status"`
		ClusterMembership string         `json:"clusterMembership"`
		ThisNode          bool           `json:"thisNode"`
		Ports             map[string]int `json:"ports"`
	}
	managedBucket struct {
		Name        string        `json:"name"`
		BucketType  string        `json:"bucketType"`
		UUID        string        `json:"uuid"`
		NodeLocator string        `json:"nodeLocator"`
		Nodes       []managedNode `json:"nodes"`
	}
)

func (n *Node) management(r *http.Request, certified bool) (status int, body any) {
	user, password, _ := r.BasicAuth()
	known := subtle.ConstantTimeCompare([]byte(user), []byte(n.credentials.username))
	if known&subtle.ConstantTimeCompare([]byte(password), []byte(n.credentials.password)) != 1 && !certified {
		return http.StatusUnauthorized, []string{}
	}
	if r.Method != http.MethodGet {
		return http.StatusMethodNotAllowed, "Method Not Allowed"
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/pools/default/buckets/")
	b := n.buckets[name]
	if !ok || b == nil {
		return http.StatusNotFound, "Requested resource not found."
	}
	return http.StatusOK, managedBucket{Name: name, BucketType: "membase", UUID: fmt.Sprintf("%016x", b.state.seed), NodeLocator: "vbucket",
		Nodes: []managedNode{{Hostname: n.address, Status: "healthy", ClusterMembership: "active", ThisNode: true, Ports: map[string]int{"direct": n.port}}}}
}
