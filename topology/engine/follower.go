package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	followEvery    = 500 * time.Millisecond // how often a copy that has caught up looks again
	followFlush    = time.Second            // a copy is written at least so often while records come
	followConfirm  = time.Minute            // and that it is current, where none come
	followBackoff  = time.Second
	followLongest  = 30 * time.Second
	standbyHolding = "a standby copy"
	ownerHolding   = "its owner"
)

// follower keeps the folder of one table partition up to date while another
// instance owns the partition: it reads the changelog read_committed, and writes
// values and offset in one batch, as the owner does. It ends with its context,
// and has closed the folder then.
type follower struct {
	f         *followers
	partition int32
	cancel    context.CancelFunc
	done      chan struct{} // closed when the folder is
	offset    atomic.Int64  // of the changelog; -1: nothing yet
	lag       atomic.Int64  // offsets behind the stable end; -1: not known
	usable    atomic.Bool   // the folder may be built upon: it has once been complete
	current   atomic.Bool   // it has reached the end, once since it began
}

func newFollower(f *followers, partition int32, cancel context.CancelFunc) *follower {
	r := &follower{f: f, partition: partition, cancel: cancel, done: make(chan struct{})}
	r.offset.Store(-1)
	r.lag.Store(-1)
	return r
}

// holds is up to which offset an owner could build upon the folder; -1: it could not.
func (f *follower) holds() int64 {
	if !f.usable.Load() {
		return -1
	}
	return f.offset.Load()
}

// run follows until ctx ends; what goes wrong is tried again.
func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	said, delay := "", followBackoff
	for ctx.Err() == nil {
		began := time.Now()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			said, delay = "", followBackoff
		}
		f.lag.Store(-1)
		if text := rootText(err); text != said {
			said = text
			f.f.group.log.Warn("a standby copy has stopped and is begun again; the group is not touched by that", "partition", f.partition, "in", delay, "error", err)
		}
		if sleep(ctx, delay) != nil {
			return
		}
		delay = min(2*delay, followLongest)
	}
}

// copying is the folder while it is open.
type copying struct {
	db      *level
	dir     string
	meta    meta
	pending map[string][]byte // nil value: deleted
	bytes   int
	written time.Time
}

// follow opens the folder and reads until ctx ends or something fails.
func (f *follower) follow(ctx context.Context) (err error) {
	g := f.f.group
	free, err := g.folders.hold(f.partition, standbyHolding)
	if err != nil {
		return err
	}
	defer free()
	facts, err := f.f.look(ctx, f.partition)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s.%d", g.table, f.partition)
	c := &copying{dir: filepath.Join(g.cfg.Dir, g.cfg.Group, name), pending: map[string][]byte{}, written: time.Now()}
	var why string
	if c.db, c.meta, why, err = openFolder(g.files, c.dir, facts, f.partition, f.f.bytes(), 0, g.cfg.now()); err != nil {
		return unusableFolder(c.dir, err)
	}
	if why != "" {
		g.log.Warn("standby copy dropped, reading it from Kafka", "folder", c.dir, "reason", why)
		g.held.reached(f.partition, -1)
	}
	defer func() {
		// What was read is committed, so it may stay also when reading fails.
		err = errors.Join(err, c.write(), c.db.Close())
	}()
	f.offset.Store(c.meta.offset)
	f.usable.Store(!c.meta.asOf.IsZero())
	f.current.Store(false)
	return f.read(ctx, c, facts)
}

func (f *follower) read(ctx context.Context, c *copying, facts facts) error {
	g := f.f.group
	next := max(c.meta.offset+1, facts.tableStart[f.partition])
	reader := newFetcher(f.f.client, g.table, f.partition, shareOfReaders(f.f.count()))
	reader.maxWait = time.Millisecond // a fetch that waits would hold up the others of this client
	for {
		asked := g.cfg.now()
		answer, err := reader.fetch(ctx, next)
		if err != nil {
			return err
		}
		if reader.id != facts.tableID {
			return fmt.Errorf("the topic %s was created anew", g.table)
		}
		for _, r := range answer.records {
			if err := c.take(r); err != nil {
				return err
			}
		}
		g.metrics.standbyRecords.Add(float64(len(answer.records)))
		if answer.next > next {
			next = answer.next
			c.meta.offset = next - 1
		}
		atEnd := next >= answer.stable
		if atEnd {
			c.meta.asOf = asked
		}
		since := time.Since(c.written)
		if c.db.enough(c.bytes) || len(c.pending) > 0 && since >= followFlush ||
			atEnd && (!f.current.Load() || since >= followConfirm) {
			if err := c.write(); err != nil {
				return err
			}
			f.usable.Store(!c.meta.asOf.IsZero())
		}
		f.offset.Store(c.meta.offset)
		f.lag.Store(max(answer.stable-next, 0))
		if atEnd {
			f.current.Store(true)
			if sleep(ctx, followEvery) != nil {
				return nil
			}
		}
	}
}

// take notes one record of the changelog.
func (c *copying) take(r *kgo.Record) error {
	key := string(r.Key)
	if strings.HasPrefix(key, ownPrefix) {
		return fmt.Errorf("%s/%d has the reserved key %q at offset %d", r.Topic, r.Partition, key, r.Offset)
	}
	c.pending[key] = r.Value
	c.bytes += len(r.Key) + len(r.Value)
	return nil
}

// write makes durable what was taken, with the offset that it goes up to.
func (c *copying) write() error {
	if c.meta.offset < 0 && c.meta.asOf.IsZero() {
		return nil
	}
	var batch leveldb.Batch
	if err := c.db.write(&batch, nil, nil, c.pending, c.meta); err != nil {
		if corrupted(err) {
			condemn(c.dir)
		}
		return unusableFolder(c.dir, fmt.Errorf("writing: %w", err))
	}
	c.pending, c.bytes, c.written = map[string][]byte{}, 0, time.Now()
	return nil
}

// look finds what openFolder compares a folder with.
func (f *followers) look(ctx context.Context, partition int32) (facts, error) {
	table, adm := f.group.table, kadm.NewClient(f.client)
	topics, err := adm.ListTopics(ctx, table)
	if err == nil {
		err = topics[table].Err
	}
	if err != nil {
		return facts{}, fmt.Errorf("metadata of %s: %w", table, err)
	}
	found := facts{tableID: topics[table].ID}
	if err := f.group.retentions(ctx, adm, &found, nil); err != nil {
		return found, err
	}
	if found.tableStart, found.tableEnd, err = logBounds(ctx, adm, table); err != nil {
		return found, err
	}
	if _, ok := found.tableEnd[partition]; !ok {
		return found, fmt.Errorf("%s has no partition %d", table, partition)
	}
	return found, nil
}
