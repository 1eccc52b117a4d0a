package load

import (
	"fmt"
	"strconv"

	"customer360/codec"
)

// The identities that a customer of the mix can have.
const (
	atHome = iota
	atLoyalty
	atShop
	atSecondCard
	identities
)

// Shares of the mix, in a thousand records. Those that find nothing to withdraw,
// or no assert to be older than, are plain asserts instead; so the real shares
// are a little smaller.
const (
	withdraws = 17
	stales    = 6
	repeats   = 100
)

// history is what a customer's identities said last.
type history struct {
	values  [identities]int32 // number of the record that has them, plus 1; 0: none, or withdrawn
	version [identities]int32 // the newest, of asserts and withdraws
}

// mixed yields the records of the mix.
func (g *Generator) mixed(yield func(codec.Record) bool) {
	customers := make([]history, g.cfg.Keys)
	for i := range g.cfg.Records {
		d := roll(g.cfg.Seed, ofMix, i)
		n := g.customer(i, &d)
		if !yield(g.mix(i, n, &customers[n], &d)) {
			return
		}
	}
}

func (g *Generator) mix(i, customer int, last *history, d *dice) codec.Record {
	identity := d.Below(identities - 1)
	if i < g.cfg.Keys {
		identity = atHome
	}
	if identity == atLoyalty && customer%20 == 0 && d.Below(2) == 0 {
		identity = atSecondCard
	}
	r := codec.Record{Kind: codec.Assert, Key: emailOf(customer), Version: int64(i) + 1}
	from := i // the record whose values it has
	switch chance := d.Below(1000); {
	case chance < withdraws && last.values != [identities]int32{}:
		for last.values[identity] == 0 { // the next one that is there
			identity = (identity + 1) % identities
		}
		r.Kind = codec.Withdraw
	case chance < withdraws+stales && last.version[identity] > 1:
		r.Version = int64(last.version[identity]) - 1 // refused, whatever it says, and after a withdraw too
	case chance < withdraws+stales+repeats && last.values[identity] > 0:
		from = int(last.values[identity]) - 1 // the same values once more, with a newer version
	}
	r.Source, r.Identity = place(customer, identity)
	if r.Version > int64(last.version[identity]) {
		last.version[identity], last.values[identity] = int32(r.Version), int32(from)+1
	}
	if r.Kind == codec.Withdraw {
		last.values[identity] = 0
		return r
	}
	f := g.said(from, customer, identity)
	r.Fields = f.Append(nil)
	return r
}

func emailOf(customer int) string { return fmt.Sprintf("customer.%d@example.com", customer) }

// place is the identity's source, and its key there.
func place(customer, identity int) (source string, key []byte) {
	switch identity {
	case atLoyalty:
		return codec.Loyalty, strconv.AppendInt(nil, int64(1000+customer), 10)
	case atSecondCard:
		return codec.Loyalty, strconv.AppendInt(nil, int64(90_000_000+customer), 10)
	case atShop:
		return codec.OnlineStore, []byte(emailOf(customer))
	}
	return codec.HomeDelivery, fmt.Appendf(nil, `{"id":%d}`, 1000+customer)
}

// said are the values of record i: the customer's own, one in ten left empty, and
// some that change with every record.
func (g *Generator) said(i, customer, identity int) *codec.Fields {
	d := roll(g.cfg.Seed, ofRecord, i)
	p := g.person(customer)
	f := new(codec.Fields)
	set := func(field codec.Field, value string) {
		if d.Below(10) > 0 {
			f.SetString(field, value)
		}
	}
	id := strconv.Itoa(1000 + customer)
	set(codec.FieldName, p.first+" "+pick(&d, `A.`, `"Red"`, `& Sons`, `<J>`, `María`, `von der`, `王`)+" "+p.last)
	f.SetString(codec.FieldEmail, p.email)
	set(codec.FieldPass, p.pass)
	switch identity {
	case atHome:
		f.SetString(codec.FieldID, id)
		set(codec.FieldAddress1, fmt.Sprintf("%d %s", 1+d.Below(9999), p.address1))
		set(codec.FieldAddress2, fmt.Sprintf("Suite %d\tFloor %d", 1+d.Below(999), 1+d.Below(30)))
		set(codec.FieldCity, p.city)
		set(codec.FieldState, p.state)
		set(codec.FieldZipcode, p.zipcode)
		set(codec.FieldPhone, p.phone)
	case atLoyalty, atSecondCard:
		_, key := place(customer, identity)
		f.SetString(codec.FieldID, strconv.Quote(string(key)))
		set(codec.FieldLoyaltyPoints, strconv.Itoa(d.Below(5000)))
	case atShop:
		f.SetString(codec.FieldID, id)
		f.SetString(codec.FieldOrders, fmt.Sprintf(`{"count":%d,"newest":[{"id":%d,"date":"2019-04-25T15:15:58","total":%d.31}]}`,
			1+i%50, i, 10+d.Below(2000)))
	}
	return f
}
