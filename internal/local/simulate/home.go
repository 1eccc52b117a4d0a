package simulate

// home is the table of Home Delivery: the population's rows under an overlay of
// what changed since. It is not safe for concurrent use.
type home struct {
	p       *population
	changed map[int64]*Row // by id; nil: deleted
	live    int64
	nextID  int64

	newcomers int64 // people who were not in the population
	emails    int64 // addresses taken so far by a change
	joined    map[int64]bool
	graves    []Row // the last rows deleted, to be inserted again
}

const maxGraves = 64

func newHome(p *population) *home {
	return &home{
		p: p, changed: make(map[int64]*Row), live: p.rowCount(), nextID: p.nextRowID(),
		joined: make(map[int64]bool),
	}
}

func (h *home) row(id int64) (Row, bool) {
	if row, ok := h.changed[id]; ok {
		if row == nil {
			return Row{}, false
		}
		return *row, true
	}
	if i, ok := h.p.rowPerson(id); ok {
		return h.p.row(i, id), true
	}
	return Row{}, false
}

// rows yields the table in the order of its key.
func (h *home) rows(yield func(Row) bool) {
	for id := int64(firstRowID); id < h.nextID; id++ {
		if row, ok := h.row(id); ok && !yield(row) {
			return
		}
	}
}

// anyRow picks a row that something may happen to: never Matthew's. In a table
// with few rows, or many holes, it may find none.
func (h *home) anyRow(d *dice) (Row, bool) {
	for range 16 {
		id := firstRowID + d.below64(h.nextID-firstRowID)
		if id == matthewRow {
			continue
		}
		if row, ok := h.row(id); ok {
			return row, true
		}
	}
	return Row{}, false
}

// change is what one row event of the binary log says.
type change struct {
	op            byte // c, u or d
	before, after *Row
	row           int    // the row within its event
	oldKey        *int64 // on the c of a changed key
	newKey        *int64 // on the d of a changed key
}

func (h *home) insert(row Row) change {
	h.changed[row.ID] = &row
	h.live++
	h.nextID = max(h.nextID, row.ID+1)
	return change{op: 'c', after: &row}
}

func (h *home) update(before, after Row) change {
	h.changed[after.ID] = &after
	return change{op: 'u', before: &before, after: &after}
}

func (h *home) delete(row Row) change {
	h.changed[row.ID] = nil
	h.live--
	return change{op: 'd', before: &row}
}
