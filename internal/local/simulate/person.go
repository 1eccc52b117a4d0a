package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// identity is what the three systems have in common of a person.
type identity struct {
	first, last name
	email       string
}

func (p *population) identity(i int64) identity {
	if i == 0 {
		m := p.matthew.Member
		return identity{name{m.FirstName, "matthew"}, name{m.LastName, "groves"}, m.Email}
	}
	d := roll(p.seed, ofIdentity, i)
	id := identity{first: pick(&d, p.first), last: pick(&d, p.last)}
	id.email = id.address(&d, p.domains, i)
	return id
}

// address makes an e-mail address that ends, before the @, in the person's
// number: unique, and the way from an address back to its person.
func (id identity) address(d *dice, domains []string, i int64) string {
	separator := "."
	switch d.Below(12) {
	case 0:
		separator = "_"
	case 1:
		separator = "+" // must survive URL encoding
	}
	b := make([]byte, 0, 48)
	b = append(b, id.first.slug...)
	b = append(b, separator...)
	b = append(b, id.last.slug...)
	b = strconv.AppendInt(b, i, 10)
	b = append(b, '@')
	return string(append(b, pick(d, domains)...))
}

// emailPerson returns the number in an address as address made it.
func emailPerson(email string) (int64, bool) {
	local, _, ok := strings.Cut(email, "@")
	if !ok {
		return 0, false
	}
	digits := strings.TrimLeftFunc(local, func(r rune) bool { return !unicode.IsDigit(r) })
	i, err := strconv.ParseInt(digits, 10, 64)
	return i, err == nil && i < maxPerson
}

// newEmail is the address a person takes when it changes: two numbers, so that
// it meets no first address, and counted, so that it meets no other new one.
func newEmail(old string, count int64) string {
	local, domain, _ := strings.Cut(normalise(old), "@")
	stem, _, _ := strings.Cut(local, "~")
	return fmt.Sprintf("%s~r%d@%s", stem, count, domain)
}

// normalise is the contract's rule for document keys.
func normalise(email string) string {
	return strings.ToLower(strings.TrimFunc(email, unicode.IsSpace))
}

// The systems' spellings of one address. Each system asks its own dice, so a
// person may be spelled three ways.

func (p *population) spelled(email string, i int64, system int64) string {
	if i == 0 {
		return email
	}
	d := roll(p.seed, ofSpelling, i*3+system)
	switch d.Below(60) {
	case 0, 1:
		return strings.ToUpper(email[:1]) + email[1:]
	case 2:
		return strings.ToUpper(email)
	case 3:
		return "  " + strings.ToUpper(email[:1]) + email[1:]
	case 4:
		return email + " "
	}
	return email
}

// row is person i's row in Home Delivery under a given id.
func (p *population) row(i, id int64) Row {
	if i == 0 {
		return p.matthew.Row
	}
	who := p.identity(i)
	secrets := roll(p.seed, ofSecrets, i*3)
	row := Row{
		ID: id, Name: who.first.spelled + " " + who.last.spelled,
		Email: p.spelled(who.email, i, 0), Password: secrets.secret(),
	}
	d := roll(p.seed, ofAddress, i)
	p.settle(&row, &d)
	row.Phone = phone(&d)
	return row
}

// settle gives a row an address.
func (p *population) settle(row *Row, d *dice) {
	row.Address1 = strconv.Itoa(1+d.Below(9999)) + " " + pick(d, p.streets)
	switch d.Below(4) {
	case 0:
		row.Address2 = "Suite " + strconv.Itoa(1+d.Below(999))
	case 1:
		row.Address2 = "Apt. " + string(rune('A'+d.Below(26)))
	default:
		row.Address2 = ""
	}
	at := pick(d, p.places)
	row.City, row.State = at.city, at.state
	row.Zipcode = fmt.Sprintf("%s%02d", at.zip, d.Below(100))
	if d.oneIn(4) {
		row.Zipcode = fmt.Sprintf("%s-%04d", row.Zipcode, d.Below(10000))
	}
}

func phone(d *dice) string {
	a, b, c := 200+d.Below(800), 100+d.Below(900), d.Below(10000)
	switch d.Below(4) {
	case 0:
		return fmt.Sprintf("%d.%d.%04d x%d", a, b, c, 100+d.Below(9900))
	case 1:
		return fmt.Sprintf("(%d) %d-%04d", a, b, c)
	case 2:
		return fmt.Sprintf("1-%d-%d-%04d", a, b, c)
	}
	return fmt.Sprintf("%d-%d-%04d", a, b, c)
}

// member is person i as Loyalty knows it in a given night (1 is the first).
func (p *population) member(i, id, night int64) Member {
	if i == 0 {
		return p.matthew.Member
	}
	who := p.identity(i)
	secrets := roll(p.seed, ofSecrets, i*3+1)
	return Member{
		ID: id, Password: secrets.secret(), FirstName: who.first.spelled, LastName: who.last.spelled,
		Email: p.spelled(who.email, i, 1), Points: p.points(i, night),
	}
}

// points rise for about one member in five a night, each in its own rhythm.
func (p *population) points(i, night int64) int {
	d := roll(p.seed, ofPoints, i)
	start, gain, rhythm := d.Below(5000), 1+d.Below(40), 3+d.below64(6)
	return start + gain*int((night-1+d.below64(rhythm))/rhythm)
}

// customer is person i as the Online Store knows it under a given id.
func (p *population) customer(i, id int64) Customer {
	if i == 0 {
		return p.matthew.Customer
	}
	who := p.identity(i)
	secrets := roll(p.seed, ofSecrets, i*3+2)
	c := Customer{ID: id, Password: secrets.secret(), Email: p.spelled(who.email, i, 2)}
	c.Name = who.first.spelled + " " + who.last.spelled
	if secrets.oneIn(10) {
		initial := []rune(who.first.spelled)[0]
		c.Name = string(initial) + ". " + who.last.spelled
	}
	return c
}

// orders are person i's orders at the beginning: one to four.
func (p *population) orders(i int64) []Order {
	if i == 0 {
		return p.matthew.Orders
	}
	d := roll(p.seed, ofOrders, i)
	orders := make([]Order, 1+d.Below(maxOrders))
	for k := range orders {
		orders[k] = p.order(&d, firstOrderID(i)+int64(k), customerID(i))
	}
	return orders
}

func (p *population) order(d *dice, id, customer int64) Order {
	o := Order{ID: id, CustomerID: customer, PurchaseDate: purchaseDate(d), Items: make([]Item, 1+d.Below(maxItems))}
	for k := range o.Items {
		o.Items[k] = Item{ProductID: pick(d, p.products).ID, Quantity: 1 + d.Below(5), Cents: 1000 + d.Below(25001)}
	}
	return o
}
