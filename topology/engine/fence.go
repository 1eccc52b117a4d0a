package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fence ends what former owners of these partitions left open, so that the
// stable offset moves and recovery can read to the high watermark. A
// transaction that is Ongoing on table partitions which the group has just
// given to us belongs to a dead or zombie instance: live ones commit in their
// revoke, before the generation changes. A PrepareCommit or PrepareAbort is
// about to end by itself, and fencing it could hit a live instance that has
// begun its next transaction elsewhere.
//
// A transactional group without a table is not fenced: its next owner's offset
// fetch waits for the transaction's end, TransactionTimeout at most.
func (inc *incarnation) fence(owned map[string][]int32) error {
	ctx, cancel := context.WithTimeout(inc.ctx, inc.cfg.TransactionTimeout+15*time.Second)
	defer cancel()
	if _, _, err := inc.client.ProducerID(ctx); err != nil { // ends what our own former incarnation left open
		return fmt.Errorf("InitProducerID of %s: %w", inc.cfg.transactionalID(), err)
	}
	mine := kadm.TopicsSet{}
	for _, ps := range owned {
		mine.Add(inc.group.table, ps...)
	}
	if inc.group.table == "" || len(owned) == 0 {
		return nil
	}
	adm := kadm.NewClient(inc.group.admin)
	for {
		open, err := openOn(ctx, adm, mine)
		if err == nil && len(open) == 0 {
			return nil
		}
		if err == nil && inc.facts.features.listTransactions {
			err = inc.endTransactions(ctx, adm, open, mine)
		}
		if err != nil && !retriable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("producers %v hold transactions open on %s: %w", open, inc.group.table, ctx.Err()), err)
		case <-inc.closing:
			return errOver
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// openOn are the producers with open transactions on the partitions.
func openOn(ctx context.Context, adm *kadm.Client, partitions kadm.TopicsSet) (open []int64, err error) {
	described, err := adm.DescribeProducers(ctx, partitions)
	if err != nil {
		return nil, fmt.Errorf("DescribeProducers: %w", err)
	}
	for _, t := range described {
		for _, p := range t.Partitions {
			if p.Err != nil {
				return nil, fmt.Errorf("DescribeProducers of %s/%d: %w", p.Topic, p.Partition, p.Err)
			}
			for _, d := range p.ActiveProducers {
				if d.CurrentTxnStartOffset >= 0 {
					open = append(open, d.ProducerID)
				}
			}
		}
	}
	return open, nil
}

func (inc *incarnation) endTransactions(ctx context.Context, adm *kadm.Client, producers []int64, mine kadm.TopicsSet) error {
	listed, err := adm.ListTransactions(ctx, producers, []string{"Ongoing"})
	if err != nil {
		return fmt.Errorf("ListTransactions: %w", err)
	}
	for _, id := range listed.TransactionalIDs() {
		if id == inc.cfg.transactionalID() || !strings.HasPrefix(id, inc.cfg.Group+"-") {
			continue // not an instance of this group: its own timeout ends it
		}
		described, err := adm.DescribeTransactions(ctx, id)
		if err == nil && !errors.Is(described[id].Err, kerr.TransactionalIDNotFound) {
			err = described[id].Err
		}
		if err != nil {
			return fmt.Errorf("DescribeTransactions of %s: %w", id, err)
		}
		if described[id].State != "Ongoing" || !overlap(described[id].Topics, mine) {
			continue
		}
		inc.group.log.Info("fencing a former owner", "transactional_id", id)
		if err := inc.group.takeOver(ctx, id); err != nil {
			return fmt.Errorf("fencing %s: %w", id, err)
		}
	}
	return nil
}

// takeOver raises the epoch of a transactional id, which aborts what it has open.
// Whatever is still on its way from its former owner is refused.
func (g *Group) takeOver(ctx context.Context, id string) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = &id
	req.TransactionTimeoutMillis = int32(g.cfg.TransactionTimeout.Milliseconds())
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := req.RequestWith(ctx, g.admin)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if errors.Is(err, kerr.ConcurrentTransactions) {
		return nil // it is being aborted
	}
	return err
}

func overlap(a, b kadm.TopicsSet) bool {
	for t, ps := range a {
		for p := range ps {
			if _, ok := b[t][p]; ok {
				return true
			}
		}
	}
	return false
}
