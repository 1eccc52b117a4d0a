package restpoll

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"customer360/codec"
	"customer360/codec/onlinestore"
	"customer360/topology"
)

// Rules are what the callback decides by: pure, and safe for concurrent use.
type Rules struct {
	decoder    codec.Decoder
	topic      string     // where answers are published
	topicID    codec.Hash // of its id; zero: not known
	polls      string     // where the raw results come from
	generation int        // of documents without the header

	interval, notFoundInterval time.Duration
	backoff, backoffMax        time.Duration
	maxValueBytes              int
}

// NewRules takes of the configuration what concerns the callback. topicID is that
// of onlinestore.answers, "" where it is not known.
func NewRules(cfg Config, settings topology.Settings, decoder codec.Decoder, topicID string) *Rules {
	r := &Rules{
		decoder: decoder, topic: settings.RawTopic(codec.OnlineStore), polls: settings.Polls(), generation: settings.Generation,
		interval: cfg.Interval, notFoundInterval: cfg.NotFoundInterval,
		backoff: cfg.RetryBackoff, backoffMax: cfg.RetryBackoffMax,
		maxValueBytes: topology.MaxMessageBytes - recordOverhead,
	}
	if topicID != "" {
		r.topicID = codec.HashOf([]byte(topicID))
	}
	return r
}

// recordOverhead is room for a record's key, headers and framing.
const recordOverhead = 64 << 10

// tableOp is what happens to the entry.
type tableOp uint8

const (
	tableKeep tableOp = iota
	tableSet
	tableRemove
)

// decision is everything that one message changes.
type decision struct {
	outcome string // label of a metric: see outcomes
	table   tableOp
	entry   entry // for tableSet
	publish bool
	answer  []byte // of publish; nil: no longer wanted
	dead    *codec.DeadLetter
	tags    tags // what the next poll may be asked with
}

// The outcomes of decisions.
const (
	outcomeNone        = "none"         // a document that changes nothing here
	outcomeWanted      = "wanted"       // a customer appeared
	outcomeConfirmed   = "confirmed"    // a customer exists in the newer generation too
	outcomeUnwanted    = "unwanted"     // a customer went away
	outcomePublished   = "published"    // an answer that differs from the last
	outcomeUnchanged   = "unchanged"    // the same answer as last time
	outcomeNotFound    = "not_found"    // 404, and the last answer was none
	outcomeBad         = "bad"          // a dead letter
	outcomeBadAgain    = "bad_again"    // the same bad answer: no second dead letter
	outcomeFailed      = "failed"       // no answer; a retry is due
	outcomeLate        = "late"         // the customer is gone
	outcomeStale       = "stale"        // another result of this poll came first
	outcomeUnreadable  = "unreadable"   // the record is not this product's
	outcomeReleased    = "released"     // a retried dead letter that is good now
	outcomeStillBroken = "still_broken" // a retried dead letter that is not
)

// document follows a customer's document: old is the entry, nil without one.
func (r *Rules) document(key string, old *entry, doc *codec.Raw) decision {
	if !strings.Contains(key, "@") { // an order's
		return decision{outcome: outcomeNone}
	}
	generation := r.generation
	if text, ok := doc.Headers[codec.HeaderGeneration]; ok {
		if n := atoi(text); n > 0 {
			generation = n
		}
	}
	switch {
	case old != nil && generation < old.Generation:
		// A member that still runs the former generation: it has no say any more.
		return decision{outcome: outcomeNone}
	case doc.Value == nil && old == nil:
		return decision{outcome: outcomeNone}
	case doc.Value == nil:
		return decision{outcome: outcomeUnwanted, table: tableRemove, publish: old.Published}
	case old == nil:
		e := entry{Generation: generation, Due: max(0, doc.Timestamp.UnixMilli()), Poll: firstPoll(generation, doc.Offset)}
		return decision{outcome: outcomeWanted, table: tableSet, entry: e}
	case generation > old.Generation:
		e := *old
		e.Generation = generation
		return decision{outcome: outcomeConfirmed, table: tableSet, entry: e}
	}
	return decision{outcome: outcomeNone}
}

// firstPoll numbers the first poll of an email by the document that made it
// wanted, so that a result from before it went away does not count after its
// return.
func firstPoll(generation int, offset int64) uint64 {
	return uint64(generation)<<48 + uint64(offset+1)<<8
}

// polled takes a record of onlinestore.polls.
func (r *Rules) polled(key string, old *entry, raw *codec.Raw) decision {
	var res result
	if err := res.decode(raw.Value); err != nil {
		return decision{outcome: outcomeUnreadable, dead: r.deadLetter(raw, err.Error())}
	}
	if old == nil {
		return decision{outcome: outcomeLate}
	}
	if res.Poll != old.Poll {
		if old.lastBad(res.content()) {
			return r.retried(key, old, &res, raw)
		}
		return decision{outcome: outcomeStale}
	}
	d := decision{table: tableSet, entry: *old}
	d.entry.Poll++
	d.entry.Status = res.Status
	switch res.Kind {
	case kindAnswer, kindNotFound:
		answer, err := r.answer(key, &res)
		if err == nil && r.holds(old) && codec.HashOf(answer) == old.Answer {
			d.outcome = outcomeUnchanged
			if res.Kind == kindNotFound {
				d.outcome = outcomeNotFound
			}
		} else if err == nil {
			err = r.take(key, answer, raw)
			d.outcome = outcomePublished
		}
		if err != nil {
			r.bad(key, &d, &res, raw, err.Error())
			return d
		}
		if d.outcome == outcomePublished {
			d.publish, d.answer = true, answer
			d.entry.Published, d.entry.Answer, d.entry.Topic = true, codec.HashOf(answer), r.topicID
		}
		r.good(key, &d, &res)
	case kindUnchanged:
		if !r.holds(old) { // tags are handed out with a published answer only
			r.failed(key, &d, &res)
			return d
		}
		d.outcome = outcomeUnchanged
		r.good(key, &d, &res)
	case kindBad, kindCut:
		r.bad(key, &d, &res, raw, res.Reason)
	case kindFailed:
		r.failed(key, &d, &res)
	}
	return d
}

