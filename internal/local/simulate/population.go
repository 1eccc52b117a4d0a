package simulate

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed matthew.json
var matthewJSON []byte

// population answers who exists at the beginning of the world and under which
// ids, by arithmetic alone. Of every three people one is in Home Delivery and
// Loyalty, one in Home Delivery only, one in Loyalty only; three of every six
// are in the Online Store as well: a half of each kind.
type population struct {
	seed    int64
	n       int64 // people, Matthew included: at least 1
	matthew struct {
		Row      Row
		Member   Member
		Customer Customer
		Orders   []Order
	}
	first, last []name
	domains     []string
	streets     []string
	places      []place
	products    []product
}

const (
	firstRowID  = 1001
	matthewRow  = 1029
	matthewIn27 = 27
	maxOrders   = 4
	maxItems    = 5
	maxPerson   = 1 << 40 // newcomers' numbers stay below it
)

func newPopulation(seed int64, customers int) (*population, error) {
	p := &population{
		seed: seed, n: max(int64(customers), 1),
		first: firstNames(), last: lastNames(), domains: mailDomains(),
		streets: streets(), places: places(), products: products(),
	}
	if err := json.Unmarshal(matthewJSON, &p.matthew); err != nil {
		return nil, fmt.Errorf("reading the embedded Matthew Groves: %w", err)
	}
	return p, nil
}

func (p *population) rowCount() int64      { return p.n/3*2 + min(p.n%3, 2) }
func (p *population) memberCount() int64   { return p.n/3*2 + min(p.n%3, 1) }
func (p *population) customerCount() int64 { return p.n/6*3 + min(p.n%6, 3) }

func inHomeDelivery(i int64) bool { return i%3 != 2 }
func inLoyalty(i int64) bool      { return i%3 != 1 }
func inStore(i int64) bool        { return i/3%2 == 0 }

// Ids count up in each system. Matthew, first of all, has changed places with
// the one whose id the tutorial gives him.

func rowID(i int64) int64        { return firstRowID + swapped(i/3*2+i%3, matthewRow-firstRowID) }
func memberID(i int64) int64     { return 1 + swapped(i/3*2+min(i%3, 1), matthewIn27-1) }
func customerID(i int64) int64   { return 1 + i/6*3 + i%3 }
func firstOrderID(i int64) int64 { return (customerID(i)-1)*maxOrders + 1 }

func swapped(rank, with int64) int64 {
	switch rank {
	case 0:
		return with
	case with:
		return 0
	}
	return rank
}

// rowPerson returns who has a row id at the beginning.
func (p *population) rowPerson(id int64) (int64, bool) {
	if id < firstRowID {
		return 0, false
	}
	rank := swapped(id-firstRowID, matthewRow-firstRowID)
	i := rank/2*3 + rank%2
	return i, i < p.n
}

func (p *population) memberPerson(id int64) (int64, bool) {
	if id < 1 {
		return 0, false
	}
	rank := swapped(id-1, matthewIn27-1)
	i := rank/2*3 + rank%2*2
	return i, i < p.n
}

func (p *population) customerPerson(id int64) (int64, bool) {
	if id < 1 {
		return 0, false
	}
	i := (id-1)/3*6 + (id-1)%3
	return i, i < p.n
}

// The first ids that nobody has at the beginning.

func (p *population) nextRowID() int64      { return max(firstRowID+p.rowCount(), matthewRow+1) }
func (p *population) nextMemberID() int64   { return max(1+p.memberCount(), matthewIn27+1) }
func (p *population) nextCustomerID() int64 { return 1 + p.customerCount() }
func (p *population) nextOrderID() int64    { return p.customerCount()*maxOrders + 1 }

// rowBounds are the lowest and the highest row id at the beginning.
func (p *population) rowBounds() (first, last int64) {
	if p.matthewApart() {
		if p.rowCount() == 1 {
			return matthewRow, matthewRow
		}
		return firstRowID + 1, matthewRow
	}
	return firstRowID, firstRowID + p.rowCount() - 1
}

// rowsBelow counts the rows at the beginning with an id below one.
func (p *population) rowsBelow(id int64) int64 {
	if !p.matthewApart() {
		return min(max(id-firstRowID, 0), p.rowCount())
	}
	below := min(max(id-firstRowID-1, 0), p.rowCount()-1)
	if id > matthewRow {
		below++
	}
	return below
}

// matthewApart: so few rows that nobody stands where Matthew's id is; his is the
// last one, and the first id is free.
func (p *population) matthewApart() bool { return p.rowCount() <= matthewRow-firstRowID }
