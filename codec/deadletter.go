package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// DeadLetter is one record or CSV row that could not be used. Its Kafka value
// is the raw bytes; everything else is in headers, so that nothing has to be
// decoded again to look at it.
type DeadLetter struct {
	Generation int    // 0 where the writer belongs to none (importer, poller)
	Stage      string // who refused it: rekey, merge, csvdir, restpoll, staging, sink
	Source     string // the source system's name
	Topic      string // of the raw record, or where a CSV row would have gone
	Partition  int32
	Offset     int64  // -1 for a CSV row
	File       string // name of the CSV file, "" otherwise
	FileHash   string // SHA-256 of its content, hex
	Line       int    // line in the file, from 1
	Reason     string // for people; holds no secret
	Key        []byte // raw key; nil: null
	Value      []byte // raw bytes
	Headers    map[string][]byte
}

// Header names of a dead letter. Headers of the raw record follow under
// deadRawPrefix.
const (
	deadFormat    = "c360.dead.format"
	deadStage     = "c360.dead.stage"
	deadSource    = "c360.dead.source"
	deadTopic     = "c360.dead.topic"
	deadPartition = "c360.dead.partition"
	deadOffset    = "c360.dead.offset"
	deadFile      = "c360.dead.file"
	deadFileHash  = "c360.dead.file.hash"
	deadLine      = "c360.dead.line"
	deadReason    = "c360.dead.reason"
	deadKey       = "c360.dead.key"
	deadRawPrefix = "c360.raw."
)

// deadLetterFormat is the number of this set of headers; without one it is 1.
const deadLetterFormat = 1

// maxReason bounds the text of a reason, in bytes.
const maxReason = 500

// Coordinates identify what was refused, and are the dead letter's Kafka key:
// topic/partition/offset, or the file's hash and line.
func (d *DeadLetter) Coordinates() string {
	if d.FileHash != "" {
		return fmt.Sprintf("file:%s:%d", d.FileHash, d.Line)
	}
	return fmt.Sprintf("%s/%d/%d", d.Topic, d.Partition, d.Offset)
}

// KafkaHeaders returns the headers to write beside Value.
func (d *DeadLetter) KafkaHeaders() map[string][]byte {
	reason := strings.ToValidUTF8(d.Reason, "\uFFFD")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	h := map[string][]byte{
		HeaderGeneration: strconv.AppendInt(nil, int64(d.Generation), 10),
		deadFormat:       strconv.AppendInt(nil, deadLetterFormat, 10),
		deadStage:        []byte(d.Stage), deadSource: []byte(d.Source), deadTopic: []byte(d.Topic),
		deadPartition: strconv.AppendInt(nil, int64(d.Partition), 10),
		deadOffset:    strconv.AppendInt(nil, d.Offset, 10),
		deadReason:    []byte(reason),
	}
	if d.Key != nil {
		h[deadKey] = d.Key
	}
	if d.FileHash != "" {
		h[deadFile], h[deadFileHash] = []byte(d.File), []byte(d.FileHash)
		h[deadLine] = strconv.AppendInt(nil, int64(d.Line), 10)
	}
	for k, v := range d.Headers {
		h[deadRawPrefix+k] = v
	}
	return h
}

// ParseDeadLetter is the inverse of KafkaHeaders. It fails only where the
// record is no dead letter of this product, or matches ErrNewer.
func ParseDeadLetter(headers map[string][]byte, value []byte) (DeadLetter, error) {
	if headers[deadReason] == nil || headers[deadTopic] == nil {
		return DeadLetter{}, fmt.Errorf("no dead letter: headers %s and %s are missing", deadTopic, deadReason)
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(string(headers[name]), 10, 64)
		return n
	}
	if err := CheckFormat(int(number(deadFormat)), deadLetterFormat); err != nil {
		return DeadLetter{}, err
	}
	d := DeadLetter{
		Generation: int(number(HeaderGeneration)),
		Stage:      string(headers[deadStage]), Source: string(headers[deadSource]), Topic: string(headers[deadTopic]),
		Partition: int32(number(deadPartition)), Offset: number(deadOffset),
		File: string(headers[deadFile]), FileHash: string(headers[deadFileHash]), Line: int(number(deadLine)),
		Reason: string(headers[deadReason]), Key: headers[deadKey], Value: value,
	}
	for k, v := range headers {
		if name, ok := strings.CutPrefix(k, deadRawPrefix); ok {
			if d.Headers == nil {
				d.Headers = map[string][]byte{}
			}
			d.Headers[name] = v
		}
	}
	return d, nil
}