// retried is a dead letter that an operator published again: it counts while
// the email has had no better answer since.
func (r *Rules) retried(key string, old *entry, res *result, raw *codec.Raw) decision {
	still := decision{outcome: outcomeStillBroken}
	if res.Kind != kindAnswer {
		return still
	}
	answer, err := r.answer(key, res)
	if err != nil || r.take(key, answer, raw) != nil {
		return still
	}
	e := *old
	e.Published, e.Answer, e.Topic, e.BadLast = true, codec.HashOf(answer), r.topicID, false
	return decision{outcome: outcomeReleased, table: tableSet, entry: e, publish: true, answer: answer}
}

// holds says whether the entry's answer lies in onlinestore.answers: what was
// published to a topic that was deleted since does not count for the one of its
// name. An entry that names no topic counts for any.
func (r *Rules) holds(e *entry) bool {
	return e.Published && (e.Topic == r.topicID || e.Topic == codec.Hash{} || r.topicID == codec.Hash{})
}

// answer is the record for onlinestore.answers.
func (r *Rules) answer(key string, res *result) ([]byte, error) {
	a := onlinestore.Answer{Status: 404}
	if res.Kind == kindAnswer {
		// Anything but one value each would break out of the answer's frame.
		if !wellFormed(res.Customer) {
			return nil, errors.New("the details are not JSON")
		}
		if !wellFormed(res.Orders) {
			return nil, errors.New("the orders are not JSON")
		}
		a = onlinestore.Answer{Status: 200, Customer: res.Customer, Orders: res.Orders}
	}
	b := a.Append(nil)
	if len(b)+len(key) > r.maxValueBytes {
		return nil, fmt.Errorf("the answer has %d bytes: more than a record may", len(b))
	}
	return b, nil
}

// take asks the source's decoder whether it would take the answer: what rekey
// refuses would take the place of the last good answer in the compacted topic.
func (r *Rules) take(key string, answer []byte, raw *codec.Raw) error {
	change, err := r.decoder.Decode(&codec.Raw{
		Topic: r.topic, Partition: raw.Partition, Offset: raw.Offset, Timestamp: raw.Timestamp,
		Key: []byte(key), Value: answer,
	})
	switch {
	case err != nil:
		return err
	case change.Problem != nil:
		return change.Problem
	case change.Ignored != "":
		return fmt.Errorf("the decoder would ignore it: %s", change.Ignored)
	}
	return nil
}

// good ends a poll that brought what lies in the topic, or is published now.
func (r *Rules) good(key string, d *decision, res *result) {
	interval := r.interval
	if res.Kind == kindNotFound {
		interval = r.notFoundInterval
	}
	d.entry.Due = nextDue(key, res.Time, interval)
	d.entry.Failures, d.entry.Answered, d.entry.BadLast = 0, true, false
	if d.entry.Topic == (codec.Hash{}) { // of an entry from before topics were noted
		d.entry.Topic = r.topicID
	}
	d.tags = res.Tags
}

// bad ends a poll whose answer cannot be used: the last good one stays.
func (r *Rules) bad(key string, d *decision, res *result, raw *codec.Raw, reason string) {
	r.failed(key, d, res)
	d.entry.Answered = true
	d.outcome, d.publish, d.answer = outcomeBadAgain, false, nil
	if d.entry.remember(res.content()) {
		d.outcome, d.dead = outcomeBad, r.deadLetter(raw, reason)
	}
}

// failed ends a poll without an answer.
func (r *Rules) failed(key string, d *decision, res *result) {
	d.outcome = outcomeFailed
	d.entry.Failures++
	wait := backoff(key, d.entry.Failures, r.backoff, r.backoffMax)
	d.entry.Due = max(res.Time+wait.Milliseconds(), res.RetryAt)
}

// deadLetter keeps the raw record, which can be published again. One that
// leaves no room for the headers is none of this product's, and is cut.
func (r *Rules) deadLetter(raw *codec.Raw, reason string) *codec.DeadLetter {
	size := len(raw.Key)
	for name, value := range raw.Headers {
		size += len(name) + len(value) + len("c360.raw.") + 16
	}
	if size > recordOverhead/2 || size+len(raw.Value) > r.maxValueBytes {
		raw = &codec.Raw{Partition: raw.Partition, Offset: raw.Offset, Key: raw.Key[:min(len(raw.Key), 1024)], Value: raw.Value[:min(len(raw.Value), keptOfCut)]}
		reason = fmt.Sprintf("%s (too large to keep whole)", reason)
	}
	return &codec.DeadLetter{
		Stage: "restpoll", Source: codec.OnlineStore,
		Topic: r.polls, Partition: raw.Partition, Offset: raw.Offset,
		Reason: reason, Key: raw.Key, Value: raw.Value, Headers: raw.Headers,
	}
}

func atoi(text []byte) int {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
