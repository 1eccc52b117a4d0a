package couchbase

import (
	"encoding/binary"
	"os"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"
)

// Answers of OBSERVE: what is written is on disk as far as this node goes.
const (
	observedPersisted = 0x01
	observedNotFound  = 0x80
)

// observe answers OBSERVE: vbucket, length of the key, key, of one document.
func observe(c *connection, q *request) response {
	if len(q.value) < 4 || len(q.value) < 4+int(binary.BigEndian.Uint16(q.value[2:])) {
		return invalid("Request value is cut off")
	}
	end := 4 + int(binary.BigEndian.Uint16(q.value[2:]))
	one := &request{vbucket: binary.BigEndian.Uint16(q.value), key: q.value[4:end]}
	if r := c.locate(one); r.status != statusOK {
		return r
	}
	t := c.bucket.begin()
	d, err := t.alive(one)
	if cerr := t.commit(); err == nil {
		err = cerr
	}
	if err != nil {
		c.node.log.Error("couchbase: OBSERVE failed", "bucket", c.bucket.name, "error", err)
		return failure(memd.StatusInternalError)
	}
	value := append([]byte(nil), q.value[:end]...)
	if d == nil {
		value = append(value, observedNotFound)
		return response{value: binary.BigEndian.AppendUint64(value, 0)}
	}
	value = append(value, observedPersisted)
	return response{value: binary.BigEndian.AppendUint64(value, d.cas)}
}

// observeSeqno answers OBSERVE_SEQNO: how far a vbucket is, if it is of the history asked for.
func observeSeqno(c *connection, q *request) response {
	switch {
	case len(q.value) != 8:
		return invalid("Request value must be a vbucket's uuid")
	case q.vbucket >= vbuckets:
		return c.notMyVBucket()
	}
	uuid := binary.BigEndian.Uint64(q.value)
	c.bucket.mu.Lock()
	defer c.bucket.mu.Unlock()
	if uuid != c.bucket.uuids[q.vbucket] {
		if value, found := c.bucket.observeFormer(q.vbucket, uuid); found {
			return response{value: value}
		}
		return failure(statusNotFound)
	}
	seqno := c.bucket.high[q.vbucket]
	value := binary.BigEndian.AppendUint16([]byte{0}, q.vbucket) // format 0: no failover
	for _, n := range []uint64{uuid, seqno, seqno} {             // persisted, current
		value = binary.BigEndian.AppendUint64(value, n)
	}
	return response{value: value}
}

// stat answers with one packet for each statistic and an empty one at the end.
func stat(c *connection, q *request) response {
	if len(q.key) > 0 {
		return failure(statusNotFound)
	}
	docs, err := c.bucket.count()
	if err != nil {
		c.node.log.Error("couchbase: STAT failed", "bucket", c.bucket.name, "error", err)
		return failure(memd.StatusInternalError)
	}
	for _, s := range [][2]string{
		{"pid", strconv.Itoa(os.Getpid())},
		{"curr_items", strconv.Itoa(docs)},
		{"ep_max_size", strconv.Itoa(maxBody)},
		{"vb_active_num", strconv.Itoa(vbuckets)},
	} {
		c.emit(q, response{key: []byte(s[0]), value: []byte(s[1])})
	}
	return response{}
}
