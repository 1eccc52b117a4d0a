package couchbase

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/golang/snappy"

	"github.com/couchbase/gocbcore/v10/memd"
)

type status = memd.StatusCode

// Names for statuses that this package uses much, and those that memd has none for.
const (
	statusOK                = memd.StatusSuccess
	statusNotFound          = memd.StatusKeyNotFound
	statusExists            = memd.StatusKeyExists
	statusInvalid           = memd.StatusInvalidArgs
	statusUnknownCollection = memd.StatusCollectionUnknown
	statusUnknownScope      = memd.StatusScopeUnknown
	statusUnknownFrame      = status(0x80)
	statusXattrInvalid      = status(0x87)
	statusXattrOrder        = status(0xd4)
	statusDeletedHasNoValue = status(0xd7)
)

// response is the answer to a request before it is known what the connection
// has negotiated.
type response struct {
	status   status
	cas      uint64
	datatype uint8
	extras   []byte
	key      []byte
	value    []byte
	token    token
	context  string // explains an error
	silent   bool   // no answer at all
}

// token tells where in its vbucket's history a mutation is; only of a uuid that is not 0.
type token struct{ uuid, seqno uint64 }

func failure(s status) response { return response{status: s} }

// explained is a failure with a text for people.
func explained(s status, context string) response { return response{status: s, context: context} }

func invalid(context string) response { return explained(statusInvalid, context) }

// errorContext is the JSON body of an explained error.
func errorContext(context, ref string) []byte {
	type inner struct {
		Context string `json:"context,omitempty"`
		Ref     string `json:"ref,omitempty"`
	}
	body, err := json.Marshal(struct {
		Error inner `json:"error"`
	}{inner{context, ref}})
	if err != nil { // two strings always marshal
		return nil
	}
	return body
}

// fit brings an answer into the form that the connection has negotiated.
func (f features) fit(r response) (response, error) {
	if r.context != "" {
		r.value, r.datatype = errorContext(r.context, ""), datatypeJSON
	}
	if r.datatype&datatypeSnappy != 0 && !f.has(memd.FeatureSnappy) {
		value, err := snappy.Decode(nil, r.value)
		if err != nil {
			return failure(memd.StatusInternalError), err
		}
		r.value, r.datatype = value, r.datatype&^datatypeSnappy
	}
	if !f.has(memd.FeatureJSON) {
		r.datatype &^= datatypeJSON
	}
	if r.token.uuid != 0 && f.has(memd.FeatureSeqNo) {
		r.extras = binary.BigEndian.AppendUint64(nil, r.token.uuid)
		r.extras = binary.BigEndian.AppendUint64(r.extras, r.token.seqno)
	}
	return r, nil
}

// appendResponse encodes an answer. took, if not negative, is told in a frame.
func appendResponse(out []byte, q *request, r response, took time.Duration) []byte {
	var frame []byte
	if took >= 0 {
		frame = binary.BigEndian.AppendUint16([]byte{0x02}, memd.EncodeSrvDura16(took))
		out = append(out, magicResponseFrames, byte(q.opcode), byte(len(frame)), byte(len(r.key)))
	} else {
		out = append(out, magicResponse, byte(q.opcode))
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.key)))
	}
	out = append(out, byte(len(r.extras)), r.datatype)
	out = binary.BigEndian.AppendUint16(out, uint16(r.status))
	out = binary.BigEndian.AppendUint32(out, uint32(len(frame)+len(r.extras)+len(r.key)+len(r.value)))
	out = binary.BigEndian.AppendUint32(out, q.opaque)
	out = binary.BigEndian.AppendUint64(out, r.cas)
	out = append(append(append(append(out, frame...), r.extras...), r.key...), r.value...)
	return out
}
