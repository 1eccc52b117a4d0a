package simulate

import "iter"

// Table is Home Delivery's table by itself, for a writer of one's own (SQL): the
// same people under the same ids as in a World of equal seed and customers, whose
// Online Store and Loyalty run elsewhere. It is not safe for concurrent use.
type Table struct {
	seed int64
	home *home
	step int64
}

// Change is one row event of a step. Op is c, u or d; a changed key is a d and a
// c with MovedTo set on the d.
type Change struct {
	Op            byte
	Before, After *Row   // nil where the operation has none
	MovedTo       *int64 // the row's new id
}

// NewTable makes the table as it is at the beginning.
func NewTable(seed int64, customers int) (*Table, error) {
	people, err := newPopulation(seed, customers)
	if err != nil {
		return nil, err
	}
	return &Table{seed: seed, home: newHome(people)}, nil
}

// Rows yields the table in the order of its key.
func (t *Table) Rows() iter.Seq[Row] { return t.home.rows }

// Count is how many rows the table has.
func (t *Table) Count() int64 { return t.home.live }

// Step counts the world's steps so far, those of the Online Store included.
func (t *Table) Step() int64 { return t.step }

// Skip lets everything up to a step happen.
func (t *Table) Skip(step int64) {
	for t.step < step {
		t.advance()
	}
}

// Next goes on to the next step that changes the table and returns what it does,
// in one transaction.
func (t *Table) Next() []Change {
	for {
		if changes := t.advance(); len(changes) > 0 {
			return changes
		}
	}
}

func (t *Table) advance() []Change {
	t.step++
	d := roll(t.seed, ofStep, t.step)
	if !atHome(&d) {
		return nil
	}
	happened := t.home.happen(&d)
	changes := make([]Change, len(happened))
	for i, c := range happened {
		changes[i] = Change{Op: c.op, Before: c.before, After: c.after, MovedTo: c.newKey}
	}
	return changes
}
