package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	gokastorage "github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
	lerrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kadm"
)

// meta stands in each store, written with the values it belongs to.
type meta struct {
	topic     kadm.TopicID
	partition int32
	offset    int64     // of the changelog: the values are those up to here; -1: none
	asOf      time.Time // the values were those of the whole changelog then; zero: never yet
}

const (
	metaVersion = 2 // 1 had no partition
	metaBytes   = 37
)

func (m meta) encode() []byte {
	b := append(make([]byte, 0, metaBytes), metaVersion)
	b = append(b, m.topic[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.partition))
	b = binary.BigEndian.AppendUint64(b, uint64(m.offset))
	ms := int64(0)
	if !m.asOf.IsZero() {
		ms = m.asOf.UnixMilli()
	}
	return binary.BigEndian.AppendUint64(b, uint64(ms))
}

func decodeMeta(b []byte) (m meta, ok bool) {
	if len(b) != metaBytes || b[0] != metaVersion {
		return m, false
	}
	copy(m.topic[:], b[1:17])
	m.partition = int32(binary.BigEndian.Uint32(b[17:]))
	m.offset = int64(binary.BigEndian.Uint64(b[21:]))
	if ms := int64(binary.BigEndian.Uint64(b[29:])); ms != 0 {
		m.asOf = time.UnixMilli(ms)
	}
	return m, true
}

// unusable says why a folder must not be built upon; "" where it may.
//
// The age matters because compaction drops tombstones after
// delete.retention.ms: a folder that has not seen them by then would keep
// the deleted keys for ever.
func (m meta) unusable(f facts, partition int32, now time.Time) string {
	switch age := now.Sub(m.asOf); {
	case m.topic != f.tableID:
		return "it belongs to another topic, or the topic was created anew"
	case m.partition != partition:
		return fmt.Sprintf("it belongs to partition %d", m.partition)
	case m.asOf.IsZero():
		return "its recovery was never completed"
	case age > f.retention-margin(f.retention):
		return fmt.Sprintf("it is %v old, and deletions older than %v may be compacted away", age.Round(time.Minute), f.retention)
	case age < -time.Hour:
		return "it was written in the future: the clock was set back"
	case m.offset >= f.tableEnd[partition]:
		return fmt.Sprintf("it is ahead of the changelog (offset %d, end %d)", m.offset, f.tableEnd[partition])
	case m.offset+1 < f.tableStart[partition]:
		return fmt.Sprintf("the changelog's start has moved past it (offset %d, start %d)", m.offset, f.tableStart[partition])
	}
	return ""
}

// condemned marks a folder whose leveldb turned out to be damaged while it was
// open: the next incarnation drops it.
const condemned = "CONDEMNED"

func condemn(dir string) {
	if f, err := os.Create(filepath.Join(dir, condemned)); err == nil {
		_ = f.Close()
	}
}

// storage is goka's builder of the store of a table partition.
func (inc *incarnation) storage(topic string, partition int32) (gokastorage.Storage, error) {
	cfg, log := inc.cfg, inc.group.log
	name := fmt.Sprintf("%s.%d", topic, partition)
	dir := filepath.Join(cfg.Dir, cfg.Group, name)
	free, err := inc.group.folders.hold(partition, ownerHolding)
	if err != nil {
		inc.fail(err)
		return nil, err
	}
	owned := inc.owned()
	db, m, why, err := openFolder(inc.group.files, dir, inc.facts, partition, cfg.StoreBytes/owned, mostDirty(cfg.CacheBytes/owned), cfg.now())
	end, start := inc.facts.tableEnd[partition], inc.facts.tableStart[partition]
	fresh := m.asOf.IsZero() && end > start
	if err == nil && fresh { // such a folder is dropped, should this recovery not end
		db, err = db.again(true)
	}
	if err != nil {
		free()
		err = unusableFolder(dir, err)
		inc.fail(err)
		return nil, err
	}
	if why != "" {
		log.Warn("local state dropped, recovering from Kafka", "folder", dir, "reason", why)
	}
	st := newStore(name, partition, dir, db, m)
	st.fresh, st.goal = fresh, end
	st.limit = cfg.MaxRecordBytes - batchOverhead
	st.onError, st.free, st.now = inc.fail, free, cfg.now
	st.flushEvery = cfg.FlushInterval
	if cfg.CacheBytes > 0 {
		st.cache = newCache(cfg.CacheBytes / owned)
	}
	inc.group.recovering().total.Add(max(end-max(m.offset+1, start), 0))
	inc.mu.Lock()
	inc.stores = append(inc.stores, st)
	inc.mu.Unlock()
	return st, nil
}

// openFolder opens or creates the leveldb; a folder that must not be used is
// removed before, and why says so.
func openFolder(files filesOf, dir string, f facts, partition int32, bytes, write int, now time.Time) (db *level, m meta, why string, err error) {
	fresh := meta{topic: f.tableID, partition: partition, offset: -1}
	if _, err := os.Stat(filepath.Join(dir, condemned)); err == nil {
		why = "its leveldb was found damaged"
	} else if db, m, why, err = openLevel(files, dir, bytes, write); err != nil {
		return nil, fresh, "", err
	} else if why == "" && db != nil {
		if why = m.unusable(f, partition, now); why == "" {
			return db, m, "", nil
		}
		if err := db.Close(); err != nil {
			return nil, fresh, "", err
		}
	}
	if why != "" {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fresh, why, err
		}
	}
	db, _, err = openFiles(files, dir, bytes, write)
	return db, fresh, why, err
}

// openLevel opens what is there. A nil db without a reason: nothing is there.
// Damage is a reason; a lock that another process holds is an error.
func openLevel(files filesOf, dir string, bytes, write int) (*level, meta, string, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, meta{}, "", nil
	}
	db, why, err := openFiles(files, dir, bytes, write)
	switch {
	case why != "":
		return nil, meta{}, "its leveldb is damaged: " + why, nil
	case err != nil && damaged(err):
		return nil, meta{}, fmt.Sprintf("its leveldb is damaged: %v", err), nil
	case err != nil:
		return nil, meta{}, "", err
	}
	b, err := db.Get([]byte(metaKey), nil)
	m, ok := decodeMeta(b)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil, m, "its recovery was never completed", db.Close()
	case err != nil && damaged(err):
		_ = db.Close()
		return nil, m, fmt.Sprintf("its leveldb is damaged: %v", err), nil
	case err != nil:
		return nil, m, "", errors.Join(err, db.Close())
	case !ok:
		return nil, m, "it was written by another version", db.Close()
	}
	return db, m, "", nil
}

// errState: the folder of local state cannot be used, whatever Kafka does.
var errState = errors.New("local state cannot be kept")

// unusableFolder adds what a person can do about it.
func unusableFolder(dir string, err error) error {
	remedy := ""
	switch {
	case noSpace(err):
		remedy = "make space there"
	case readOnly(err), errors.Is(err, os.ErrPermission):
		remedy = "make it writable for this user"
	default:
		return fmt.Errorf("local state %s: %w", dir, err)
	}
	return fmt.Errorf("%w in %s: %w; %s, or choose another folder, and start again: nothing is lost, Kafka has it", errState, dir, err, remedy)
}

// corrupted: leveldb's own test does not look into wrapped errors.
func corrupted(err error) bool {
	var (
		db    *lerrors.ErrCorrupted
		files *storage.ErrCorrupted
	)
	return errors.As(err, &db) || errors.As(err, &files)
}

// damaged is about an error of opening.
func damaged(err error) bool {
	return corrupted(err) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrInvalid)
}
