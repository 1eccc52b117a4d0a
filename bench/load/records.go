package load

import (
	"fmt"
	"iter"
	"strconv"

	"customer360/codec"
)

// Message is a Kafka record's key and value.
type Message struct{ Key, Value []byte }

// Records are those that merge reads, encoded. A message's bytes are the
// caller's.
func (g *Generator) Records() iter.Seq[Message] { return g.Encoded(Binary) }

// Encoded are the records in either form.
func (g *Generator) Encoded(form Form) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for r := range g.Decoded() {
			value := []byte(nil)
			if form == JSON {
				value = appendJSON(nil, &r)
			} else {
				value = r.AppendValue(nil)
			}
			if !yield(Message{Key: []byte(r.Key), Value: value}) {
				return
			}
		}
	}
}

// Decoded are the same records before they are encoded.
func (g *Generator) Decoded() iter.Seq[codec.Record] {
	if g.cfg.Mix == Mixed {
		return g.mixed
	}
	return func(yield func(codec.Record) bool) {
		for i := range g.cfg.Records {
			if !yield(g.record(i)) {
				return
			}
		}
	}
}

// record i. Its number is its version, and is in a field of each source, so that
// no record repeats another.
func (g *Generator) record(i int) codec.Record {
	d := roll(g.cfg.Seed, ofRecord, i)
	customer := g.customer(i, &d)
	p := g.person(customer)
	source := codec.HomeDelivery
	if i >= g.cfg.Keys {
		source = pick(&d, codec.HomeDelivery, codec.Loyalty, codec.OnlineStore)
	}
	var f codec.Fields
	f.SetString(codec.FieldName, p.first+" "+p.last)
	f.SetString(codec.FieldEmail, p.email)
	f.SetString(codec.FieldPass, p.pass)
	id := strconv.Itoa(1000 + customer)
	identity := id
	switch source {
	case codec.HomeDelivery:
		identity = `{"id":` + id + `}`
		f.SetString(codec.FieldID, id)
		f.SetString(codec.FieldAddress1, p.address1)
		f.SetString(codec.FieldAddress2, p.address2)
		f.SetString(codec.FieldCity, p.city)
		f.SetString(codec.FieldState, p.state)
		f.SetString(codec.FieldZipcode, p.zipcode)
		f.SetString(codec.FieldPhone, fmt.Sprintf("%s %d", p.phone, i))
	case codec.Loyalty:
		f.SetString(codec.FieldID, strconv.Quote(id))
		f.SetString(codec.FieldLoyaltyPoints, strconv.Itoa(i))
	case codec.OnlineStore:
		identity = p.email
		f.SetString(codec.FieldID, id)
		f.SetString(codec.FieldOrders, fmt.Sprintf(
			`{"count":%d,"newest":[{"id":%d,"date":"2019-04-25T15:15:58","total":%d.31},{"id":%d,"date":"2019-04-13T16:15:58","total":439.48}]}`,
			2+i%50, i, 10+d.Below(2000), i-1))
	}
	return codec.Record{Source: source, Identity: []byte(identity), Kind: codec.Assert, Key: p.email,
		Version: int64(i), Fields: f.Append(nil)}
}
