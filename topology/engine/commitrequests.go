package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitInTransaction adds the offsets to the open transaction. With member
// and generation in the request the coordinator refuses a zombie here; so it
// goes out with every transaction.
func (s *session) commitInTransaction(ctx context.Context, positions map[string]map[int32]kgo.EpochOffset) error {
	inc := s.inc
	id, epoch, err := inc.client.ProducerID(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = inc.cfg.transactionalID(), id, epoch
	req.Group, req.MemberID, req.Generation = inc.cfg.Group, s.memberID, s.generation
	for topic, ps := range positions {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic = topic
		pin := inc.facts.pin(topic, inc.cfg.now())
		for p, o := range ps {
			rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, o.Offset, o.Epoch, pin
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	if len(req.Topics) == 0 {
		return errors.New("no position is known")
	}
	if !inc.facts.features.transactions2 {
		if err := persist(ctx, func() error { return inc.addOffsets(ctx, id, epoch) }); err != nil {
			return fmt.Errorf("adding the group to the transaction: %w", err)
		}
	}
	return persist(ctx, func() error {
		resp, err := req.RequestWith(ctx, inc.client)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// addOffsets tells the transaction's coordinator of the commit that follows.
func (inc *incarnation) addOffsets(ctx context.Context, id int64, epoch int16) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = inc.cfg.transactionalID(), id, epoch, inc.cfg.Group
	resp, err := req.RequestWith(ctx, inc.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// commitPlain commits outside of a transaction, with the same check.
func (s *session) commitPlain(ctx context.Context, positions map[string]map[int32]kgo.EpochOffset) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = s.inc.cfg.Group, s.memberID, s.generation
	for topic, ps := range positions {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = topic
		pin := s.inc.facts.pin(topic, s.inc.cfg.now())
		for p, o := range ps {
			rp := kmsg.NewOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, o.Offset, o.Epoch, pin
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	if len(req.Topics) == 0 {
		return nil
	}
	return persist(ctx, func() error {
		resp, err := req.RequestWith(ctx, s.inc.client)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// persist repeats a commit while the coordinator moves or still writes the
// markers of the last transaction.
func persist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !retriable(err) {
			return err
		}
		if sleep(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
}
