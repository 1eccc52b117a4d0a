package load

import "fmt"

const (
	ofPerson = iota + 1
	ofRecord
	ofRow
	ofMix
)

// person is what never changes about a customer.
type person struct {
	first, last, email, pass                        string
	address1, address2, city, state, zipcode, phone string
}

func (g *Generator) person(customer int) person {
	d := roll(g.cfg.Seed, ofPerson, customer)
	p := person{
		first: pick(&d, "Matthew", "Zoë", "Kenneth", "Sally", "Łukasz", "Anne", "Wang", "Maria"),
		last:  pick(&d, "Groves", "O'Connor", "Walker", "Anderson", "Kretchmar", "García", "Thomas", "Bailey"),
		pass:  d.letters(8) + "." + d.letters(3),
		city:  pick(&d, "West Evertchester", "North Judah", "Port Alice", "Lake Ora"),
		state: pick(&d, "NH", "OH", "CA", "TX", "ME"),
	}
	p.address1 = fmt.Sprintf("%d %s", 1+d.Below(9999), pick(&d, "Sporer Curve", "Kub Mill", "Main Street", "Wiza Row"))
	if d.Below(2) == 0 {
		p.address2 = fmt.Sprintf("Suite %d", 1+d.Below(999))
	}
	p.zipcode = fmt.Sprintf("%05d", d.Below(100_000))
	p.phone = fmt.Sprintf("811.%03d.%04d x%d", d.Below(1000), d.Below(10_000), d.Below(10_000))
	p.email = emailOf(customer)
	return p
}
