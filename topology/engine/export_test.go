package engine

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/twmb/franz-go/pkg/kgo"
)

// CompareFolders compares each local folder with the changelog up to the
// folder's own offset: a value of an aborted transaction, or one that is
// missing, shows.
func CompareFolders(glob, table string, changelog []*kgo.Record) map[string]string {
	result := map[string]string{}
	folders, _ := filepath.Glob(filepath.Join(glob, table+".*"))
	for _, f := range folders {
		partition, _ := strconv.Atoi(f[strings.LastIndexByte(f, '.')+1:])
		result[f] = compareFolder(f, int32(partition), changelog)
	}
	return result
}

func compareFolder(folder string, partition int32, changelog []*kgo.Record) string {
	db, err := leveldb.OpenFile(folder, levelOptions(1<<24, 0))
	if err != nil {
		return err.Error()
	}
	defer db.Close()
	b, _ := db.Get([]byte(metaKey), nil)
	m, ok := decodeMeta(b)
	if !ok {
		return "" // nothing was ever recovered in it
	}
	want := map[string][]byte{}
	for _, r := range changelog {
		switch {
		case r.Partition != partition || r.Offset > m.offset:
		case r.Value == nil:
			delete(want, string(r.Key))
		default:
			want[string(r.Key)] = r.Value
		}
	}
	diff := 0
	it := db.NewIterator(nil, nil)
	defer it.Release()
	for it.Next() {
		key := string(it.Key())
		if strings.HasPrefix(key, ownPrefix) {
			continue
		}
		if v, ok := want[key]; !ok || !bytes.Equal(v, it.Value()) {
			diff++
		}
		delete(want, key)
	}
	if diff += len(want); diff > 0 {
		return fmt.Sprintf("%d keys differ from the changelog at offset %d", diff, m.offset)
	}
	return ""
}

// lie changes a folder so that its values are wrong and its meta claims m.
func lie(folder string, change func(*meta)) error {
	db, err := leveldb.OpenFile(folder, levelOptions(1<<24, 0))
	if err != nil {
		return err
	}
	defer db.Close()
	b, err := db.Get([]byte(metaKey), nil)
	if err != nil {
		return err
	}
	m, _ := decodeMeta(b)
	change(&m)
	for i := range 50 {
		if err := db.Put([]byte("key-"+strconv.Itoa(i)), []byte(`{"Count":1000000}`), nil); err != nil {
			return err
		}
	}
	return db.Put([]byte(metaKey), m.encode(), nil)
}

func LieAhead(f string) error      { return lie(f, func(m *meta) { m.offset += 1_000_000 }) }
func LieTopic(f string) error      { return lie(f, func(m *meta) { m.topic[3]++ }) }
func LieOld(f string) error        { return lie(f, func(m *meta) { m.asOf = m.asOf.Add(-24 * time.Hour) }) }
func LieUnfinished(f string) error { return lie(f, func(m *meta) { m.asOf = time.Time{} }) }

var TimeOf = timeOf
