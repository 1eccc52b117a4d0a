package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Raw is a record of a raw topic.
type Raw struct {
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  time.Time
	Key, Value []byte // nil: null
	Headers    map[string][]byte
}

// Options are the settings that decide documents; the zero value is the
// product's default.
type Options struct {
	HomeDeliveryTopic, LoyaltyTopic, AnswersTopic string

	PassMode   string              // keep (default), hash, drop
	Precedence map[string][]string // profile field -> sources, best first; fields that are not in it have the default
	Layout     string              // of Home Delivery's table: auto (default), name, first_last
	Columns    map[string]string   // field -> column, where it differs from the tutorial's
	Table      *string             // database.table; nil: inventory.customers, "": any

	// Partitions is a raw topic's number of partitions; nil: placement is not
	// checked.
	Partitions func(topic string) int32

	HomeDeliveryExpiry time.Duration // in staging; 0: never
	LoyaltyExpiry      time.Duration // in staging; 0: 90000 s
}

// Sources, as documents name them.
const (
	homeDelivery = "home_delivery"
	loyalty      = "loyalty"
	onlineStore  = "online_store"
)

// Model is the product's state behind the records applied so far.
type Model struct {
	options    Options
	identities map[identity]*said
	everUnder  map[string]map[identity]bool // document key -> who ever asserted it
	staged     map[string]stagedRecord
	letters    []string
	placements map[string]*placement // by topic
	keyForm    string                // of Home Delivery's topic, "" before the first
	stopped    map[string]string
}

// identity is a raw key of a source.
type identity struct{ source, key string }

// said is what an identity's accepted records leave.
type said struct {
	asserts map[string]assertion // by document key
	binlog  binlogState          // of Home Delivery
	file    *filePosition        // of Loyalty; nil: none so far
}

// assertion is what an identity says about one document.
type assertion struct {
	id      string            // external id as JSON, "" without one
	pass    string            // "": none
	profile map[string]string // only fields that are not empty
	order   string            // the body of an order
}

// decoded is what a raw record says.
type decoded struct {
	ignored  bool // none of ours
	asserts  map[string]assertion
	unusable bool // the email is; there are no assertions
	accept   func(*said) bool
}

// New returns a model that has seen nothing.
func New(o Options) *Model {
	for at, name := range map[*string]string{
		&o.HomeDeliveryTopic: "dbserver1.inventory.customers", &o.LoyaltyTopic: "loyalty.members",
		&o.AnswersTopic: "onlinestore.answers", &o.PassMode: "keep", &o.Layout: "auto",
	} {
		if *at == "" {
			*at = name
		}
	}
	if o.LoyaltyExpiry == 0 {
		o.LoyaltyExpiry = 90_000 * time.Second
	}
	if o.Table == nil {
		table := "inventory.customers"
		o.Table = &table
	}
	return &Model{options: o, identities: map[identity]*said{}, everUnder: map[string]map[identity]bool{},
		staged: map[string]stagedRecord{}, placements: map[string]*placement{}, stopped: map[string]string{}}
}

// Apply takes the next record. Records of one partition must come in the log's
// order; partitions may interleave in any way. Records of other topics are
// ignored.
func (m *Model) Apply(r Raw) {
	if len(r.Key) == 0 {
		r.Key = nil // goka cannot tell them apart
	}
	var d decoded
	var err error
	switch r.Topic {
	case m.options.HomeDeliveryTopic:
		d, err = m.decodeHome(&r)
		m.stage(&r, homeDelivery, err == nil && d.ignored)
		m.read(&r, homeDelivery, d, err)
	case m.options.LoyaltyTopic:
		d, err = m.decodeMember(&r)
		m.stage(&r, loyalty, false)
		m.read(&r, loyalty, d, err)
	case m.options.AnswersTopic:
		d, err = m.decodeAnswer(&r)
		m.read(&r, onlineStore, d, err)
	}
}

func (m *Model) read(r *Raw, source string, d decoded, err error) {
	if m.stopped[r.Topic] != "" {
		return
	}
	if r.Key != nil && m.options.Partitions != nil {
		right, foreign := m.place(r)
		if foreign {
			m.stopped[r.Topic] = "foreign partitioner"
			return
		}
		if !right {
			m.refuse(r)
			return
		}
	}
	switch {
	case err != nil:
		m.refuse(r)
		return
	case d.ignored || r.Key == nil:
		return
	}
	if source == homeDelivery {
		form := keyForm(r.Key)
		if m.keyForm == "" {
			m.keyForm = form
		}
		if form != m.keyForm {
			m.stopped[r.Topic] = "the form of the keys has changed"
			return
		}
	}
	m.hear(r, identity{source, string(r.Key)}, d)
}

func (m *Model) hear(r *Raw, who identity, d decoded) {
	state := m.identities[who]
	if state == nil {
		state = &said{}
		m.identities[who] = state
	}
	if !d.accept(state) {
		return
	}
	state.asserts = d.asserts
	for key := range d.asserts {
		if m.everUnder[key] == nil {
			m.everUnder[key] = map[identity]bool{}
		}
		m.everUnder[key][who] = true
	}
	if d.unusable {
		m.refuse(r)
	}
}

func (m *Model) refuse(r *Raw) {
	m.letters = append(m.letters, fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset))
}

// DeadLetters are the coordinates, topic/partition/offset, of the raw records
// that rekey refuses, sorted.
func (m *Model) DeadLetters() []string {
	letters := slices.Clone(m.letters)
	slices.SortFunc(letters, strings.Compare)
	return letters
}

// Stopped says per raw topic why its group has ended for good.
func (m *Model) Stopped() map[string]string { return m.stopped }

// profileFields in the order of documents, with the sources that may give them.
var profileFields = []struct {
	name    string
	sources []string
}{
	{"name", []string{onlineStore, homeDelivery, loyalty}},
	{"address1", []string{homeDelivery}},
	{"address2", []string{homeDelivery}},
	{"city", []string{homeDelivery}},
	{"state", []string{homeDelivery}},
	{"zipcode", []string{homeDelivery}},
	{"phone", []string{homeDelivery}},
	{"email", []string{onlineStore, homeDelivery, loyalty}},
	{"loyaltyPoints", []string{loyalty}},
}
