package pipeline

import (
	"errors"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"customer360/codec"
	"customer360/topology"
)

// moment is a point in a transaction of a group with a table.
type moment string

const (
	tableWritten   moment = "table written, outputs not"
	outputsWritten moment = "outputs written, table not"
	notCommitted   moment = "all written, not committed"
	committed      moment = "committed, not known"
)

func moments() []moment { return []moment{tableWritten, outputsWritten, notCommitted, committed} }

var errCut = errors.New("the test cuts the connection")

// killAt kills the process at a moment of its next transaction of a group,
// exactly: nothing of it reaches the broker afterwards. The channel is closed
// when it is dead.
func (c *cluster) killAt(p *process, group string, m moment) <-chan struct{} {
	dead := make(chan struct{})
	kill := func() {
		p.kill()
		close(dead)
	}
	switch id := group + "-" + p.instance; m {
	case tableWritten, outputsWritten:
		c.atProduce(id, func(r *kmsg.ProduceRequest) (stay bool) {
			isTable := func(t kmsg.ProduceRequestTopic) bool { return c.topicOf(t) == group+"-table" }
			r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.ProduceRequestTopic) bool { return isTable(t) != (m == tableWritten) })
			if len(r.Topics) == 0 {
				return false
			}
			kill()
			return true
		})
	default:
		cluster := c.broker.Cluster
		cluster.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
			if r.(*kmsg.EndTxnRequest).TransactionalID != id {
				return nil, nil, false
			}
			kill()
			cluster.DropControl()
			return nil, errCut, m == notCommitted
		})
	}
	return dead
}

// atProduce shows the produce requests of a transactional id, before they are
// handled, to keep, until it says that one may go on as it has left it. The
// others never arrive: the connection is cut, and the client tries again.
func (c *cluster) atProduce(id string, keep func(*kmsg.ProduceRequest) bool) {
	cluster := c.broker.Cluster
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r := req.(*kmsg.ProduceRequest)
		if r.TransactionID == nil || *r.TransactionID != id {
			return nil, nil, false
		}
		if !keep(r) {
			cluster.KeepControl()
			return nil, errCut, true
		}
		cluster.DropControl()
		return nil, nil, false
	})
}

// topicOf is the name of a request's topic, which newer versions leave out.
func (c *cluster) topicOf(t kmsg.ProduceRequestTopic) string {
	if t.Topic != "" {
		return t.Topic
	}
	if info := c.broker.Cluster.TopicIDInfo(t.TopicID); info != nil {
		return info.Topic
	}
	return ""
}

// died waits for what killAt promised.
func (c *cluster) died(dead <-chan struct{}, m moment) {
	c.t.Helper()
	c.happens("the process is killed at: "+string(m), dead)
}

// leftBehind checks that a death came at its moment: what the group's topics
// hold of an open transaction.
func (c *cluster) leftBehind(group string, m moment) {
	c.t.Helper()
	i := slices.IndexFunc(c.follow.graph.Groups, func(g topology.Group) bool { return g.Name == group })
	g := c.follow.graph.Groups[i]
	table, outputs := c.open(g.TableTopic()), c.open(g.Outputs[0])
	if want := m == tableWritten || m == notCommitted; table != want {
		c.t.Errorf("%s, %s: its table has open records: %t", group, m, table)
	}
	if want := m == outputsWritten || m == notCommitted; outputs != want {
		c.t.Errorf("%s, %s: %s has open records: %t", group, m, g.Outputs[0], outputs)
	}
}

// open says whether a topic holds records of an open transaction.
func (c *cluster) open(topic string) bool {
	for _, p := range c.broker.Cluster.PartitionInfos(topic) {
		if p.LastStableOffset < p.HighWatermark {
			return true
		}
	}
	return false
}

// fencesRise checks that no document was written again, or by an older record:
// per key, the fences in the documents' topic rise.
func (c *cluster) fencesRise() {
	c.t.Helper()
	last := map[string]int64{}
	for _, r := range c.read(c.follow.graph.Settings.Documents()) {
		fence := int64(-1)
		for _, h := range r.Headers {
			if h.Key == codec.HeaderFence {
				fence, _ = strconv.ParseInt(string(h.Value), 10, 64)
			}
		}
		if before, ok := last[string(r.Key)]; fence < 1 || ok && fence <= before {
			c.t.Errorf("%s has fence %d after %d", r.Key, fence, before)
		}
		last[string(r.Key)] = fence
	}
}
