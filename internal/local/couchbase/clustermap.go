package couchbase

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/couchbase/gocbcore/v10/memd"
)

// mapVersion orders cluster maps: by epoch, then by revision.
type mapVersion struct{ epoch, revision int64 }

// The shapes of a cluster map that SDKs read.
type (
	mapServices struct {
		KV   int `json:"kv"`
		Mgmt int `json:"mgmt"` // SDKs want it, even where nothing listens there

		KVTLS   int `json:"kvSSL,omitempty"`
		MgmtTLS int `json:"mgmtSSL,omitempty"`
	}
	mapNodeExt struct {
		Services mapServices `json:"services"`
		ThisNode bool        `json:"thisNode"`
	}
	mapNode struct {
		Hostname string `json:"hostname"`
		Ports    struct {
			Direct int `json:"direct"`
		} `json:"ports"`
	}
	mapVBuckets struct {
		HashAlgorithm string   `json:"hashAlgorithm"`
		NumReplicas   int      `json:"numReplicas"`
		ServerList    []string `json:"serverList"`
		VBucketMap    [][]int  `json:"vBucketMap"`
	}
	clusterMap struct {
		Revision           int64        `json:"rev"`
		Epoch              int64        `json:"revEpoch"`
		Name               string       `json:"name,omitempty"`
		UUID               string       `json:"uuid,omitempty"`
		NodeLocator        string       `json:"nodeLocator,omitempty"`
		Nodes              []mapNode    `json:"nodes,omitempty"`
		NodesExt           []mapNodeExt `json:"nodesExt"`
		VBuckets           *mapVBuckets `json:"vBucketServerMap,omitempty"`
		BucketCapabilities []string     `json:"bucketCapabilities,omitempty"`
	}
)

// globalMap is the map without a bucket: the nodes only. portTLS is 0 for none.
func globalMap(v mapVersion, port, portTLS int) clusterMap {
	return clusterMap{Revision: v.revision, Epoch: v.epoch, NodesExt: []mapNodeExt{{mapServices{port, port, portTLS, portTLS}, true}}}
}

// bucketMap gives all vbuckets to this node. $HOST stands for the name by which
// the client reached it.
func bucketMap(v mapVersion, port, portTLS int, b *bucket, withoutScans bool) clusterMap {
	m := globalMap(v, port, portTLS)
	m.Name, m.UUID, m.NodeLocator = b.name, fmt.Sprintf("%016x", b.state.seed), "vbucket"
	m.Nodes = []mapNode{{Hostname: fmt.Sprintf("$HOST:%d", port)}}
	m.Nodes[0].Ports.Direct = port
	m.VBuckets = &mapVBuckets{HashAlgorithm: "CRC", ServerList: []string{fmt.Sprintf("$HOST:%d", port)}}
	for range vbuckets {
		m.VBuckets.VBucketMap = append(m.VBuckets.VBucketMap, []int{0})
	}
	m.BucketCapabilities = []string{"collections", "durableWrite", "tombstonedUserXAttrs", "couchapi", "subdoc.ReplaceBodyWithXattr",
		"subdoc.DocumentMacroSupport", "subdoc.ReviveDocument", "subdoc.AccessDeleted", "subdoc.ReplicaRead", "preserveExpiry",
		"cbhello", "touch", "cccp", "nodesExt", "xattr"}
	if !withoutScans {
		m.BucketCapabilities = append(m.BucketCapabilities, "rangeScan")
	}
	return m
}

// renderMaps makes the maps once the ports are known.
func (n *Node) renderMaps() error {
	// A start later has a newer map: the port may be another.
	n.mapVersion = mapVersion{epoch: 1, revision: n.now().Unix()}
	var err error
	if n.maps, err = renderMap(nil, "", globalMap(n.mapVersion, n.port, n.portTLS)); err != nil {
		return err
	}
	for name, b := range n.buckets {
		if n.maps, err = renderMap(n.maps, name, bucketMap(n.mapVersion, n.port, n.portTLS, b, n.cfg.Before76)); err != nil {
			return err
		}
	}
	return nil
}

func renderMap(maps map[string][]byte, name string, m clusterMap) (map[string][]byte, error) {
	if maps == nil {
		maps = map[string][]byte{}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("cluster map %q: %w", name, err)
	}
	maps[name] = raw
	return maps, nil
}

func getClusterConfig(c *connection, q *request) response {
	if len(q.extras) == 16 {
		known := mapVersion{int64(binary.BigEndian.Uint64(q.extras)), int64(binary.BigEndian.Uint64(q.extras[8:]))}
		have := c.node.mapVersion
		switch {
		case known.revision < 1:
			return invalid("Revision number must not be less than 1")
		case known.epoch > have.epoch || known.epoch == have.epoch && known.revision >= have.revision:
			return response{}
		}
	}
	return response{datatype: datatypeJSON, value: c.clusterMap()}
}

func (c *connection) clusterMap() []byte {
	if c.bucket == nil {
		return c.node.maps[""]
	}
	return c.node.maps[c.bucket.name]
}

// notMyVBucket answers a request for a vbucket that is not here with the map;
// only once, where the client asked for that.
func (c *connection) notMyVBucket() response {
	r := response{status: memd.StatusNotMyVBucket}
	if c.mapSent && c.features.has(memd.FeatureDedupeNotMyVbucketClustermap) {
		return r
	}
	c.mapSent = true
	r.datatype, r.value = datatypeJSON, c.clusterMap()
	return r
}

func selectBucket(c *connection, q *request) response {
	b, ok := c.node.buckets[string(q.key)]
	if !ok {
		return failure(statusNotFound)
	}
	c.bucket, c.mapSent = b, false
	return response{}
}
