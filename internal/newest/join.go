package newest

import (
	"bytes"

	"github.com/syndtr/goleveldb/leveldb/util"
)

// Join walks over two tables of one folder side by side, in the order of the
// keys. a or b is nil where its table lacks the key; a value of no bytes is not
// nil. The slices are only valid during the call of fn.
func Join(left, right *Table, fn func(key, a, b []byte) error) error {
	for _, t := range []*Table{left, right} {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	l := left.folder.db.NewIterator(util.BytesPrefix([]byte{left.prefix}), nil)
	defer l.Release()
	r := right.folder.db.NewIterator(util.BytesPrefix([]byte{right.prefix}), nil)
	defer r.Release()
	moreL, moreR := l.Next(), r.Next()
	for moreL || moreR {
		order := 0
		switch {
		case !moreR:
			order = -1
		case !moreL:
			order = 1
		default:
			order = bytes.Compare(l.Key()[1:], r.Key()[1:])
		}
		var key, a, b []byte
		if order <= 0 {
			key, a = l.Key()[1:], present(l.Value())
		}
		if order >= 0 {
			key, b = r.Key()[1:], present(r.Value())
		}
		if err := fn(key, a, b); err != nil {
			return err
		}
		if order <= 0 {
			moreL = l.Next()
		}
		if order >= 0 {
			moreR = r.Next()
		}
	}
	if err := l.Error(); err != nil {
		return err
	}
	return r.Error()
}

func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
