package engine

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/topology/engine/balance"
)

// balancer speaks the group's protocols: our own, and range, which members of
// versions without ours know too. The coordinator chooses ours as soon as all do.
// With range there are no standbys.
type balancer struct {
	kgo.GroupBalancer // range
	inc               *incarnation
	own               bool
}

var (
	_ kgo.GroupBalancer           = balancer{}
	_ kgo.ConsumerBalancerBalance = balancer{}
)

func (inc *incarnation) balancers() []kgo.GroupBalancer {
	return []kgo.GroupBalancer{balancer{kgo.RangeBalancer(), inc, true}, balancer{kgo.RangeBalancer(), inc, false}}
}

// ProtocolName is kgo's.
func (b balancer) ProtocolName() string {
	if b.own {
		return balance.Protocol
	}
	return b.GroupBalancer.ProtocolName()
}

// JoinGroupMetadata says who this member is and what state it holds; with range
// that is for `status` only.
func (b balancer) JoinGroupMetadata(topics []string, _ map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version, meta.Topics, meta.Generation = 3, topics, generation
	meta.UserData = b.inc.group.introduction().Encode()
	return meta.AppendTo(nil)
}

// ParseSyncAssignment takes the standby partitions out of the assignment.
func (b balancer) ParseSyncAssignment(raw []byte) (map[string][]int32, error) {
	var a kmsg.ConsumerMemberAssignment
	if err := a.ReadFrom(raw); err != nil {
		return nil, fmt.Errorf("the leader's assignment: %w", err)
	}
	owned := make(map[string][]int32, len(a.Topics))
	for _, t := range a.Topics {
		owned[t.Topic] = t.Partitions
	}
	var standby []int32
	if b.own && b.inc.group.table != "" {
		for _, p := range balance.DecodeDuty(a.UserData).Standby {
			if p >= 0 && p < b.inc.facts.partitions && !slices.ContainsFunc(a.Topics, func(t kmsg.ConsumerMemberAssignmentTopic) bool {
				return slices.Contains(t.Partitions, p)
			}) {
				standby = append(standby, p)
			}
		}
	}
	b.inc.mu.Lock()
	b.inc.standby = standby
	b.inc.mu.Unlock()
	return owned, nil
}

// MemberBalancer is kgo's: this member leads the group.
func (b balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	if !b.own {
		return b.GroupBalancer.MemberBalancer(members)
	}
	c, err := kgo.NewConsumerBalancer(b, members)
	return c, c.MemberTopics(), err
}

// Balance makes the plan. A partition's number goes to one member in all inputs.
// Members that do not read the same inputs get what range gives.
func (b balancer) Balance(c *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	var members []balance.Candidate
	same, standbys := true, 0
	c.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		same = same && len(meta.Topics) == len(c.MemberTopics())
		words, _ := balance.DecodeMember(meta.UserData)
		standbys = max(standbys, min(words.Standbys, mostStandbys))
		members = append(members, balance.Candidate{ID: m.MemberID, Member: words})
	})
	if !same {
		return b.GroupBalancer.(kgo.ConsumerBalancerBalance).Balance(c, topics)
	}
	partitions := int32(0)
	for _, n := range topics {
		partitions = max(partitions, n)
	}
	return syncPlan{topics, balance.Plan(members, partitions, standbys)}
}

// syncPlan writes a plan in the words of Kafka's consumers.
type syncPlan struct {
	topics map[string]int32 // partitions of each
	plan   map[string]balance.Assignment
}

// IntoSyncAssignment is kgo's.
func (p syncPlan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment {
	var all []kmsg.SyncGroupRequestGroupAssignment
	for _, id := range slices.Sorted(maps.Keys(p.plan)) {
		part := p.plan[id]
		var words kmsg.ConsumerMemberAssignment
		for _, topic := range slices.Sorted(maps.Keys(p.topics)) {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic = topic
			for _, partition := range part.Owned {
				if partition < p.topics[topic] {
					t.Partitions = append(t.Partitions, partition)
				}
			}
			words.Topics = append(words.Topics, t)
		}
		if len(part.Standby) > 0 {
			words.UserData = balance.Duty{Standby: part.Standby}.Encode()
		}
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, words.AppendTo(nil)
		all = append(all, a)
	}
	return all
}

// introduction is what this instance says of itself when it joins.
func (g *Group) introduction() balance.Member {
	g.followers.books()
	m := balance.Member{Instance: g.cfg.Instance, Address: g.cfg.Address}
	if g.table != "" {
		m.Standbys = g.cfg.Standbys
	}
	m.Host, _ = os.Hostname() // without it copies may lie beside their owner
	m.Generation, m.Held = g.held.tell()
	return m
}
