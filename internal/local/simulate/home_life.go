package simulate

// happen lets one thing happen in Home Delivery and returns the row events of
// its transaction. It is a function of the table and the dice.
func (h *home) happen(d *dice) []change {
	switch what := d.Below(60); {
	case what < 22:
		return h.moveHouse(d)
	case what < 28:
		return h.changePhone(d)
	case what < 34:
		return h.changeEmail(d)
	case what < 37:
		return h.swapEmails(d)
	case what < 42:
		return h.leave(d)
	case what < 46:
		return h.comeBack(d)
	case what < 49:
		return h.changeKey(d)
	}
	return h.arrive(d)
}

func (h *home) moveHouse(d *dice) []change {
	row, ok := h.anyRow(d)
	if !ok {
		return h.arrive(d)
	}
	moved := row
	h.p.settle(&moved, d)
	return []change{h.update(row, moved)}
}

func (h *home) changePhone(d *dice) []change {
	row, ok := h.anyRow(d)
	if !ok {
		return h.arrive(d)
	}
	changed := row
	changed.Phone = phone(d)
	return []change{h.update(row, changed)}
}

func (h *home) changeEmail(d *dice) []change {
	row, ok := h.anyRow(d)
	if !ok {
		return h.arrive(d)
	}
	changed := row
	h.emails++
	changed.Email = newEmail(row.Email, h.emails)
	return []change{h.update(row, changed)}
}

// swapEmails is one statement over two rows: two row events at one position.
func (h *home) swapEmails(d *dice) []change {
	a, oka := h.anyRow(d)
	b, okb := h.anyRow(d)
	if !oka || !okb || a.ID == b.ID {
		return h.arrive(d)
	}
	newA, newB := a, b
	newA.Email, newB.Email = b.Email, a.Email
	changes := []change{h.update(a, newA), h.update(b, newB)}
	changes[1].row = 1
	return changes
}

func (h *home) leave(d *dice) []change {
	row, ok := h.anyRow(d)
	if !ok {
		return h.arrive(d)
	}
	if h.graves = append(h.graves, row); len(h.graves) > maxGraves {
		h.graves = h.graves[1:]
	}
	return []change{h.delete(row)}
}

// comeBack inserts a deleted row again: under its old id, or as a new row that
// takes up the old address.
func (h *home) comeBack(d *dice) []change {
	if len(h.graves) == 0 {
		return h.arrive(d)
	}
	k := d.Below(len(h.graves))
	row := h.graves[k]
	h.graves = append(h.graves[:k:k], h.graves[k+1:]...)
	_, taken := h.row(row.ID)
	if taken || d.oneIn(2) {
		row.ID = h.nextID
	}
	h.p.settle(&row, d)
	return []change{h.insert(row)}
}

// changeKey gives a row a new id. MySQL writes one update; Debezium makes a
// delete and a create of it, at one position.
func (h *home) changeKey(d *dice) []change {
	row, ok := h.anyRow(d)
	if !ok {
		return h.arrive(d)
	}
	moved := row
	moved.ID = h.nextID
	gone, come := h.delete(row), h.insert(moved)
	gone.newKey, come.oldKey = &moved.ID, &row.ID
	return []change{gone, come}
}

// arrive inserts a row: of somebody Loyalty knows already, or of somebody new.
func (h *home) arrive(d *dice) []change {
	if d.oneIn(3) {
		if i := d.below64(h.p.n)/3*3 + 2; i < h.p.n && !h.joined[i] {
			h.joined[i] = true
			return []change{h.insert(h.p.row(i, h.nextID))}
		}
	}
	i := h.p.n + 2*h.newcomers // Loyalty's newcomers have the numbers between
	h.newcomers++
	return []change{h.insert(h.p.row(i, h.nextID))}
}
