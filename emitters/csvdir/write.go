package csvdir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"customer360/codec"
	"customer360/codec/loyalty"
	"customer360/topology"
)

// write is the second pass: rows, then withdrawals, in transactions that each
// hold the file's entry as of their end.
func (j *job) write(ctx context.Context, c *checked) error {
	p := &publisher{job: j, mtime: strconv.AppendInt(nil, j.entry.MTime, 10), hash: []byte(j.entry.Hash)}
	p.at.MTime, p.at.Hash = j.entry.MTime, j.entry.Hash
	from := j.entry.Row
	if err := j.w.begin(); err != nil {
		return err
	}
	j.entry.Phase = Rows
	err := eachRow(ctx, j.f, j.what, func(row int64, rec *record, r *reading) error {
		if row <= from {
			return j.glance(ctx, row)
		}
		if !c.superseded.has(row) {
			if err := p.row(row, rec, r, c.withdraws.has(row)); err != nil {
				return err
			}
		}
		j.entry.Row = row
		return p.commitFull(ctx)
	})
	if err != nil {
		return fmt.Errorf("writing the rows: %w", err)
	}
	j.entry.Phase = Withdrawn
	if err := p.withdraw(ctx, c); err != nil {
		return fmt.Errorf("withdrawing members: %w", err)
	}
	return p.finish(ctx)
}

// glance keeps the claim alive while rows are passed over that were written
// before a restart.
func (j *job) glance(ctx context.Context, row int64) error {
	if row%beatRows != 0 {
		return nil
	}
	return j.beat(ctx)
}

// publisher turns rows into records.
type publisher struct {
	*job
	at          loyalty.Position
	mtime, hash []byte // the headers that all rows share
	id          []byte
	rows        counts // of the open transaction
}

// counts are added to the metrics once their transaction is committed.
type counts struct{ written, rejected, withdrawn int64 }

func (p *publisher) row(row int64, rec *record, r *reading, withdraw bool) error {
	p.at.Row = row
	q, id, reason := r.judge(rec)
	if q == usable {
		member := r.row(rec)
		p.id = append(p.id[:0], member.ID...)
		value := p.w.arena.took(member.AppendJSON(p.w.arena.space(len(rec.raw) + len(rec.raw)/4 + 100)))
		p.entry.Written++
		p.rows.written++
		return p.member(p.id, value)
	}
	p.entry.Rejected++
	p.rows.rejected++
	err := p.w.dead(&codec.DeadLetter{
		Stage: "csvdir", Source: codec.Loyalty, Topic: topology.LoyaltyTopic, Offset: -1,
		File: p.entry.Name, FileHash: p.entry.Hash, Line: rec.line, Reason: reason,
		Key: bytes.Clone(id), Value: append([]byte{}, rec.raw...),
	})
	if err != nil || !withdraw {
		return err
	}
	p.entry.Withdrawn++
	p.rows.withdrawn++
	return p.member(id, nil)
}

func (p *publisher) member(id, value []byte) error {
	return p.w.member(id, value, p.at, p.mtime, p.hash)
}

// withdraw writes nulls for the known ids that the file lacks.
func (p *publisher) withdraw(ctx context.Context, c *checked) error {
	missing, err := (&knownFile{c.missing}).open()
	if err != nil {
		return err
	}
	defer missing.close()
	p.at.Row = p.entry.Rows + 1
	for {
		id, err := missing.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.member(id, nil); err != nil {
			return err
		}
		p.entry.Withdrawn++
		p.rows.withdrawn++
		if err := p.commitFull(ctx); err != nil {
			return err
		}
	}
}

// commitFull commits when the transaction is large or old enough.
func (p *publisher) commitFull(ctx context.Context) error {
	old := p.w.rows%256 == 255 && time.Since(p.written) > p.cfg.Takeover/5
	if !p.w.full(p.cfg) && !old {
		return nil
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	return p.w.begin()
}

// finish commits the last transaction, and with it that the file is done.
func (p *publisher) finish(ctx context.Context) error {
	p.entry.Phase = Done
	var stale []File
	p.follower.with(func(l *ledger) { stale = l.outdated(p.cfg.History) })
	for _, f := range stale {
		if err := p.w.forget(f.Key()); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	e := &p.entry
	p.metrics.files.WithLabelValues(string(Done)).Inc()
	p.metrics.lastTime.Set(float64(e.Time.UnixNano()) / 1e9)
	p.metrics.lastMTime.Set(float64(e.MTime) / 1e9)
	p.deps.Log.Info("imported", "file", e.Name, "hash", e.ShortHash(), "rows", e.Rows, "written", e.Written,
		"rejected", e.Rejected, "duplicates", e.Duplicates, "withdrawn", e.Withdrawn, "took", e.Time.Sub(e.Started))
	return nil
}

func (p *publisher) settle(ctx context.Context) error {
	if err := p.commit(ctx); err != nil {
		return err
	}
	p.metrics.count(p.rows)
	p.rows = counts{}
	return nil
}
