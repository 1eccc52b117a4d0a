package balance

import (
	"encoding/json"
	"slices"
)

// Protocol is the name of the group protocol, as Kafka's tools show it.
const Protocol = "customer360"

// version of the words. A member with another one counts as one without state.
const version = 1

// maxHeld bounds what a member says of its state: all members' words together
// must fit into one record of the coordinator.
const maxHeld = 2048

// Member is what an instance says of itself when it joins.
type Member struct {
	Instance string `json:"instance"`
	Host     string `json:"host,omitempty"`
	Address  string `json:"http,omitempty"`     // host:port of its /status
	Standbys int    `json:"standbys,omitempty"` // copies of each partition that it wants there to be
	// Generation of the group in which it was last given partitions; 0: none since it
	// started.
	Generation int32     `json:"generation,omitempty"`
	Held       []Holding `json:"held,omitempty"`
}

// Holding is one partition that an instance has worked on or has state of.
type Holding struct {
	Partition int32 `json:"p"`
	Owned     bool  `json:"w,omitempty"` // worked on, and given again up to Member.Generation
	Offset    int64 `json:"o"`           // of the changelog, up to where local state goes; -1: no state
}

// Duty is what the leader tells a member beside the partitions that it owns.
type Duty struct {
	Standby []int32 `json:"standby,omitempty"`
}

type words[T any] struct {
	Version int `json:"v"`
	Says    T   `json:"c360"`
}

func encode[T any](says T) []byte {
	b, err := json.Marshal(words[T]{version, says})
	if err != nil {
		return nil // structs of numbers and text: it cannot fail
	}
	return b
}

func decode[T any](b []byte) (T, bool) {
	var w words[T]
	if json.Unmarshal(b, &w) != nil || w.Version != version {
		var none T
		return none, false
	}
	return w.Says, true
}

// Encode makes the user data of a subscription.
func (m Member) Encode() []byte {
	if len(m.Held) > maxHeld {
		held := slices.Clone(m.Held)
		slices.SortStableFunc(held, func(a, b Holding) int { return truth(b.Owned) - truth(a.Owned) })
		m.Held = held[:maxHeld]
	}
	return encode(m)
}

// DecodeMember reads the user data of a subscription; false: it is another
// program's or another version's.
func DecodeMember(userData []byte) (Member, bool) { return decode[Member](userData) }

// Encode makes the user data of an assignment.
func (d Duty) Encode() []byte { return encode(d) }

// DecodeDuty reads the user data of an assignment; what cannot be read is no duty.
func DecodeDuty(userData []byte) Duty {
	d, _ := decode[Duty](userData)
	return d
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
