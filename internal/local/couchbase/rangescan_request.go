package couchbase

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/couchbase/gocbcore/v10/memd"
)

// scanRequest is the body of RANGE_SCAN_CREATE.
type scanRequest struct {
	Collection string        `json:"collection"` // hex
	KeyOnly    bool          `json:"key_only"`
	Range      *scanRange    `json:"range"`
	Sampling   *scanSampling `json:"sampling"`
	Snapshot   *scanSnapshot `json:"snapshot_requirements"`
}

type scanRange struct {
	Start          []byte `json:"start"` // base64, as encoding/json has it
	End            []byte `json:"end"`
	ExclusiveStart []byte `json:"excl_start"`
	ExclusiveEnd   []byte `json:"excl_end"`
}

type scanSampling struct {
	Seed    uint64 `json:"seed"`
	Samples uint64 `json:"samples"`
}

type scanSnapshot struct {
	UUID  string `json:"vb_uuid"`
	Seqno uint64 `json:"seqno"`
}

// readScan parses a request; its status is not success where it is refused.
func (c *connection) readScan(q *request, r *scanRequest) (collection uint32, refusal response) {
	if q.datatype&datatypeJSON == 0 {
		return 0, invalid("The datatype must be JSON")
	}
	if err := json.Unmarshal(q.value, r); err != nil {
		var at base64.CorruptInputError
		if errors.As(err, &at) {
			return 0, invalid("A key of the range is no base64")
		}
		return 0, invalid("The request is no JSON object of a range scan")
	}
	if r.Collection != "" {
		id, err := strconv.ParseUint(r.Collection, 16, 32)
		if err != nil {
			return 0, invalid("The collection is no hexadecimal id")
		}
		collection = uint32(id)
	}
	switch {
	case (r.Range == nil) == (r.Sampling == nil):
		return 0, invalid("A scan needs either range or sampling")
	case r.Range != nil && ((len(r.Range.Start) == 0) == (len(r.Range.ExclusiveStart) == 0) || (len(r.Range.End) == 0) == (len(r.Range.ExclusiveEnd) == 0)):
		return 0, invalid("A range needs one start and one end")
	case r.Sampling != nil && r.Sampling.Samples == 0:
		return 0, invalid("A sampling needs samples")
	case q.vbucket >= vbuckets:
		return 0, c.notMyVBucket()
	case !c.bucket.manifest.known[collection]:
		return 0, c.bucket.manifest.unknown(statusUnknownCollection)
	}
	return collection, c.bucket.meets(q.vbucket, r.Snapshot)
}

// meets checks what a scan demands of the vbucket's history.
func (b *bucket) meets(vbucket uint16, s *scanSnapshot) response {
	if s == nil {
		return response{}
	}
	want, err := strconv.ParseUint(s.UUID, 10, 64)
	if err != nil {
		return invalid("vb_uuid is no number")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case want != b.uuids[vbucket]:
		return failure(memd.StatusRangeScanVbUUIDNotEqual)
	case s.Seqno > b.high[vbucket]:
		return failure(memd.StatusTmpFail)
	}
	return response{}
}
