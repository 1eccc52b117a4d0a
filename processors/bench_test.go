package processors

import (
	"testing"

	"customer360/codec"
	"customer360/topology"
)

// groves are the three registers of a usual customer.
func groves() []codec.Record {
	const k = "matthew.groves@couchbase.com"
	return []codec.Record{
		assert(k, codec.HomeDelivery, `{"id":1029}`, 1000, "id", "1029", "name", "Matthew Groves", "address1", "600 Sporer Curve", "address2", "Suite 528",
			"city", "West Evertchester", "state", "NH", "zipcode", "04006", "phone", "811.128.4320 x4808", "email", k, "pass", "5owhiy1j.isq"),
		assert(k, codec.Loyalty, "27", 2000, "id", `"27"`, "name", "Matthew Groves", "email", k, "loyaltyPoints", "47", "pass", "xrinn5xp.swd"),
		assert(k, codec.OnlineStore, k, 3000, "id", "1", "name", "Matthew Groves", "email", k, "pass", "edzchzmatv5",
			"orders", `{"count":2,"newest":[{"id":1,"date":"2019-04-25T15:15:5800838522","total":1137.31},{"id":2,"date":"2019-04-13T16:15:5801361975","total":439.48}]}`),
	}
}

func BenchmarkMerge(b *testing.B) {
	records := groves()
	state, _ := mergeAll(b, records...)
	f := testFolder()
	for _, c := range []struct {
		name   string
		record codec.Record
	}{
		{"changed", assert(records[0].Key, codec.Loyalty, "27", 0, "id", `"27"`, "name", "Matthew Groves", "email", records[0].Key, "loyaltyPoints", "48", "pass", "xrinn5xp.swd")},
		{"unchanged", records[1]},
		{"first", records[0]},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := state
			if c.name == "first" {
				before = nil
			}
			version := int64(5000)
			for b.Loop() {
				version++
				c.record.Version = version
				if step, err := f.step(before, &c.record, topology.MaxMessageBytes); err != nil || step.state == nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("registers=256", func(b *testing.B) {
		var state []byte
		for i := range maxRegisters {
			r := records[0]
			r.Identity = []byte{'1', byte(i)}
			step, err := f.step(state, &r, topology.MaxMessageBytes)
			if err != nil {
				b.Fatal(err)
			}
			state = step.state
		}
		r := records[0]
		r.Identity = []byte{'1', 128}
		b.ReportAllocs()
		for b.Loop() {
			r.Version++
			if _, err := f.step(state, &r, topology.MaxMessageBytes); err != nil {
				b.Fatal(err)
			}
		}
	})
}
